"""The adversarial losses of StyleGAN2's descendants, image by image.

Non-saturating (Goodfellow et al. 2014) with R1 (Mescheder et al. 2018). The phases of EG3D, EpiGRAF and Mimic3D
report them per image and take means; `terms` has triscope's own recipe.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def passes_as_real(logits: Tensor) -> Tensor:
    """softplus(-logit), same shape: small where the discriminator takes the image for real."""
    return F.softplus(-logits)


def is_found_out(logits: Tensor) -> Tensor:
    """softplus(logit), same shape: small where the discriminator takes the image for a fake."""
    return F.softplus(logits)


def r1_gradients(inputs: Sequence[Tensor], logits: Tensor) -> tuple[Tensor, ...]:
    """Gradients of the logits' sum, one for each input [B, C, H, W]; differentiable."""
    return torch.autograd.grad(logits.sum(), list(inputs), create_graph=True)


def squared_norms(gradient: Tensor) -> Tensor:
    """R1 image by image [B]: Σ over channels and pixels of the squares of [B, C, H, W]."""
    return gradient.square().sum(dim=(1, 2, 3))
