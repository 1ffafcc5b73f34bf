"""Empty and solid space on a coarse grid, so that samples which cannot change the picture are never evaluated.

A cell is empty when the field's value at its centre, its measured slope and the width of the surface say that a ray through it loses
less than the tolerance of its light there; it is solid when a ray that enters it cannot leave. The tolerance is a change of
opacity; a test holds the result against full evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.fields.base import Field, FieldSample
from core_model.fields.lattice import TOLERANCE, cell_centres, dilate, local_slope
from core_model.geometry.rays import project
from core_model.schema.camera import MatrixCamera, OrbitPose

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
        cell = points.add(self.box).mul_(g / (2.0 * self.box)).floor_().clamp_(-1, g)
        # cell numbers are whole and below 2^24, so the sum of products is exact in float32; NaN ends in the rim
        first = (g + 2) ** 2 + (g + 2) + 1
        index = torch.mv(cell.reshape(-1, 3), self._stride).add_(first).long().clamp_(0, (g + 2) ** 3 - 1)
        return self._rimmed[index].reshape(points.shape[:-1])

    @cached_property
    def _stride(self) -> Tensor:
        """Cells of the rimmed row [3] from one to the next along each axis; kept, since an accelerator must be waited for to get it."""
        g = self.size + 2
        return torch.tensor([g * g, g, 1], device=self.flags.device, dtype=torch.float32)

    @cached_property
    def _rimmed(self) -> Tensor:
        """The flags as one row, with a rim of empty cells around the cube: what lies outside needs no mask."""
        return F.pad(self.flags, (1, 1, 1, 1, 1, 1)).reshape(-1)

    @cached_property
    def shell_corners(self) -> Tensor:
        """The eight corners [M, 8, 3], world units, of the cells that are not empty, beside an empty one or on the cube's rim."""
        device = self.flags.device
        full = self.flags > 0
        shell = full & (dilate((~full).float()) > 0)
        for dim in range(3):  # cells on the rim of the cube have no neighbour that covers them
            shell.select(dim, 0).logical_or_(full.select(dim, 0))
            shell.select(dim, -1).logical_or_(full.select(dim, -1))
        offsets = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], device=device)] * 3)
        return (torch.nonzero(shell)[:, None].float() + offsets) * (2.0 * self.box / self.size) - self.box

    def occupied_share(self) -> float:
        return float((self.flags == 1).float().mean())


def outside_only(box: float, device: torch.device) -> SpaceGrid:
    """The grid of a scene in which nothing may be skipped but what lies outside the cube."""
    return SpaceGrid(torch.ones(1, 1, 1, dtype=torch.uint8, device=device), box)


@torch.no_grad()
def build_space_grid(
    field: Field, box: float, size: int, device: torch.device, tolerance: float = TOLERANCE
) -> SpaceGrid:
    """Evaluate the field once at the cell centres and mark what can be skipped."""
    return space_of(field.geometry(cell_centres(size, box, device)), box, size, tolerance)


def space_of(sample: FieldSample, box: float, size: int, tolerance: float = TOLERANCE) -> SpaceGrid:
    """What can be skipped, from the field at the size³ cell centres.

    SDF fields: with slope L measured between neighbouring centres (times a margin), half diagonal h and local width beta, a cell is
    empty if sdf - L·h > beta·ln(1/(2·beta·tolerance)), solid if sdf + L·h < -8·beta.
    Density fields: empty if the density at the centre and at all neighbours, times the scene's length, stays below the tolerance.
    """
    shape = (size, size, size)
    if sample.sdf is None or sample.beta is None:
        peak = dilate(sample.density.reshape(shape))
        return SpaceGrid((peak * 2.0 * box > tolerance).to(torch.uint8), box)
    sdf, beta = sample.sdf.reshape(shape), dilate(sample.beta.reshape(shape))
    cell = 2.0 * box / size
    reach = SLOPE_MARGIN * local_slope(sdf, cell) * (0.5 * cell * 3.0**0.5)
    margin = beta * torch.log(1.0 / (2.0 * beta * tolerance)).clamp_min(0.0)
    flags = torch.ones(shape, dtype=torch.uint8, device=sdf.device)
    flags[sdf - reach > margin] = 0
    flags[sdf + reach < -8.0 * beta] = 2
    return SpaceGrid(flags, box)


def live_pixels(space: SpaceGrid, camera: OrbitPose | MatrixCamera, width: int, height: int) -> Tensor | None:
    """Mask [H·W] of the pixels whose rays can meet something that is not empty; None where the camera stands inside such a cell.

    The eight corners of every cell that is not empty are projected, and the rectangle around them is live: no ray is walked, and
    nothing that a ray could meet is missed. Cells deep inside others are left out, since their neighbours cover them.
    """
    device, corners = space.flags.device, space.shell_corners
    if not len(corners):
        return torch.zeros(height * width, dtype=torch.bool, device=device)
    projected = project(camera, corners.reshape(-1, 3), width, height)
    if projected is None:
        return None
    uv = projected.reshape(-1, 8, 2)
    # a thousandth of a pixel of slack: rays and corners are rounded on different ways
    first, last = (uv.amin(dim=1) - 0.001).ceil().long(), (uv.amax(dim=1) + 0.001).floor().long()
    seen = (
        (first <= last).all(dim=-1)
        & (last[:, 0] >= 0)
        & (last[:, 1] >= 0)
        & (first[:, 0] < width)
        & (first[:, 1] < height)
    )
    first, last = first[seen].clamp_min(0), last[seen]
    x0, y0 = first[:, 0], first[:, 1]
    x1, y1 = last[:, 0].clamp_max(width - 1) + 1, last[:, 1].clamp_max(height - 1) + 1
    # rectangles as four signed corners of a summed-area table
    count = torch.zeros((height + 1) * (width + 1), dtype=torch.int32, device=device)
    one = torch.ones_like(x0, dtype=torch.int32)
    for y, x, sign in ((y0, x0, one), (y0, x1, -one), (y1, x0, -one), (y1, x1, one)):
        count.index_add_(0, y * (width + 1) + x, sign)
    table = count.reshape(height + 1, width + 1).cumsum(0).cumsum(1)
    return (table[:height, :width] > 0).reshape(-1)


def live_rays(
    space: SpaceGrid, camera: OrbitPose | MatrixCamera, width: int, height: int, hit: Tensor
) -> Tensor:
    """Flat indices of the pixels worth rendering, of those whose rays meet the scene's bounds (`hit` [H·W])."""
    mask = live_pixels(space, camera, width, height) if space.size > 1 else None
    return torch.nonzero(hit if mask is None else mask & hit).flatten()
