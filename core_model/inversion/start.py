"""Where the search begins: the mean of w under the photograph's camera, and how w spreads about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core_model.families.latents import map_batch
from core_model.schema.camera import MatrixCamera
from core_model.schema.latent import LatentSpec

FLOOR = 0.02
"""Smallest standard deviation of an axis, as a share of the mean one: w never leaves its flat axes altogether."""


@dataclass(frozen=True)
class LatentSpace:
    """mean [D] and axes [D, D]: w = mean + x @ axes for x in standard deviations along the principal axes."""

    mean: Tensor
    axes: Tensor

    def w(self, x: Tensor) -> Tensor:
        return self.mean + x @ self.axes


@torch.no_grad()
def latent_space(model: Any, camera: MatrixCamera, samples: int, seed: int = 0) -> LatentSpace:
    """Of `samples` latents mapped with the label of `camera`; the same seed gives the same space."""
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn(samples, model.sizes.z_dim, generator=rng).to(model.module.mapping.w_avg.device)
    w = map_batch(model, z, LatentSpec(cond=camera)).double().cpu()
    mean = w.mean(dim=0)
    variance, vectors = torch.linalg.eigh((w - mean).T @ (w - mean) / max(1, samples - 1))
    spread = variance.clamp_min(0.0).sqrt()
    spread = spread.clamp_min(FLOOR * float(variance.clamp_min(0.0).mean().sqrt()))
    axes = (vectors * spread).T
    device = z.device
    return LatentSpace(mean.float().to(device), axes.float().to(device))
