"""The blur that fades while a training starts, as EG3D, EpiGRAF and Mimic3D apply it to what is judged.

Not `dual.gaussian_blur2d`: here sigma is the half width at half maximum, and the picture is continued by zeros
(mid-grey), so that borders darken.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def fade_sigma(images: float, start: float, kimg: float) -> float:
    """Sigma after `images` images: `start` at first, 0 from 1000·kimg images on."""
    return start * max(1.0 - images / (kimg * 1e3), 0.0) if kimg > 0 else 0.0


def blur_taps(sigma: float, device: torch.device | str | None = None) -> Tensor:
    """[2h + 1] with h = ⌊3 sigma⌋: 2^(-(k/sigma)²) of unit sum; one tap where sigma is below ⅓."""
    half = math.floor(3.0 * sigma)
    if half < 1:
        return torch.ones(1, device=device)
    k = torch.arange(-half, half + 1, device=device, dtype=torch.float32)
    taps = (k / sigma).square().neg().exp2()
    return taps / taps.sum()


def fade_blur(images: Tensor, sigma: float) -> Tensor:
    """images [B, C, H, W], blurred along rows and columns; the same tensor where nothing changes."""
    if math.floor(3.0 * sigma) < 1:
        return images
    taps = blur_taps(sigma, images.device).to(images.dtype)
    c, half = images.shape[1], taps.numel() // 2
    row = taps.reshape(1, 1, 1, -1).expand(c, 1, 1, -1)
    x = F.conv2d(images, row, padding=(0, half), groups=c)
    return F.conv2d(x, row.transpose(2, 3), padding=(half, 0), groups=c)
