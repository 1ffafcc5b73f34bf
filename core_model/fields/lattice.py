"""Fields measured on regular lattices: cell centres, extremes over neighbouring cells, and slopes of a signed
distance.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

TOLERANCE = 1e-3
"""Change of a ray's opacity that leaving out empty space may cost."""


@runtime_checkable
class LatticeField(Protocol):
    """A field that evaluates regular lattices quickly."""

    def lattice_density(self, size: int, edge: float) -> Tensor:
        """Density [size, size, size] (x, y, z) at the centres of equal cells of the cube of half edge `edge`
        boxes.
        """
        ...


def cell_centres(size: int, box: float, device: torch.device) -> Tensor:
    """Centres [1, size³, 3] of size³ equal cells of the cube [-box, box]³, world units; x varies slowest."""
    axis = (torch.arange(size, device=device, dtype=torch.float32) + 0.5) * (2.0 * box / size) - box
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1).reshape(1, -1, 3)


def dilate(x: Tensor) -> Tensor:
    """Largest value [X, Y, Z] of each 3x3x3 neighbourhood, one axis after the other."""
    y = x[None, None]
    for kernel, pad in (((3, 1, 1), (1, 0, 0)), ((1, 3, 1), (0, 1, 0)), ((1, 1, 3), (0, 0, 1))):
        y = F.max_pool3d(y, kernel, stride=1, padding=pad)
    return y[0, 0]


def erode(x: Tensor) -> Tensor:
    """Smallest value [X, Y, Z] of each 3x3x3 neighbourhood."""
    return -dilate(-x)


def local_slope(sdf: Tensor, cell: float) -> Tensor:
    """Largest |∇f| near each cell, from central differences over its neighbourhood; at least 1, as a distance
    has.
    """
    squared = torch.zeros_like(sdf)
    for dim in range(3):
        squared += torch.gradient(sdf, spacing=cell, dim=dim)[0].square()
    return dilate(squared.sqrt()).clamp_min(1.0)
