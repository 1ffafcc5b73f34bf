"""Noise maps as part of the search, kept white by StyleGAN2's regulariser (Karras et al. 2020, appendix D)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SMALLEST = 8


def noise_maps(module: nn.Module) -> dict[str, Tensor]:
    """The constant noise maps [N, N] of a generator, by name."""
    return {name: x for name, x in module.named_buffers() if name.endswith("noise_const")}


def whiteness(maps: dict[str, Tensor]) -> Tensor:
    """Squared correlation of each map with itself moved by one, at all scales; 0 without maps."""
    total = torch.zeros(())
    for grid in maps.values():
        x = grid[None, None]
        total = total.to(x.device)
        while True:
            total = total + sum((x * torch.roll(x, 1, dims=d)).mean().square() for d in (2, 3))
            if x.shape[-1] <= SMALLEST:
                break
            x = F.avg_pool2d(x, 2) * 2.0  # white noise keeps its variance
    return total


@torch.no_grad()
def whiten(maps: dict[str, Tensor]) -> None:
    """Mean 0 and variance 1 again, in place."""
    for grid in maps.values():
        grid.sub_(grid.mean())
        grid.mul_(grid.square().mean().clamp_min(1e-12).rsqrt())
