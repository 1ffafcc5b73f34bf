"""Sphere tracing of rays against the head's signed distance.

An evaluation of the field costs nearly the same for one point as for a few thousand, so rays move in few, wide
rounds: steps stretched by the slope seen last (relaxed where neighbouring spheres still overlap, secant close
to the surface), and the few rays left over look at several places ahead in one round.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from core_model.data.heads.field import head_sdf, surface_sdf
from core_model.data.heads.parameters import HeadParams

_HIT = 2.5e-4
_HIT_LATE = 6.0e-4
_CLOSE = 3.0e-3
_LIPSCHITZ = 1.15
_ROUNDS = 40
_ROUND_POINTS = 3072
_LOOK_AHEAD = 16
_GRID = 30
_GRID_STEPS = 40
_GRID_LEAST = 4.0e-3


Look = Callable[[Tensor, Tensor], Tensor]


def _box_span(origins: Tensor, dirs: Tensor, half: float) -> tuple[Tensor, Tensor]:
    """Entry and exit distances [N] of rays through the cube [-half, half]³; exit < entry where they miss."""
    inverse = 1.0 / torch.where(dirs.abs() < 1e-9, torch.full_like(dirs, 1e-9), dirs)
    a, b = (-half - origins) * inverse, (half - origins) * inverse
    return torch.minimum(a, b).amax(-1), torch.maximum(a, b).amin(-1)


def trace_heads(
    params: HeadParams, origins: Tensor, dirs: Tensor, near: Tensor | float, far: Tensor | float
) -> tuple[Tensor, Tensor]:
    """First surface along rays: origins, dirs [B, R, 3] (unit, world), near, far floats or [B, R].

    Returns distance t [B, R] (world units; `far` where nothing is hit) and hit [B, R] (bool). On a hit the
    distance field at o + t d is below 1e-3 in magnitude (about 1e-5 in practice, by secant refinement).
    """
    near = torch.as_tensor(near, dtype=origins.dtype, device=origins.device).expand(origins.shape[:2])
    far = torch.as_tensor(far, dtype=origins.dtype, device=origins.device).expand(origins.shape[:2])
    if origins.device.type == "cpu":
        pairs = [
            _trace_flat(params.select(i), None, origins[i], dirs[i], near[i], far[i])
            for i in range(origins.shape[0])
        ]
        return torch.stack([t for t, _ in pairs]), torch.stack([h for _, h in pairs])
    b, r = origins.shape[:2]
    owner = torch.arange(b, device=origins.device).repeat_interleave(r)
    t, hit = _trace_flat(
        params, owner, origins.reshape(-1, 3), dirs.reshape(-1, 3), near.reshape(-1), far.reshape(-1)
    )
    return t.view(b, r), hit.view(b, r)


def _distance(params: HeadParams, owner: Tensor | None, points: Tensor) -> Tensor:
    """Distance [N, K] at points [N, K, 3]; owner [N] names each row's head, None means head 0 for all."""
    n, k = points.shape[:2]
    if owner is None:
        return surface_sdf(params, points.reshape(1, n * k, 3)).view(n, k)
    return head_sdf(params.take(owner), points)


@dataclasses.dataclass
class _Rays:
    """Rays under way, all [N]: which; place, distance there; next step, and whether it may skip the overlap test."""

    index: Tensor
    t: Tensor
    s: Tensor
    step: Tensor
    secant: Tensor

    def keep(self, chosen: Tensor) -> _Rays:
        return _Rays(*(getattr(self, f.name)[chosen] for f in dataclasses.fields(self)))


