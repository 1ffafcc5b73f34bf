"""Empty and solid space on a coarse grid, so that samples which cannot change the picture are never evaluated.

A cell is empty when the field's value at its centre, its measured slope and the width of the surface say that a ray through it loses
less than the tolerance of its light there; it is solid when a ray that enters it cannot leave. The tolerance is a change of
opacity; a test holds the result against full evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.fields.base import Field

TOLERANCE = 1e-3
SLOPE_MARGIN = 1.3


@dataclass(frozen=True)
class SpaceGrid:
    """Flags of G³ cells over the cube [-box, box]³: 0 empty, 1 evaluate, 2 solid. Outside the cube is empty."""

    flags: Tensor
    box: float

    @property
    def size(self) -> int:
        return self.flags.shape[0]

    @property
    def nbytes(self) -> int:
        return self.flags.numel() * self.flags.element_size()

    def at(self, points: Tensor) -> Tensor:
        """Flags [..] of world points [.., 3]."""
        g = self.size
        cell = ((points + self.box) * (g / (2.0 * self.box))).floor().long()
        inside = ((cell >= 0) & (cell < g)).all(dim=-1)
        cell = cell.clamp(0, g - 1)
        index = (cell[..., 0] * g + cell[..., 1]) * g + cell[..., 2]
        return torch.where(inside, self.flags.reshape(-1)[index], torch.zeros_like(index, dtype=self.flags.dtype))

    def occupied_share(self) -> float:
        return float((self.flags == 1).float().mean())


def outside_only(box: float, device: torch.device) -> SpaceGrid:
    """The grid of a scene in which nothing may be skipped but what lies outside the cube."""
    return SpaceGrid(torch.ones(1, 1, 1, dtype=torch.uint8, device=device), box)


@torch.no_grad()
def build_space_grid(field: Field, box: float, size: int, device: torch.device, tolerance: float = TOLERANCE) -> SpaceGrid:
    """Evaluate the field once at the cell centres and mark what can be skipped.

    SDF fields: with slope L measured between neighbouring centres (times a margin), half diagonal h and local width beta, a cell is
    empty if sdf - L·h > beta·ln(1/(2·beta·tolerance)), solid if sdf + L·h < -8·beta.
    Density fields: empty if the density at the centre and at all neighbours, times the scene's length, stays below the tolerance.
    """
    axis = (torch.arange(size, device=device, dtype=torch.float32) + 0.5) * (2.0 * box / size) - box
    points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1).reshape(1, -1, 3)
    sample = field.geometry(points)
    shape = (size, size, size)
    if sample.sdf is None or sample.beta is None:
        peak = _dilate(sample.density.reshape(shape))
        return SpaceGrid((peak * 2.0 * box > tolerance).to(torch.uint8), box)
    sdf, beta = sample.sdf.reshape(shape), _dilate(sample.beta.reshape(shape))
    cell = 2.0 * box / size
    reach = SLOPE_MARGIN * _local_slope(sdf, cell) * (0.5 * cell * 3.0**0.5)
    margin = beta * torch.log(1.0 / (2.0 * beta * tolerance)).clamp_min(0.0)
    flags = torch.ones(shape, dtype=torch.uint8, device=device)
    flags[sdf - reach > margin] = 0
    flags[sdf + reach < -8.0 * beta] = 2
    return SpaceGrid(flags, box)


def _dilate(x: Tensor) -> Tensor:
    """Largest value of each 3x3x3 neighbourhood."""
    return F.max_pool3d(x[None, None], 3, stride=1, padding=1)[0, 0]


def _local_slope(sdf: Tensor, cell: float) -> Tensor:
    """Largest |∇f| near each cell, from central differences over its neighbourhood; at least 1, as a distance has."""
    squared = torch.zeros_like(sdf)
    for dim in range(3):
        squared += torch.gradient(sdf, spacing=cell, dim=dim)[0].square()
    return _dilate(squared.sqrt()).clamp_min(1.0)


def live_pixels(
    space: SpaceGrid, origins: Tensor, dirs: Tensor, bounds: tuple[Tensor, Tensor], width: int, height: int, step: int
) -> Tensor:
    """Mask [H·W] of the pixels whose rays can meet something that is not empty.

    Every `step`-th ray of each row and column is walked through the grid at half cells; a pixel is live if any walked ray within
    two steps of it is. The caller chooses `step` so that walked rays lie closer together than half a cell.
    """
    rows = torch.arange(0, height + step - 1, step, device=dirs.device).clamp_max(height - 1)
    columns = torch.arange(0, width + step - 1, step, device=dirs.device).clamp_max(width - 1)
    pick = (rows[:, None] * width + columns).reshape(-1)
    near, far = bounds[0][pick], bounds[1][pick]
    cell = 2.0 * space.box / space.size
    n = max(2, int(float((far - near).max()) / (0.5 * cell)) + 1)
    met = torch.zeros(len(pick), dtype=torch.bool, device=dirs.device)
    s = (torch.arange(n, device=dirs.device, dtype=torch.float32) + 0.5) / n
    for part in s.split(32):
        t = near[:, None] + (far - near)[:, None] * part
        met |= (space.at(origins[pick][:, None] + dirs[pick][:, None] * t[..., None]) > 0).any(dim=-1)
    grid = met.reshape(1, 1, len(rows), len(columns)).float()
    near_met = F.max_pool2d(grid, 5, stride=1, padding=2)
    big = F.interpolate(near_met, scale_factor=step, mode="nearest")[0, 0, :height, :width]
    return big.reshape(-1) > 0
