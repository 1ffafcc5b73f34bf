"""Sphere tracing of rays against the head's signed distance.

An evaluation of the field costs nearly the same for one point as for a few thousand, so rays move in few,
wide rounds: steps stretched by the slope seen last (relaxed where neighbouring spheres still overlap, secant
close to the surface), and the few rays left over look at several places ahead in one round.
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
_CLOSE = 8.0e-3
_LIPSCHITZ = 1.15
_ROUNDS = 40
_LEAST = 2.5e-3
_ROUND_POINTS = 8192
_LOOK_AHEAD = 48
_GRID = 26
_GRID_STEPS = 40
_GRID_LEAST = 2.5e-3
_GRID_SLACK = 5.0e-3


Look = Callable[[Tensor, Tensor], Tensor]


def _box_span(origins: Tensor, dirs: Tensor, half: float) -> tuple[Tensor, Tensor]:
    """Entry and exit distances [N] of rays through the cube [-half, half]³; exit < entry where they miss."""
    inverse = 1.0 / torch.where(dirs.abs() < 1e-9, torch.full_like(dirs, 1e-9), dirs)
    a, b = (-half - origins) * inverse, (half - origins) * inverse
    return torch.minimum(a, b).amax(-1), torch.maximum(a, b).amin(-1)


def trace_heads(
    params: HeadParams,
    origins: Tensor,
    dirs: Tensor,
    near: Tensor | float,
    far: Tensor | float,
    slope: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """First surface along rays: origins, dirs [B, R, 3] (unit, world), near, far floats or [B, R].

    `slope` [B, R] is how the distance changes along the ray at `near`, about, for rays that begin close to
    the surface: it makes their first step longer.
    Returns distance t [B, R] (world units; `far` where nothing is hit) and hit [B, R] (bool). On a hit the
    distance field at o + t d is below 1e-3 in magnitude (about 1e-5 in practice, by secant refinement).
    """
    near = torch.as_tensor(near, dtype=origins.dtype, device=origins.device).expand(origins.shape[:2])
    far = torch.as_tensor(far, dtype=origins.dtype, device=origins.device).expand(origins.shape[:2])
    slope = torch.zeros_like(near) if slope is None else slope
    if origins.device.type == "cpu":
        pairs = [
            _trace_flat(params.select(i), None, origins[i], dirs[i], near[i], far[i], slope[i])
            for i in range(origins.shape[0])
        ]
        return torch.stack([t for t, _ in pairs]), torch.stack([h for _, h in pairs])
    b, r = origins.shape[:2]
    owner = torch.arange(b, device=origins.device).repeat_interleave(r)
    t, hit = _trace_flat(
        params,
        owner,
        origins.reshape(-1, 3),
        dirs.reshape(-1, 3),
        near.reshape(-1),
        far.reshape(-1),
        slope.reshape(-1),
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
    """Rays under way, all [N]: which; place, distance there.

    Next step, and whether it may skip the overlap test.
    """

    index: Tensor
    t: Tensor
    s: Tensor
    step: Tensor
    secant: Tensor

    def keep(self, chosen: Tensor) -> _Rays:
        return _Rays(*(getattr(self, f.name)[chosen] for f in dataclasses.fields(self)))


def _trace_flat(
    params: HeadParams, owner: Tensor | None, o: Tensor, d: Tensor, near: Tensor, far: Tensor, slope: Tensor
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
    t = t_all[index]
    s = look(index, t[:, None])[:, 0]
    s_all[index] = s
    done = s.abs() < _HIT
    hit_all[index[done]] = True
    rays = _next_steps(index, t, s, slope[index], s.abs()).keep(~done)
    for round_ in range(_ROUNDS):
        if rays.index.numel() == 0:
            break
        # Rays that graze the surface would crawl: their tolerance and least step grow a little.
        late = min(1.4, max(0, round_ - 3) / 6)
        tolerance = min(_HIT * (1.0 + late), _HIT_LATE)
        ahead = min(_LOOK_AHEAD, max(1, _ROUND_POINTS // rays.index.numel()))
        places = rays.t[:, None] + rays.step[:, None] * torch.arange(1, ahead + 1, device=o.device)
        rays, slope = _advance(rays, look(rays.index, places), tolerance, _LEAST * late)
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
    """Moves rays to the first place of interest among those seen [N, K], K steps ahead.

    Also gives the slope there. Of interest is a place at or under the surface, or one whose sphere does not
    reach back to the sphere before it (then the ray stays before the gap and goes on with plain steps).
    """
    n, k = seen.shape
    before = torch.cat([rays.s[:, None], seen[:, :-1]], dim=1)
    gap = rays.step.abs()[:, None] > ((before.abs() + seen.abs()) * 1.0001).clamp(min=1.0001 * least)
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
    moved = _next_steps(rays.index, t, s, slope, rays.step.abs(), least)
    # After a gap the slope seen is that of something beyond it.
    moved.step = torch.where(back, (0.95 * s).clamp(min=least), moved.step)
    moved.secant = moved.secant & ~back
    return moved, slope


def _next_steps(
    index: Tensor, t: Tensor, s: Tensor, slope: Tensor, last: Tensor, least: float = 0.0
) -> _Rays:
    """Rays at t with distance s, and their next steps.

    A step follows from the slope along the ray and the length of the last step.
    """
    # Outside, the longest step after which the spheres still touch if the surface goes on as a plane.
    plain = ((2.0 / (1.0 - slope.clamp(-1.0, 0.9))).clamp(1.0, 3.0) * s).clamp(min=least)
    straight = -s / slope.clamp(max=-0.1)
    secant = (s > 0) & (s < _CLOSE) & (slope < -0.4)
    # Under the surface the last step holds it between its ends.
    home = torch.maximum(torch.where(slope < -0.1, straight, 0.6 * s), -last)
    return _Rays(index, t, s, torch.where(s <= 0, home, torch.where(secant, straight, plain)), secant)


def _refine(look: Look, hit: Tensor, t: Tensor, s: Tensor, slope: Tensor) -> Tensor:
    """Two secant steps from distance s at t, by one evaluation of the field.

    The start lies a fraction of a millimetre from the zero level.
    """
    first = torch.where(slope < -0.05, -s / slope.clamp(max=-0.05), s).clamp(-6e-4, 6e-4)
    first = torch.where(first.abs() < 2e-6, torch.full_like(first, 2e-6), first)
    s_first = look(hit, (t + first)[:, None])[:, 0]
    better = (s_first - s) / first
    slope = torch.where(first.abs() > 5e-5, better, slope)
    second = torch.where(slope.abs() > 0.05, -s_first / slope, s_first)
    return t + first + second.clamp(-6e-4, 6e-4)


@dataclasses.dataclass(frozen=True)
class CoarseField:
    """A head's distance [1, 1, G, G, G] on a grid over the box that tells rays where to begin.

    Exact at the grid's nodes near the surface, a lower bound elsewhere.
    """

    volume: Tensor

    @staticmethod
    def of(params: HeadParams) -> CoarseField:
        """The grid of a batch of one head: every third node first, then the rest where the surface may be."""
        first = surface_sdf(params, _nodes(_GRID, params.masculine).view(1, -1, 3))
        coarse = first.view(1, 1, _GRID, _GRID, _GRID)
        fine = 3 * (_GRID - 1) + 1
        volume = functional.interpolate(coarse, size=(fine,) * 3, mode="trilinear", align_corners=True)
        slack = _LIPSCHITZ * _half_diagonal(_GRID)
        flat = volume.view(-1)
        near = ((flat < slack) & (flat > -0.5 * slack)).nonzero()[:, 0]
        flat = torch.where(flat > 0, (flat - slack).clamp(min=0.01), flat)
        flat[near] = surface_sdf(params, _nodes(fine, params.masculine).view(-1, 3)[None, near])[0]
        return CoarseField(flat.view_as(volume))

    def march(
        self, origins: Tensor, dirs: Tensor, begin: Tensor, far: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """How far rays [R, 3] from `begin` [R] may go before they come close to the surface.

        Returns t [R], the slope of the distance along the ray there [R], and whether they come close [R].
        What is thinner than half a cell could be missed; heads have nothing so thin.
        """
        enter, leave = _box_span(origins, dirs, 0.5)
        t_all, end = torch.maximum(begin, enter), leave.clamp(max=far)
        rays = (t_all < end).nonzero()[:, 0]
        for _ in range(_GRID_STEPS):
            t = t_all[rays]
            free = self._at(origins[rays], dirs[rays], t) - _GRID_SLACK
            going = free > 0
            rays, t = rays[going], (t + free.clamp(min=_GRID_LEAST))[going]
            t_all[rays] = t
            rays = rays[t < end[rays]]
            if rays.numel() == 0:
                break
        touches = t_all < end
        arm = 2.0e-3
        slope = self._at(origins, dirs, t_all + arm) - self._at(origins, dirs, t_all - arm)
        return t_all, slope / (2.0 * arm), touches

    def _at(self, origins: Tensor, dirs: Tensor, t: Tensor) -> Tensor:
        places = ((origins + t[:, None] * dirs) * 2.0)[None, None, None]
        near_by = functional.grid_sample(self.volume, places, padding_mode="border", align_corners=True)
        return near_by.view(-1)


def _half_diagonal(nodes: int) -> float:
    """Half diagonal of a cell of the grid with this many nodes along each edge of the box."""
    return 0.5 * 3.0**0.5 / (nodes - 1)


def _nodes(count: int, like: Tensor) -> Tensor:
    """Places [count, count, count, 3] (z, y, x order of axes, x y z in the last) of a grid over the box."""
    line = torch.linspace(-0.5, 0.5, count, dtype=like.dtype, device=like.device)
    z, y, x = torch.meshgrid(line, line, line, indexing="ij")
    return torch.stack([x, y, z], dim=-1)