def _trace_flat(
    params: HeadParams, owner: Tensor | None, o: Tensor, d: Tensor, near: Tensor, far: Tensor
) -> tuple[Tensor, Tensor]:
    enter, leave = _box_span(o, d, 0.5)
    t_all = torch.maximum(near, enter)
    end = torch.minimum(far, leave)
    hit_all = torch.zeros_like(t_all, dtype=torch.bool)
    s_all, slope_all = torch.zeros_like(t_all), torch.full_like(t_all, -1.0)

    def look(index: Tensor, t: Tensor) -> Tensor:
        points = o[index, None] + t[..., None] * d[index, None]
        return _distance(params, None if owner is None else owner[index], points)

    index = (end > t_all).nonzero()[:, 0]
    if index.numel() == 0:
        return far.clone(), hit_all
    s = look(index, t_all[index, None])[:, 0]
    rays = _Rays(index, t_all[index], s, s, torch.zeros_like(s, dtype=torch.bool))
    done = s.abs() < _HIT
    s_all[index], hit_all[index[done]] = s, True
    rays = rays.keep(~done)
    for round_ in range(_ROUNDS):
        if rays.index.numel() == 0:
            break
        late = max(0, round_ - 8) / 16
        tolerance = min(_HIT * (1.0 + late), _HIT_LATE)
        ahead = min(_LOOK_AHEAD, max(1, _ROUND_POINTS // rays.index.numel()))
        places = rays.t[:, None] + rays.step[:, None] * torch.arange(1, ahead + 1, device=o.device)
        rays, slope = _advance(rays, look(rays.index, places), tolerance, 2.5e-3 * late)
        inside = rays.t < end[rays.index]
        done = (rays.s.abs() < tolerance) & inside
        found = rays.index[done]
        t_all[found], s_all[found], slope_all[found], hit_all[found] = (
            rays.t[done],
            rays.s[done],
            slope[done],
            True,
        )
        rays = rays.keep(~done & inside)
    hit = hit_all.nonzero()[:, 0]
    if hit.numel():
        t_all[hit] = _refine(look, hit, t_all[hit], s_all[hit], slope_all[hit])
    return torch.where(hit_all, t_all, far), hit_all


def _advance(rays: _Rays, seen: Tensor, tolerance: float, least: float) -> tuple[_Rays, Tensor]:
    """Moves rays to the first place of interest among those seen [N, K], K steps ahead; also gives the slope there.

    Of interest is a place at or under the surface, or one whose sphere does not reach back to the sphere
    before it (then the ray stays before the gap and goes on with plain steps).
    """
    n, k = seen.shape
    before = torch.cat([rays.s[:, None], seen[:, :-1]], dim=1)
    gap = rays.step.abs()[:, None] > (before.abs() + seen.abs()) * 1.0001
    gap[:, 0] &= ~rays.secant & (rays.s > 0)
    event = gap | (seen < tolerance)
    event[:, 0] |= (rays.s <= 0) | rays.secant
    event[:, -1] = True
    first = event.to(torch.uint8).argmax(dim=1)
    row = torch.arange(n, device=seen.device)
    back = gap[row, first]
    s_before, s_first = before[row, first], seen[row, first]
    s = torch.where(back, s_before, s_first)
    t = rays.t + rays.step * (first + 1 - back.to(first.dtype))
    slope = (s_first - s_before) / torch.where(rays.step.abs() < 1e-7, torch.full_like(s, 1e-7), rays.step)
    # Outside, the longest step after which the spheres still touch if the surface goes on as a plane.
    relax = (2.0 / (1.0 - slope.clamp(-1.0, 0.9))).clamp(1.0, 1.8)
    plain = torch.where(back, 0.95 * s, relax * s).clamp(min=least)
    straight = -s / slope.clamp(max=-0.1)
    secant = (s < _CLOSE) & (slope < -0.4) & ~back
    # Under the surface the last step holds it between its ends.
    home = torch.maximum(torch.where(slope < -0.1, straight, 0.6 * s), -rays.step.abs())
    step = torch.where(s <= 0, home, torch.where(secant, straight, plain))
    return _Rays(rays.index, t, s, step, secant & (s > 0)), slope


def _refine(look: Look, hit: Tensor, t: Tensor, s: Tensor, slope: Tensor) -> Tensor:
    """Two secant steps from distance s at t, a fraction of a millimetre from the zero level, by one evaluation."""
    first = torch.where(slope < -0.05, -s / slope.clamp(max=-0.05), s).clamp(-6e-4, 6e-4)
    first = torch.where(first.abs() < 2e-6, torch.full_like(first, 2e-6), first)
    s_first = look(hit, (t + first)[:, None])[:, 0]
    better = (s_first - s) / first
    slope = torch.where(first.abs() > 5e-5, better, slope)
    second = torch.where(slope.abs() > 0.05, -s_first / slope, s_first)
    return t + first + second.clamp(-6e-4, 6e-4)


def grid_starts(
    params: HeadParams, origins: Tensor, dirs: Tensor, spread: float, near: float, far: float
) -> tuple[Tensor, Tensor]:
    """How far cones around rays [1, R, 3] reach before they may touch anything: (t [1, R], touches [1, R]).

    `spread` is the cone's radius per unit distance. Every ray inside a cone can start at its t, and misses
    where the cone touches nothing. The cones march through one evaluation on a coarse grid: its
    interpolation is off by no more than the steepest slope times half a cell's diagonal.
    """
    line = torch.linspace(-0.5, 0.5, _GRID, dtype=origins.dtype, device=origins.device)
    z, y, x = torch.meshgrid(line, line, line, indexing="ij")
    nodes = surface_sdf(params, torch.stack([x, y, z], dim=-1).view(1, -1, 3))
    volume = nodes.view(1, 1, _GRID, _GRID, _GRID) * (1.0 / _LIPSCHITZ)
    slack = 0.5 * 3.0**0.5 / (_GRID - 1)
    enter, leave = _box_span(origins[0], dirs[0], 0.53)
    t, end = enter.clamp(min=near), leave.clamp(max=far)
    for _ in range(_GRID_STEPS):
        places = (origins[0] + t[:, None] * dirs[0]) * 2.0
        near_by = functional.grid_sample(
            volume, places[None, None, None], padding_mode="border", align_corners=True
        )
        free = near_by.view(-1) - slack - spread * t
        going = (free > _GRID_LEAST) & (t < end)
        if not going.any():
            break
        t = torch.where(going, t + free, t)
    return t[None], (t < end)[None]
