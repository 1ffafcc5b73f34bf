"""R1: gradient penalty on real images (Mescheder et al. 2018), applied lazily (StyleGAN2: every k-th step, k times as strong)."""

from __future__ import annotations

import torch
from torch import Tensor


def r1_penalty(images: Tensor, logits: Tensor) -> Tensor:
    """Squared gradient norm of each image's logit [B]; differentiable. images [B, C, H, W] require gradients and made the logits [B]."""
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.float().square().sum(dim=(1, 2, 3))


def lazy_rate(interval: int) -> float:
    """k / (k + 1): by which a network's learning rate and the logarithms of its betas shrink when every k-th step counts twice."""
    return interval / (interval + 1.0)
