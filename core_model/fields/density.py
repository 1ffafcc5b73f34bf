"""Signed distance → density.

VolSDF (Yariv et al. 2021) with a width beta per point; Eq. 1 of What You See is What You GAN, which writes s = -sdf:
sigma = (1/beta) · (½ exp(s/beta) if s <= 0, else 1 - ½ exp(-s/beta)).
"""

from __future__ import annotations

import torch
from torch import Tensor


def volsdf_density(sdf: Tensor, beta: Tensor) -> Tensor:
    """sdf negative inside, beta > 0, same shape, world units → density [1 / world unit]."""
    half = 0.5 * torch.exp(-sdf.abs() / beta)
    return torch.where(sdf >= 0, half, 1.0 - half) / beta
