"""Signed distance, or a network's raw output → density.

VolSDF (Yariv et al. 2021) with a width beta per point; Eq. 1 of What You See is What You GAN, with s = -sdf:
sigma = (1/beta) · (½ exp(s/beta) if s <= 0, else 1 - ½ exp(-s/beta)).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.schema.conventions import DensityRule


def volsdf_density(sdf: Tensor, beta: Tensor) -> Tensor:
    """sdf negative inside, beta > 0, same shape, world units → density [1 / world unit]."""
    half = 0.5 * torch.exp(-sdf.abs() / beta)
    return torch.where(sdf >= 0, half, 1.0 - half) / beta


def density_of(raw: Tensor, rule: DensityRule) -> Tensor:
    """Raw output of a density network → density [1 / world unit], same shape, by the checkpoint's rule.

    EG3D and Mimic3D: softplus_minus_one; EpiGRAF: softplus or relu of its shifted output.
    """
    match rule:
        case "softplus_minus_one":
            return F.softplus(raw - 1.0)
        case "softplus":
            return F.softplus(raw)
        case "relu":
            return F.relu(raw)
        case _:
            raise ValueError(f"no density follows from a raw output by the rule {rule!r}")
