"""Bounds of the density in the cells of a grid: where a ray can meet anything, and where nothing behind can be seen any more.

The grid depends on the latent only, so that an orbit makes it once. Density families are measured at the centres of the cells, and the
bounds of a cell are the extremes over itself and its neighbours; signed distances are bounded by their measured slope.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.fields.base import Field
from core_model.fields.density import volsdf_density
from core_model.rendering.empty import TOLERANCE, local_slope

LATTICE_CELLS, PLAIN_CELLS = 96, 64  # cells an edge, for fields that know a quick lattice and for others
CHUNK_POINTS = 1 << 17
# A field outside of its box changes with the coordinates that its planes still cover, and no more with the others: the outermost cells
# of a grid that is a little larger stand for all space beyond them. The margin is half a texel of planes of 8² texels and a cell.
MARGIN = 1.15


@runtime_checkable
class LatticeField(Protocol):
    """A field that evaluates regular lattices quickly."""

    def lattice_density(self, size: int, edge: float) -> Tensor:
        """Density [size, size, size] (x, y, z) at the centres of equal cells of the cube of half edge `edge` boxes."""
        ...


class HiddenField(Protocol):
    """A field whose density and colours are read from one hidden vector a point."""

    @property
    def colour_features(self) -> int: ...

    def hidden(self, points: Tensor) -> Tensor:
        """points [N, 3] → [N, H]."""
        ...

    def query(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """points [B, N, 3] → (raw density [B, N], colour features [B, N, C])."""
        ...

    def raw_of(self, hidden: Tensor) -> Tensor:
        """[N, H] → raw density [N]."""
        ...

    def colours_of(self, hidden: Tensor) -> Tensor:
        """[N, H] → colour features [N, C]."""
        ...


@dataclass(frozen=True)
class DensityGrid:
    """low, mean, high [G³]: bounds and a typical value of the density [1 / world unit] in cells of the cube [-edge, edge]³.

    x varies slowest. The cube holds the box [-box, box]³ of the scene; cells at its sides stand for all space beyond them.
    """

    low: Tensor
    mean: Tensor
    high: Tensor
    size: int
    edge: float
    box: float

    @property
    def nbytes(self) -> int:
        return 2 * (self.low.nbytes + self.mean.nbytes + self.high.nbytes)  # with the flags

    @property
    def threshold(self) -> float:
        """Density that takes less than the tolerance of a ray's light over the whole cube."""
        return TOLERANCE / (2.0 * self.box * 3.0**0.5)

    @cached_property
    def occupied(self) -> Tensor:
        """Flags [G³] of the cells that can change a picture."""
        return self.high > self.threshold

    def cells(self, points: Tensor) -> Tensor:
        """Cell numbers [..] of world points [.., 3]."""
        g = self.size
        at = ((points + self.edge) * (g / (2.0 * self.edge))).clamp_(0.0, g - 0.5).int()
        return (at[..., 0] * g + at[..., 1]) * g + at[..., 2]


@dataclass(frozen=True)
class Guide:
    """A scene's field with the bounds of its density."""

    field: Field
    grid: DensityGrid


COARSE_CELLS = 32  # for a first look at how much of the box is empty: 1/27 of the grid's own cost


@torch.no_grad()
def occupied_share(field: Field, box: float, device: torch.device) -> float:
    """Share in [0, 1] of the box [-box, box]³ that can change a picture, by the density at the centres of 32³ cells."""
    size = COARSE_CELLS
    if isinstance(field, LatticeField):
        density = field.lattice_density(size, 1.0).reshape(-1)
    else:
        axis = (torch.arange(size, device=device, dtype=torch.float32) + 0.5) * (2.0 * box / size) - box
        points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1).reshape(1, -1, 3)
        density = field.geometry(points).density[0]
    return float((density > TOLERANCE / (2.0 * box * 3.0**0.5)).float().mean())


@torch.no_grad()
def build_density_grid(field: Field, box: float, device: torch.device) -> DensityGrid:
    """The grid of a scene; box: half edge of the cube, world units."""
    if isinstance(field, LatticeField):
        size = LATTICE_CELLS
        density = field.lattice_density(size, MARGIN)
        return _grid(_pool(density, least=True), density, _pool(density), MARGIN * box, box)
    size = PLAIN_CELLS
    axis = (torch.arange(size, device=device, dtype=torch.float32) + 0.5) * (2.0 * box / size) - box
    points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1).reshape(1, -1, 3)
    samples = [field.geometry(part) for part in points.split(CHUNK_POINTS, dim=1)]
    cube = lambda parts: torch.cat(parts, dim=1).reshape(size, size, size)  # noqa: E731
    if any(s.sdf is None or s.beta is None for s in samples):
        density = cube([s.density for s in samples])
        return _grid(_pool(density, least=True), density, _pool(density), box, box)
    sdf = cube([s.sdf for s in samples if s.sdf is not None])
    beta = cube([s.beta for s in samples if s.beta is not None])
    cell = 2.0 * box / size
    reach = local_slope(sdf, cell) * (0.5 * cell * 3.0**0.5)
    steps = torch.linspace(-1.0, 1.0, 9, device=device)
    mean = torch.stack([volsdf_density(sdf + reach * s, beta) for s in steps]).mean(dim=0)
    return _grid(volsdf_density(sdf + reach, _pool(beta)), mean, _widest(sdf - reach, _pool(beta)), box, box)


def _widest(sdf: Tensor, beta: Tensor) -> Tensor:
    """Largest density that a surface of at most this width has at this distance; grows with the width outside, falls inside."""
    return torch.where(sdf > 0, volsdf_density(sdf, beta), 1.0 / beta.clamp_min(1e-6))


def _pool(x: Tensor, *, least: bool = False) -> Tensor:
    """Extreme value of each 3x3x3 neighbourhood."""
    sign = -1.0 if least else 1.0
    y = (sign * x)[None, None]
    for kernel, pad in (((3, 1, 1), (1, 0, 0)), ((1, 3, 1), (0, 1, 0)), ((1, 1, 3), (0, 0, 1))):
        y = F.max_pool3d(y, kernel, stride=1, padding=pad)
    return sign * y[0, 0]


def _grid(low: Tensor, mean: Tensor, high: Tensor, edge: float, box: float) -> DensityGrid:
    return DensityGrid(low.reshape(-1), mean.reshape(-1), high.reshape(-1), low.shape[0], edge, box)
