"""A field sampled on cell corners near its surface: a coarse lattice, then twice as fine where it matters, and so on.

Each level holds bricks of 8³ cells with their 9³ corner samples. A cell is live when its corners, the measured
slope of the field and the width of the surface say that a ray may lose light in it, and sharp when it may lose much
there. The corners of sharp cells are evaluated at the next level, each once; all others of a kept brick are interpolated
from the level before. Work goes on in short steps, between which it can be stopped and taken up again.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.fields.base import Field, FieldSample
from core_model.fields.lattice import TOLERANCE, LatticeField
from core_model.rendering.empty import SLOPE_MARGIN
from core_model.sampling.surface import DistanceLattice

BRICK = 8
"""Cells along an edge of a brick."""
COARSEST = {"sdf": 32, "density": 64}
"""Cells along an edge of the first lattice, which is evaluated whole: a distance says what lies between its corners, a density does not."""
STEP_POINTS = 16384
"""Points evaluated between two looks at whether the work is still wanted."""
STEP_BRICKS = 256
"""Bricks looked at between two looks at that."""
FULL_DEPTH = 8.0
"""Optical depth behind which nothing is seen: e⁻⁸ of the light is left."""
SHARP = 2.0
"""Distance to the surface, in widths of it, beyond which details of the field do not show: there the level before is near enough."""
SHARP_CELLS = 0.2
"""The same in cells: an edge that the surface passes at a slant. Wider than this, pictures of the demo do not change by 0.1 dB."""
BURIED_CELLS = 6
"""Cells around one of a density that are looked at to find it buried in opaque matter."""
FRONTAL = (0.0, 0.0, -1.0)


@dataclass(frozen=True)
class BrickLevel:
    """Bricks of a lattice of `cells` cells per edge of the cube [-box, box]³.

    at: bricks from the cube's lower corner [K, 3] (x, y, z).
    samples: [K, C, 9, 9, 9], the last three z, y, x. Channels: signed distance [world units], ln(beta [world
        units]), red, green, blue; or density [1 / world unit], red, green, blue. Colours as the field gives them.
    known: [K, 9, 9, 9], samples that were evaluated here or before, not interpolated.
    live: [K, 8, 8, 8], cells in which a ray may lose light.
    """

    cells: int
    at: Tensor
    samples: Tensor
    known: Tensor
    live: Tensor

    def __len__(self) -> int:
        return len(self.at)

    def select(self, rows: Tensor) -> BrickLevel:
        """The bricks of these numbers, or of a mask."""
        return BrickLevel(self.cells, self.at[rows], self.samples[rows], self.known[rows], self.live[rows])

    @classmethod
    def joined(cls, parts: Sequence[BrickLevel]) -> BrickLevel:
        """Bricks of one level [at least one part]."""
        values = [
            torch.cat(x) for x in zip(*((p.at, p.samples, p.known, p.live) for p in parts), strict=True)
        ]
        return cls(parts[0].cells, *values)

    @property
    def nbytes(self) -> int:
        return sum(x.numel() * x.element_size() for x in (self.at, self.samples, self.known, self.live))


class BrickPyramid:
    """The levels of one field, coarsest first. Numbers do not depend on where the work was stopped."""

    def __init__(self, field: Field, box: float, device: torch.device) -> None:
        self.field, self.box, self.device = field, box, device
        self.level: BrickLevel | None = None
        self.whole: Tensor | None = None  # channels [C, n + 1, n + 1, n + 1] of the first lattice
        self.evaluations = 0
        self._work: Generator[None] | None = None

    @property
    def coarsest(self) -> int:
        return COARSEST["sdf" if self.field.is_sdf else "density"]

    @property
    def nbytes(self) -> int:
        return 0 if self.level is None else self.level.nbytes

    def has(self, cells: int) -> bool:
        """Whether the level with so many cells per edge is complete."""
        return self.level is not None and self.level.cells >= cells

    def step(self) -> None:
        """A part of the work towards the next level: some hundredths of a second. `level` changes when it is complete."""
        if self._work is None:
            self._work = self._first() if self.level is None else self._refined(self.level)
        with torch.no_grad():
            if next(self._work, self) is self:
                self._work = None

    def close(self) -> None:
        """Give up a step that was begun: its generator and this object hold each other, so that both would stay in memory until Python
        next looks for such rings, which is rare where objects are few and large.
        """
        if self._work is not None:
            self._work.close()
            self._work = None

    def lattice(self) -> DistanceLattice:
        """The signed distance of the present level on all corners, for the surface-guided sampler.

        Where the level has no bricks the first lattice stands in. Raises ValueError for a density field.
        """
        level, whole = self.level, self.whole
        if level is None or whole is None or not self.field.is_sdf:
            raise ValueError("a distance lattice needs a finished level of a signed distance field")
        n = level.cells
        sdf = F.interpolate(whole[None, :1], size=(n + 1,) * 3, mode="trilinear", align_corners=True)
        corner = torch.arange(BRICK + 1, device=sdf.device)
        x, y, z = (BRICK * level.at.T[..., None] + corner).unbind(0)
        place = (z[:, :, None, None] * (n + 1) + y[:, None, :, None]) * (n + 1) + x[:, None, None, :]
        sdf.view(-1)[place.reshape(-1)] = level.samples[:, 0].reshape(-1)
        widest = float(level.samples[:, 1].max().exp()) if len(level) else 0.0
        return DistanceLattice(sdf, whole[None, 1:2].exp(), widest, self.box)

    # Levels

    def _first(self) -> Generator[None]:
        n = self.coarsest
        quick = isinstance(self.field, LatticeField)
        if isinstance(self.field, LatticeField):
            density = self.field.lattice_density(n + 1, (n + 1) / n).permute(2, 1, 0)
            whole = torch.cat([density[None], density.new_full((3, *density.shape), 0.5)])
            yield
        else:
            rows = yield from self._evaluated(torch.arange((n + 1) ** 3, device=self.device), n)
            whole = rows.T.reshape(-1, n + 1, n + 1, n + 1)
        self.whole = whole
        m = n // BRICK
        axis = torch.arange(m, device=self.device)
        z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
        at = torch.stack([x, y, z], dim=-1).reshape(-1, 3)
        samples = _windows(whole, BRICK).permute(1, 2, 3, 0, 4, 5, 6).reshape(m**3, -1, *[BRICK + 1] * 3)
        live = self._live(whole[None], n)[0]
        cells = live.reshape(m, BRICK, m, BRICK, m, BRICK).permute(0, 2, 4, 1, 3, 5).reshape(-1, *[BRICK] * 3)
        known = torch.full_like(samples[:, 0], not quick, dtype=torch.bool)
        level = _kept(BrickLevel(n, at, samples, known, cells))
        if quick:  # without colours so far
            yield from self._fill(level, _corners(level.live))
        self.level = level

    def _refined(self, coarse: BrickLevel) -> Generator[None]:
        n = 2 * coarse.cells
        made, sharp = list[BrickLevel](), list[Tensor]()
        for rows in torch.arange(len(coarse), device=self.device).split(STEP_BRICKS):
            part, cells = self._split(coarse.select(rows))
            made.append(part)
            sharp.append(_corners(cells))
            yield
        level = BrickLevel.joined(made)
        yield
        yield from self._fill(level, torch.cat(sharp))
        parts = list[BrickLevel]()
        for rows in torch.arange(len(level), device=self.device).split(STEP_BRICKS):
            part = level.select(rows)
            parts.append(_kept(replace(part, live=self._live(part.samples, n))))
            yield
        self.level = BrickLevel.joined(parts)

    def _split(self, coarse: BrickLevel) -> tuple[BrickLevel, Tensor]:
        """The eighths of these bricks that matter, twice as fine and interpolated so far; their cells to evaluate."""
        half = BRICK // 2
        brick, oz, oy, ox = _eighths(coarse.live).flatten(4).any(dim=-1).nonzero(as_tuple=True)
        at = 2 * coarse.at[brick] + torch.stack([ox, oy, oz], dim=-1)
        cells = _eighths(coarse.live & self._sharp(coarse.samples, coarse.cells))[brick, oz, oy, ox]
        samples = _halved(_windows(coarse.samples, half).permute(0, 2, 3, 4, 1, 5, 6, 7)[brick, oz, oy, ox])
        known = torch.zeros_like(samples[:, 0], dtype=torch.bool)
        known[:, ::2, ::2, ::2] = _windows(coarse.known[:, None], half)[:, 0][brick, oz, oy, ox]
        wide = cells.repeat_interleave(2, 1).repeat_interleave(2, 2).repeat_interleave(2, 3)
        return BrickLevel(2 * coarse.cells, at, samples, known, wide), wide

    def _fill(self, level: BrickLevel, wanted: Tensor) -> Generator[None]:
        """Evaluate the wanted samples [K, 9, 9, 9] of a level in the making that are not known."""
        k, z, y, x = (wanted & ~level.known).nonzero(as_tuple=True)
        node = level.at[k] * BRICK + torch.stack([x, y, z], dim=-1)
        edge = level.cells + 1
        yield
        numbers, row = torch.unique((node[:, 2] * edge + node[:, 1]) * edge + node[:, 0], return_inverse=True)
        yield
        rows = yield from self._evaluated(numbers, level.cells)
        level.samples[k, :, z, y, x] = rows[row]
        level.known[k, z, y, x] = True
        yield

    def _evaluated(self, numbers: Tensor, n: int) -> Generator[None, None, Tensor]:
        """Samples [M, C] at the corners with these numbers [M] of a lattice of n cells per edge; x varies fastest."""
        parts = []
        for part in numbers.split(STEP_POINTS):
            node = torch.stack([part % (n + 1), part // (n + 1) % (n + 1), part // (n + 1) ** 2], dim=-1)
            parts.append(self._sampled((node.float() * (2.0 / n) - 1.0) * self.box))
            self.evaluations += len(part)
            yield
        return (
            torch.cat(parts) if parts else torch.zeros(0, 5 if self.field.is_sdf else 4, device=self.device)
        )

    def _sampled(self, points: Tensor) -> Tensor:
        """points [M, 3] → channels [M, C] of a level."""
        sample = self.field.geometry(points[None])
        dirs = torch.tensor(FRONTAL, device=self.device).expand(1, len(points), 3)
        colour = self.field.colour(sample, points[None], dirs)[0, :, :3]
        return torch.cat([torch.stack(_shape(sample), dim=-1)[0], colour], dim=-1).float()

    # Which cells matter

    def _live(self, samples: Tensor, n: int) -> Tensor:
        """[K, N, N, N] bool of the cells between samples [K, C, N + 1, N + 1, N + 1] of a lattice of n cells per edge."""
        cell = 2.0 * self.box / n
        if not self.field.is_sdf:
            return self._dense(samples[:, 0], cell)
        sdf, width = samples[:, 0], _highest(samples[:, 1].exp())
        reach = SLOPE_MARGIN * _slope(sdf, cell) * (0.5 * cell * 3.0**0.5)
        outside = _lowest(sdf) - reach > width * torch.log(1.0 / (2.0 * width * TOLERANCE)).clamp_min(0.0)
        return ~outside & (_highest(sdf) + reach > -FULL_DEPTH * width)

    def _sharp(self, samples: Tensor, n: int) -> Tensor:
        """Live cells near enough to the surface that the next level is worth evaluating; all of a density."""
        if not self.field.is_sdf:
            return torch.ones_like(samples[:, 0, 1:, 1:, 1:], dtype=torch.bool)
        cell = 2.0 * self.box / n
        sdf, width = samples[:, 0], _highest(samples[:, 1].exp())
        near = SHARP * width + _slope(sdf, cell) * (SHARP_CELLS * cell)
        return (_lowest(sdf) < near) & (_highest(sdf) > -near)

    def _dense(self, density: Tensor, cell: float) -> Tensor:
        """Cells beside any density, but for those that lie so deep in opaque matter that no light reaches them."""
        peak = _near(_highest(density))
        live = peak * (2.0 * self.box) > TOLERANCE
        low = _lowest(density)
        for cells in range(1, BURIED_CELLS + 1):
            low = -F.max_pool3d(F.pad(-low[:, None], (1,) * 6), 3, stride=1)[:, 0]  # beyond the edges is air
            live &= ~(low * (cells * cell) > FULL_DEPTH)
        return live


def _shape(sample: FieldSample) -> list[Tensor]:
    if sample.sdf is not None and sample.beta is not None:
        return [sample.sdf, sample.beta.log()]
    return [sample.density]


def _windows(x: Tensor, edge: int) -> Tensor:
    """[.., S, S, S] → [.., Z, Y, X, edge + 1, edge + 1, edge + 1]: bricks that share their faces."""
    for dim in (-3, -3, -3):
        x = x.unfold(dim, edge + 1, edge)
    return x


def _eighths(cells: Tensor) -> Tensor:
    """[K, 8, 8, 8] → [K, 2, 2, 2, 4, 4, 4]: the cells of each eighth of a brick."""
    half = BRICK // 2
    return cells.reshape(-1, 2, half, 2, half, 2, half).permute(0, 1, 3, 5, 2, 4, 6)


def _corners(cells: Tensor) -> Tensor:
    """[K, 8, 8, 8] → [K, 9, 9, 9]: the corners of the chosen cells."""
    return F.max_pool3d(F.pad(cells[:, None].float(), (1,) * 6), 2, stride=1)[:, 0].bool()


def _halved(x: Tensor) -> Tensor:
    """[K, C, 5, 5, 5] → [K, C, 9, 9, 9]: corners of cells half the size, interpolated between the given ones."""
    for dim in (-3, -2, -1):
        a, b = x.narrow(dim, 0, x.shape[dim] - 1), x.narrow(dim, 1, x.shape[dim] - 1)
        wide = x.new_empty([2 * s - 1 if d == x.dim() + dim else s for d, s in enumerate(x.shape)])
        even = [slice(None)] * x.dim()
        even[dim] = slice(0, None, 2)
        odd = list(even)
        odd[dim] = slice(1, None, 2)
        wide[tuple(even)] = x
        wide[tuple(odd)] = torch.lerp(a, b, 0.5)
        x = wide
    return x


def _kept(level: BrickLevel) -> BrickLevel:
    """Without the bricks in which nothing is live."""
    return level.select(level.live.flatten(1).any(dim=-1))


def _highest(corners: Tensor) -> Tensor:
    """Largest of the eight corners of each cell: [K, N + 1, ..] → [K, N, ..]."""
    for dim in (1, 2, 3):
        size = corners.shape[dim] - 1
        corners = torch.maximum(corners.narrow(dim, 0, size), corners.narrow(dim, 1, size))
    return corners


def _lowest(corners: Tensor) -> Tensor:
    """Smallest of the eight corners of each cell."""
    for dim in (1, 2, 3):
        size = corners.shape[dim] - 1
        corners = torch.minimum(corners.narrow(dim, 0, size), corners.narrow(dim, 1, size))
    return corners


def _near(cells: Tensor) -> Tensor:
    """Largest value of each cell and its neighbours in the same brick [K, N, N, N]."""
    return F.max_pool3d(cells[:, None], 3, stride=1, padding=1)[:, 0]


def _slope(sdf: Tensor, cell: float) -> Tensor:
    """Largest |∇f| near each cell, from differences along its edges; at least 1, as a distance has. [K, N + 1, ..] → [K, N, ..]"""
    squared = torch.zeros_like(sdf[:, 1:, 1:, 1:])
    for dim in (1, 2, 3):
        steep = torch.diff(sdf, dim=dim).abs()
        for other in (1, 2, 3):
            if other != dim:
                size = steep.shape[other] - 1
                steep = torch.maximum(steep.narrow(other, 0, size), steep.narrow(other, 1, size))
        squared += steep.square()
    return _near(squared.sqrt() / cell).clamp_min(1.0)
