"""Samples of a signed distance field where a baked distance says that the ray meets its surface.

The lattice of a baked volume knows the distance to the surface to a fraction of a cell. Rays are traced through it by
sphere tracing (Hart 1996) to where light begins to be lost. Most meet the surface nearly straight on: along these the
distance is linear, and VolSDF's density (Yariv et al. 2021) has its optical depth in closed form. Those that graze it
walk on in small steps and are drawn from the light lost in each, as in `core_model.sampling.guided`. No probe and no
proposal network is needed, so this is the quickest sampler for a few samples per ray; it sees what the lattice
resolves, and no more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.fields.density import volsdf_density
from core_model.geometry.rays import Rays, box_span
from core_model.ops.pixel_noise import PixelNoise
from core_model.ops.stepfun import stratified_u
from core_model.sampling.guided import quantile_samples
from core_model.sampling.types import RaySamples

BLUR = 0.15
"""Uncertainty of the interpolated distance in cells: it widens the surface that the samples are drawn from."""
BAND = 4.0
"""Widths of the surface outside of it from which on light is lost: e⁻⁴ of the density is left."""
ARRIVAL = 0.75 * BAND
"""Widths of the surface outside of it that a step aims at: inside the band, so that tracing ends."""
REACHES = 32
"""Steps of sphere tracing to the band, at most."""
CAUTIOUS = 0.85
"""Share of the distance that a step covers: the distance of a network is not exactly one."""
STRAIGHT = 0.35
"""Fall of the distance per length of ray, from which on a surface is met straight on."""
SORTED_OUT = 0.8
"""Share of rays still on their way below which the others are sorted out: before, that costs more than it saves."""
STEPS, SLOTS = 64, 32
"""Steps of a grazing ray in all, and those of them, from the first that loses light, among which samples are drawn;
the last one takes all that remain."""
FIRST_LOSS = 0.02
"""Optical depth from which on steps count as losing light."""
OPAQUE = 6.0
"""Optical depth at which a ray ends: e⁻⁶ of its light is left."""
LOOKS = 12
"""Samples of a ray that the lattice calls opaque and the field does not: it is looked at all around the place."""
CELLS_BEFORE, CELLS_BEHIND = 3.0, 2.0
"""Where these samples begin in front of the end of the ray and stop behind it, in cells of the lattice."""
BEHIND = 8.0
"""Widths of the surface for which the last sample of an opaque ray stands: what lies behind it cannot be seen."""


@dataclass(frozen=True)
class DistanceLattice:
    """Signed distance on the corners of the cells of the cube [-box, box]³, and the width of the surface, more coarsely.

    sdf: [1, 1, N + 1, N + 1, N + 1], beta: [1, 1, n + 1, n + 1, n + 1], the last three z, y, x, world units.
    widest: largest beta near the surface.
    """

    sdf: Tensor
    beta: Tensor
    widest: float
    box: float

    @property
    def cell(self) -> float:
        """Edge of a cell, world units."""
        return 2.0 * self.box / (self.sdf.shape[-1] - 1)

    @property
    def nbytes(self) -> int:
        return sum(x.numel() * x.element_size() for x in (self.sdf, self.beta))

    def distance(self, points: Tensor) -> Tensor:
        """Signed distance [R] at points [R, 3], interpolated."""
        return self._at(self.sdf, points)

    def width(self, points: Tensor) -> Tensor:
        """Width of the surface [R] near points [R, 3]: beta, and what the lattice leaves open."""
        return torch.hypot(self._at(self.beta, points), self.beta.new_tensor(BLUR * self.cell))

    def _at(self, values: Tensor, points: Tensor) -> Tensor:
        grid = (points / self.box)[None, None, None]
        return F.grid_sample(values, grid, padding_mode="border", align_corners=True)[0, 0, 0, 0]


@dataclass(frozen=True)
class Placed:
    """samples [R, S]; asked [R, S]: where the field is asked for each, in the middle of the stretch that the sample
    stands for; opaque [R]: rays that lose all light by the lattice, at the distance `end` [R]."""

    samples: RaySamples
    asked: Tensor
    opaque: Tensor
    end: Tensor


def surface_samples(rays: Rays, lattice: DistanceLattice, count: int, rng: PixelNoise | None) -> Placed:
    """`count` samples on each ray [R] that meets the surface by the lattice, none on the others."""
    t = rays.near[:, None].expand(len(rays), count).clone()
    delta, valid = torch.zeros_like(t), torch.zeros_like(t, dtype=torch.bool)
    opaque, end = torch.zeros(len(rays), dtype=torch.bool, device=t.device), rays.near.clone()
    traced = _to_the_band(rays, lattice)
    ahead, grazing = traced.select(traced.slope >= STRAIGHT), traced.select(traced.slope < STRAIGHT)
    if len(ahead):
        u = stratified_u(len(ahead), count, None if rng is None else rng.select(ahead.ray), t.device)
        t[ahead.ray], delta[ahead.ray] = _straight(ahead, u)
        valid[ahead.ray], opaque[ahead.ray], end[ahead.ray] = True, True, t[ahead.ray, -1]
    if len(grazing):
        walk = _walked(rays, lattice, grazing)
        met = walk.mass.sum(dim=-1) > 0
        index = grazing.ray[met]
        drawn = None if rng is None else rng.select(index)
        t[index], part = quantile_samples(walk.edges[met], walk.mass[met], count, drawn)
        last = part[:, -1]
        part[:, -1] = torch.where(walk.opaque[met], last.maximum(BEHIND * walk.beta[met]), last)
        delta[index], valid[index], opaque[index], end[index] = (
            part,
            True,
            walk.opaque[met],
            walk.edges[met, -1],
        )
    return Placed(RaySamples(t - 0.5 * delta, delta, valid), t, opaque, end)


def looks_around(placed: Placed, which: Tensor, lattice: DistanceLattice) -> tuple[RaySamples, Tensor]:
    """Evenly spaced samples [M, LOOKS] about the place where rays `which` [M] were to meet the surface, and where the
    field is asked for each."""
    end = placed.end[which, None]
    span = (CELLS_BEFORE + CELLS_BEHIND) * lattice.cell
    step = span / LOOKS
    t = end - CELLS_BEFORE * lattice.cell + step * torch.arange(LOOKS, device=end.device)
    delta = torch.full_like(t, step)
    return RaySamples(t, delta, torch.ones_like(t, dtype=torch.bool)), t + 0.5 * delta


@dataclass(frozen=True)
class _Traced:
    """Rays that came near the surface: their number, distance, and the lattice's distance, beta and slope there, each [R].

    slope: how fast the distance falls along the ray, 1 = straight on, 0 = along the surface.
    """

    ray: Tensor
    t: Tensor
    sdf: Tensor
    beta: Tensor
    slope: Tensor

    def __len__(self) -> int:
        return len(self.ray)

    def select(self, which: Tensor) -> _Traced:
        return _Traced(*(x[which] for x in (self.ray, self.t, self.sdf, self.beta, self.slope)))


def _to_the_band(rays: Rays, lattice: DistanceLattice) -> _Traced:
    """Sphere tracing until light begins to be lost."""
    enter, leave = box_span(rays.origins, rays.dirs, lattice.box)
    near, far = torch.maximum(rays.near, enter), torch.minimum(rays.far, leave)
    ray = (rays.hit & (far > near)).nonzero()[:, 0]
    origin, direction, t, end = rays.origins[ray], rays.dirs[ray], near[ray], far[ray]
    widest = math.hypot(lattice.widest, BLUR * lattice.cell)
    found: list[tuple[Tensor, ...]] = []
    for n in range(REACHES):
        sdf = lattice.distance(torch.addcmul(origin, direction, t[:, None]))
        moves = (sdf >= BAND * widest) if n < REACHES - 1 else torch.zeros_like(sdf, dtype=torch.bool)
        t = torch.where(moves, t + CAUTIOUS * (sdf - ARRIVAL * widest), t)
        on = moves & (t < end)
        count = int(on.sum())
        if count > SORTED_OUT * len(on):
            continue
        there = (~moves).nonzero()[:, 0]
        found.append(tuple(x[there] for x in (ray, origin, direction, t, sdf)))
        if not count:
            break
        on = on.nonzero()[:, 0]
        ray, origin, direction, t, end = (x[on] for x in (ray, origin, direction, t, end))
    ray, origin, direction, t, sdf = (torch.cat(parts) for parts in zip(*found, strict=True))
    beta = lattice.width(torch.addcmul(origin, direction, t[:, None]))
    ahead = sdf.clamp_min(0.0) + beta
    there = lattice.distance(torch.addcmul(origin, direction, (t + ahead)[:, None]))
    slope = (sdf - there) / ahead
    # the surface may bend away before the ray reaches it
    ahead = (sdf + beta) / slope.clamp_min(STRAIGHT)
    there = lattice.distance(torch.addcmul(origin, direction, (t + ahead)[:, None]))
    bent = (there + beta).abs() > 0.5 * beta
    return _Traced(ray, t, sdf, beta, torch.where(bent, torch.zeros_like(slope), slope))


def _straight(traced: _Traced, u: Tensor) -> tuple[Tensor, Tensor]:
    """t and δ [R, S] of samples at the quantiles u [R, S] of the light lost along a linear distance.

    With s = sdf / beta and the slope g, the optical depth of VolSDF's density is ½ exp(-s) / g in front of the
    surface, and (½ + x - ½ (1 - exp(-x))) / g at x = -s behind it.
    """
    g, beta = traced.slope.clamp(STRAIGHT, 1.5)[:, None], traced.beta[:, None]
    depth = -torch.log1p(-u) * g
    x = depth.clamp_min(0.5)
    for _ in range(4):  # x + ½ exp(-x) = depth: Newton
        x = x - (x + 0.5 * torch.exp(-x) - depth) / (1.0 - 0.5 * torch.exp(-x))
    behind = torch.where(depth > 0.5, x, torch.log(2.0 * depth.clamp_min(1e-6)))
    t = traced.t[:, None] + (traced.sdf[:, None] + beta * behind) / g
    density = volsdf_density(-behind * beta, beta.expand_as(behind))
    delta = 1.0 / (u.shape[1] * (1.0 - u) * density)
    delta[:, -1:] = delta[:, -1:].maximum(BEHIND * beta)
    return t, delta


@dataclass(frozen=True)
class _Walk:
    """edges [R, SLOTS + 1], light lost between them [R, SLOTS]; opaque [R]; width of the surface [R]."""

    edges: Tensor
    mass: Tensor
    opaque: Tensor
    beta: Tensor


def _walked(rays: Rays, lattice: DistanceLattice, traced: _Traced) -> _Walk:
    """Small steps from where a ray came near the surface, until its light is lost or it leaves the box."""
    origins, dirs = rays.origins[traced.ray], rays.dirs[traced.ray]
    far = torch.minimum(rays.far[traced.ray], box_span(origins, dirs, lattice.box)[1])
    count, device = len(traced), traced.t.device
    edges = traced.t[:, None].expand(count, SLOTS + 1).clone()
    mass = torch.zeros(count, SLOTS, device=device)
    opaque = torch.zeros(count, dtype=torch.bool, device=device)
    ray, origin, direction, t, beta, end = (
        torch.arange(count, device=device),
        origins,
        dirs,
        traced.t,
        traced.beta,
        far,
    )
    slot, depth = torch.zeros(count, dtype=torch.long, device=device), torch.zeros(count, device=device)
    for _ in range(STEPS):
        sdf = lattice.distance(torch.addcmul(origin, direction, t[:, None]))
        fine = torch.maximum(0.8 * beta, 0.7 * sdf.abs())
        step = torch.where(sdf < BAND * beta, fine, (CAUTIOUS * (sdf - ARRIVAL * beta)).maximum(fine * 0.5))
        # a ray that has ended stays as it is until it is sorted out
        going = (depth <= OPAQUE) & (t < end)
        step = torch.where(going, step, 0.0)
        lost = volsdf_density(sdf, beta) * step * (sdf < BAND * beta)
        begun = going & ((depth + lost > FIRST_LOSS) | (slot > 0))
        after = t + step
        # the first edge moves along with a ray that has not lost any light yet
        edges[ray, torch.where(begun, slot + 1, 0)] = torch.where(begun | (slot == 0), after, edges[ray, 0])
        mass[ray, slot] += torch.where(begun, torch.exp(-depth) * -torch.expm1(-lost), 0.0)
        depth, slot, t = depth + lost, (slot + begun.long()).clamp_max(SLOTS - 1), after
        dark = depth > OPAQUE
        opaque[ray] = dark
        on = ~dark & (t < end)
        count = int(on.sum())
        if not count:
            break
        if count < SORTED_OUT * len(on):
            on = on.nonzero()[:, 0]
            ray, origin, direction, t, beta, end, slot, depth = (
                x[on] for x in (ray, origin, direction, t, beta, end, slot, depth)
            )
    # unused slots have no length
    return _Walk(torch.cummax(edges, dim=-1).values, mass, opaque, traced.beta)
