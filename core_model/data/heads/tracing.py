"""Sphere tracing of rays against the head's signed distance."""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.data.heads.field import head_sdf
from core_model.data.heads.parameters import HeadParams

_HIT = 2.5e-4
_LIPSCHITZ = 1.15
_HIT_LATE = 6.0e-4
_STEPS = 48


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
    """Distance [N] at points [N, 3]; owner [N] names each point's head, None means head 0 for all."""
    if owner is None:
        return head_sdf(params, points[None])[0]
    return head_sdf(params.take(owner), points[:, None])[:, 0]


def _trace_flat(
    params: HeadParams, owner: Tensor | None, o: Tensor, d: Tensor, near: Tensor, far: Tensor
) -> tuple[Tensor, Tensor]:
    enter, leave = _box_span(o, d, 0.5)
    t_all = torch.maximum(near, enter)
    end = torch.minimum(far, leave)
    hit_all = torch.zeros_like(t_all, dtype=torch.bool)
    alive = (end > t_all).nonzero()[:, 0]
    t, previous = t_all[alive], torch.zeros_like(t_all[alive])
    relax = torch.full_like(t, 1.15)
    last = torch.zeros_like(t)
    for step in range(_STEPS):
        if alive.numel() == 0:
            break
        s = _distance(params, None if owner is None else owner[alive], o[alive] + t[:, None] * d[alive])
        # Over-relaxed steps are only safe while consecutive spheres overlap; otherwise go back.
        overshot = (relax > 1.0) & (step > 0) & (last > (s.abs() + previous))
        # Rays that graze the surface would crawl: their tolerance and least step grow a little.
        late = max(0, step - 12) / 24
        forward = (s * relax).clamp(min=2.5e-3 * late)
        stepped = torch.where(overshot, last * (1.0 / relax - 1.0), torch.where(s < 0, 0.6 * s, forward))
        done = (s.abs() < min(_HIT * (1.0 + late), _HIT_LATE)) & ~overshot
        relax = torch.where(overshot, torch.full_like(relax, 0.95), relax)
        # Once inside, walk back and on with short steps: the field may be steeper than one.
        relax = torch.where((s < 0) & ~overshot, torch.full_like(relax, 0.60), relax)
        t_all[alive] = t
        hit_all[alive[done]] = True
        t_next = t + stepped
        keep = ~done & (t_next < end[alive])
        alive, t = alive[keep], t_next[keep]
        previous, last, relax = s[keep].abs(), stepped[keep].abs(), relax[keep]
    hit = hit_all.nonzero()[:, 0]
    t_all[hit] = _refine(params, None if owner is None else owner[hit], o[hit], d[hit], t_all[hit])
    return torch.where(hit_all, t_all, far), hit_all


def cone_starts(
    params: HeadParams, origins: Tensor, dirs: Tensor, spread: float, near: float, far: float
) -> tuple[Tensor, Tensor]:
    """How far cones around rays [B, R, 3] reach before they may touch anything: (t [B, R], touches [B, R]).

    `spread` is the cone's radius per unit distance. Every ray inside a cone can start at its t, and
    misses where the cone touches nothing.
    """
    b, r = origins.shape[:2]
    t = torch.full((b, r), near, dtype=origins.dtype, device=origins.device)
    touches = torch.zeros_like(t, dtype=torch.bool)
    for _ in range(12):
        s = head_sdf(params, origins + t[..., None] * dirs) * (1.0 / _LIPSCHITZ)
        touches |= s < spread * t
        open_ = ~touches & (t < far)
        if not open_.any():
            break
        t = torch.where(open_, t + (s - spread * t).clamp(min=2e-3), t)
    return t, touches | (t < far)


def _refine(params: HeadParams, owner: Tensor | None, o: Tensor, d: Tensor, t: Tensor) -> Tensor:
    """Secant steps from a point within a fraction of a millimetre of the zero level."""
    if t.numel() == 0:
        return t
    a, b = t - 6e-4, t
    sa = _distance(params, owner, o + a[:, None] * d)
    for _ in range(2):
        sb = _distance(params, owner, o + b[:, None] * d)
        slope = (sb - sa) / torch.where((b - a).abs() < 1e-7, torch.full_like(b, 1e-7), b - a)
        step = torch.where(slope.abs() > 0.05, -sb / slope, sb)
        a, sa, b = b, sb, b + step.clamp(-6e-4, 6e-4)
    return b
