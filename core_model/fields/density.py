"""Signed distance → density.

VolSDF (Yariv et al. 2021) with a width beta per point; Eq. 1 of What You See is What You GAN, which writes s = -sdf:
sigma = (1/beta) · (½ exp(s/beta) if s <= 0, else 1 - ½ exp(-s/beta)).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def volsdf_density(sdf: Tensor, beta: Tensor) -> Tensor:
    """sdf negative inside, beta > 0, same shape, world units → density [1 / world unit]."""
    half = 0.5 * torch.exp(-sdf.abs() / beta)
    return torch.where(sdf >= 0, half, 1.0 - half) / beta


def empty_distance(beta_max: float, tolerance: float) -> float:
    """Distance outside the surface beyond which a whole ray through exponentially falling density loses less than `tolerance`.

    The optical depth of a ray that stays at distance ≥ d along a path of length 1 is below exp(-d/beta)/(2·beta).
    """
    return beta_max * max(0.0, math.log(1.0 / (2.0 * beta_max * tolerance)))
