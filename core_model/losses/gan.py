"""The non-saturating GAN loss (Goodfellow et al. 2014) and its R1 penalty (Mescheder et al. 2018).

Logits [B] are positive where the discriminator believes an image.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def generator_loss(fake_logits: Tensor) -> Tensor:
    """mean softplus(-D(fake)): minus the log-likelihood that fakes pass as real."""
    return F.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """mean softplus(-D(real)) + mean softplus(D(fake))."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def r1_penalty(images: Tensor, logits: Tensor) -> Tensor:
    """Squared gradient norm of each image's logit [B]; differentiable.

    images [B, C, H, W] require gradients and made the logits [B]. Applied lazily (StyleGAN2): every k-th
    step, k times as strong.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.float().square().sum(dim=(1, 2, 3))


def lazy_rate(interval: int) -> float:
    """k / (k + 1): by which a network's learning rate and the logarithms of its betas shrink when every k-th
    step counts twice.
    """
    return interval / (interval + 1.0)
