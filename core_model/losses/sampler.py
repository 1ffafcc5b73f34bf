"""Supervision of the proposal network (What You See is What You GAN, section 4.3)."""

from __future__ import annotations

import torch
from torch import Tensor


def sampler_loss(log_p: Tensor, target: Tensor) -> Tensor:
    """Mean over pixels of -Σ_j target_j log p̂_j; log_p, target [B, K, H, W].

    target sums to 1 over K, or to 0 where a ray met nothing: such pixels teach nothing and do not count. 0
    when all are such.
    """
    mass = target.sum(dim=1)
    seen = mass > 0
    cross = -(target * log_p).sum(dim=1)
    return torch.where(seen, cross, torch.zeros_like(cross)).sum() / seen.sum().clamp_min(1)
