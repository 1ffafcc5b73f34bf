"""What the discriminator is shown.

Images brought to one level of detail, and pairs for dual discrimination. Early in training low-resolution
renders are stretched to the discriminator's size, so real images lose the same detail before they are
compared (What You See is What You GAN, section 5); a Gaussian blur that fades within the first images (EG3D)
smooths both. All images [B, 3, H, W].
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def stretch(images: Tensor, size: int) -> Tensor:
    """Bilinear to [B, C, size, size]; the same tensor where nothing changes."""
    if images.shape[-1] == size:
        return images
    return F.interpolate(
        images, size=(size, size), mode="bilinear", align_corners=False, antialias=images.shape[-1] > size
    )


def at_detail_of(images: Tensor, rendered: int) -> Tensor:
    """Real images as a render of `rendered`² pixels would show them.

    Reduced to it with a low-pass filter and stretched back.
    """
    size = images.shape[-1]
    return images if rendered >= size else stretch(stretch(images, rendered), size)


def gaussian_blur2d(images: Tensor, sigma: float) -> Tensor:
    """Separable Gaussian of `sigma` pixels over reflected borders; sigma 0 leaves the images alone.

    The kernel reaches 3 sigma, and never beyond the reflected image.
    """
    radius = min(math.floor(3.0 * sigma), images.shape[-1] - 1, images.shape[-2] - 1)
    if radius < 1:
        return images
    x = torch.arange(-radius, radius + 1, device=images.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (x / sigma).square())
    kernel = (kernel / kernel.sum()).to(images.dtype)
    c = images.shape[1]
    padded = F.pad(images, (radius, radius, radius, radius), mode="reflect")
    rows = F.conv2d(padded, kernel.reshape(1, 1, 1, -1).expand(c, 1, 1, -1), groups=c)
    return F.conv2d(rows, kernel.reshape(1, 1, -1, 1).expand(c, 1, -1, 1), groups=c)


def pair(image: Tensor, coarse: Tensor) -> Tensor:
    """The image beside a coarser picture of the same scene, stretched to its size: [B, 6, H, W].

    EG3D's dual discrimination.
    """
    return torch.cat([image, stretch(coarse, image.shape[-1])], dim=1)
