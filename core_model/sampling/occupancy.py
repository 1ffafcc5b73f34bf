"""Bounds of the density in the cells of a grid: where a ray can hit something, and behind which depth nothing
is visible.

The grid depends on the latent only, so it is made once for an orbit. Density families are measured at the
cell centres, and the bounds of a cell are the extremes over itself and its neighbours; signed distances are
bounded by their measured slope.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from core_model.fields.base import Field
from core_model.fields.density import volsdf_density
from core_model.fields.lattice import TOLERANCE, LatticeField, cell_centres, dilate, erode, local_slope

LATTICE_CELLS, PLAIN_CELLS = 96, 64  # cells an edge, for fields that know a quick lattice and for others
CHUNK_POINTS = 1 << 17
# A field outside of its box changes with the coordinates that its planes still cover, and no more with the
# others: the outermost cells of a grid that is a little larger stand for all space beyond them. The margin is
# half a texel of planes of 8² texels and a cell.
MARGIN = 1.15


@dataclass(frozen=True)
class DensityGrid:
    """low, mean, high [G³]: bounds and a typical value of the density [1 / world unit] in cells of the cube
    [-edge, edge]³.

    x varies slowest. The cube holds the box [-box, box]³ of the scene; cells at its sides stand for all space
    beyond them.
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
        """Density that absorbs less than the tolerance of a ray over the whole cube."""
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
    """Share in [0, 1] of the box [-box, box]³ that can change a picture, by the density at the centres of 32³
    cells.
    """
    size = COARSE_CELLS
    if isinstance(field, LatticeField):
        density = field.lattice_density(size, 1.0).reshape(-1)
    else:
        density = field.geometry(cell_centres(size, box, device)).density[0]
    return float((density > TOLERANCE / (2.0 * box * 3.0**0.5)).float().mean())


@torch.no_grad()
def build_density_grid(field: Field, box: float, device: torch.device) -> DensityGrid:
    """The grid of a scene; box: half edge of the cube, world units."""
    if isinstance(field, LatticeField):
        size = LATTICE_CELLS
        density = field.lattice_density(size, MARGIN)
        return _grid(erode(density), density, dilate(density), MARGIN * box, box)
    size = PLAIN_CELLS
    parts = cell_centres(size, box, device).split(CHUNK_POINTS, dim=1)
    samples = [field.geometry(part) for part in parts]
    cube = lambda parts: torch.cat(parts, dim=1).reshape(size, size, size)
    if any(s.sdf is None or s.beta is None for s in samples):
        density = cube([s.density for s in samples])
        return _grid(erode(density), density, dilate(density), box, box)
    sdf = cube([s.sdf for s in samples if s.sdf is not None])
    beta = cube([s.beta for s in samples if s.beta is not None])
    cell = 2.0 * box / size
    reach = local_slope(sdf, cell) * (0.5 * cell * 3.0**0.5)
    steps = torch.linspace(-1.0, 1.0, 9, device=device)
    mean = torch.stack([volsdf_density(sdf + reach * s, beta) for s in steps]).mean(dim=0)
    return _grid(
        volsdf_density(sdf + reach, dilate(beta)), mean, _widest(sdf - reach, dilate(beta)), box, box
    )


def _widest(sdf: Tensor, beta: Tensor) -> Tensor:
    """Largest density that a surface of at most this width has at this distance; grows with the width
    outside, falls inside.
    """
    return torch.where(sdf > 0, volsdf_density(sdf, beta), 1.0 / beta.clamp_min(1e-6))


def _grid(low: Tensor, mean: Tensor, high: Tensor, edge: float, box: float) -> DensityGrid:
    return DensityGrid(low.reshape(-1), mean.reshape(-1), high.reshape(-1), low.shape[0], edge, box)
