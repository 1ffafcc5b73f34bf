"""EG3D's own renderer (coarse pass, importance pass, midpoint marching) with its quirks.

jitter_shift         the coarse depths are jittered by U·Δ also at inference, so their mean lies Δ/2 too far
importance_half_bin  per-interval weights are treated as per-sample weights: fine samples fall half a bin too
                     near
depth_range_of_call  the depth is clamped to the smallest and largest sample depth of the whole call
auto_far_is_near     with automatic bounds, rays that miss the box end at the largest near of the others

All uniform random numbers default to their middle, which makes the renderer repeatable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.geometry.rays import box_span

Query = Callable[[Tensor], tuple[Tensor, Tensor]]
"""points [B, N, 3] → (raw density [B, N], colour features [B, N, C])."""

CHUNK_SAMPLES = 1 << 20


@dataclass(frozen=True)
class TwoPassRule:
    """near, far None = automatic (the box).

    coarse, fine: samples of the passes, fine 0 = the coarse pass alone.
    """

    near: float | None
    far: float | None
    coarse: int
    fine: int
    box: float
    disparity: bool = False
    white_back: bool = False


@dataclass(frozen=True)
class Marched:
    """features [B, R, C] in [-1, 1]; depth, weight_sum [B, R].

    t and weights of the passes [B, R, S] (weights S - 1).
    """

    features: Tensor
    depth: Tensor
    weight_sum: Tensor
    t_coarse: Tensor
    weights_coarse: Tensor
    t_fine: Tensor
    t: Tensor
    weights: Tensor


def render_two_pass(
    query: Query,
    origins: Tensor,
    dirs: Tensor,
    rule: TwoPassRule,
    *,
    jitter: Tensor | None = None,
    u: Tensor | None = None,
    near_far: tuple[Tensor, Tensor] | None = None,
    keep: bool = True,
) -> Marched:
    """origins, dirs [B, R, 3] → Marched.

    jitter [B, R, coarse] and u [B, R, fine] replace the middles; near_far [B, R] each. keep = False returns
    empty t and weights (large pictures).
    """
    near, far = near_far if near_far is not None else ray_limits(origins, dirs, rule)
    size = max(1, CHUNK_SAMPLES // (origins.shape[0] * (rule.coarse + rule.fine)))
    parts = []
    for start in range(0, origins.shape[1], size):
        s = slice(start, start + size)
        part = lambda x, s=s: None if x is None else x[:, s]
        parts.append(
            _render_chunk(
                query, origins[:, s], dirs[:, s], near[:, s], far[:, s], rule, part(jitter), part(u), keep
            )
        )
    low, high = torch.stack([p[1] for p in parts]).amin(), torch.stack([p[2] for p in parts]).amax()
    join = [torch.cat([getattr(p[0], name) for p in parts], dim=1) for name in Marched.__dataclass_fields__]
    join[1] = torch.nan_to_num(join[1], nan=float("inf")).clamp(low, high)
    return Marched(*join)


def ray_limits(origins: Tensor, dirs: Tensor, rule: TwoPassRule) -> tuple[Tensor, Tensor]:
    """near, far [B, R]."""
    if rule.near is not None and rule.far is not None:
        full = torch.full(origins.shape[:2], rule.near, device=origins.device)
        return full, torch.full_like(full, rule.far)
    near, far = box_span(origins, dirs, rule.box)
    valid = far > near
    if not bool(valid.any()):
        return torch.full_like(near, -1.0), torch.full_like(far, -2.0)
    inside = near[valid]
    return torch.where(valid, near, inside.min()), torch.where(valid, far, inside.max())


def coarse_depths(near: Tensor, far: Tensor, rule: TwoPassRule, jitter: Tensor | None) -> Tensor:
    """[B, R, n]: an even grid including both ends, each sample moved by jitter·Δ (½ by default)."""
    n = rule.coarse
    xi = 0.5 if jitter is None else jitter
    if rule.disparity:
        s = torch.linspace(0.0, 1.0, n, device=near.device) + xi / (n - 1)
        return (1.0 / ((1.0 - s) / near[..., None] + s / far[..., None])).expand(*near.shape, n)
    grid = near[..., None] + (far - near)[..., None] * torch.linspace(0.0, 1.0, n, device=near.device)
    return grid + xi * ((far - near) / (n - 1))[..., None]


def march(colours: Tensor, raw: Tensor, t: Tensor, white_back: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Features [B, R, C] in [-1, 1], depth [B, R] and weights [B, R, S-1] of a march.

    colours [B, R, S, C]; raw, t [B, R, S].
    """
    middle = lambda x: 0.5 * (x[:, :, 1:] + x[:, :, :-1])
    weights = march_weights(raw, t)
    total = weights.sum(dim=-1)
    features = (weights[..., None] * middle(colours)).sum(dim=2)
    depth = (weights * middle(t)).sum(dim=-1) / total
    if white_back:
        features = features + (1.0 - total)[..., None]
    return features * 2.0 - 1.0, depth, weights


def march_weights(raw: Tensor, t: Tensor) -> Tensor:
    """raw, t [..., S] → weights of the intervals [..., S-1].

    The raw densities are averaged before the activation.
    """
    density = F.softplus(0.5 * (raw[..., 1:] + raw[..., :-1]) - 1.0)
    alpha = 1.0 - torch.exp(-density * torch.diff(t, dim=-1))
    passed = torch.cat([torch.ones_like(alpha[..., :1]), 1.0 - alpha + 1e-10], dim=-1)
    return alpha * torch.cumprod(passed, dim=-1)[..., :-1]


def fine_depths(t: Tensor, weights: Tensor, count: int, u: Tensor | None) -> Tensor:
    """Importance samples [B, R, count], unsorted where u is.

    t [B, R, n]: coarse depths; weights [B, R, n-1].
    """
    b, r, n = t.shape
    w = weights.reshape(b * r, 1, n - 1)
    w = F.avg_pool1d(F.max_pool1d(w, 2, 1, padding=1), 2, 1).reshape(b * r, n - 1) + 0.01
    edges = (0.5 * (t[..., :-1] + t[..., 1:])).reshape(b * r, n - 1)
    inner = (
        w[:, 1:-1] + 1e-5
    )  # n - 3 weights for n - 1 edges: the half-bin quirk, the last edge is never used
    cdf = torch.cumsum(inner / inner.sum(dim=-1, keepdim=True), dim=-1)
    cdf = torch.cat([torch.zeros_like(cdf[:, :1]), cdf], dim=-1)
    if u is None:
        u = ((torch.arange(count, device=t.device, dtype=t.dtype) + 0.5) / count).expand(b * r, count)
    u = u.reshape(b * r, count).contiguous()
    i = torch.searchsorted(cdf, u, right=True)
    low, high = (i - 1).clamp_min(0), i.clamp_max(n - 3)
    c0, c1, b0, b1 = cdf.gather(1, low), cdf.gather(1, high), edges.gather(1, low), edges.gather(1, high)
    span = c1 - c0
    span = torch.where(span < 1e-5, torch.ones_like(span), span)
    return (b0 + (u - c0) / span * (b1 - b0)).reshape(b, r, count)


def _render_chunk(
    query: Query,
    origins: Tensor,
    dirs: Tensor,
    near: Tensor,
    far: Tensor,
    rule: TwoPassRule,
    jitter: Tensor | None,
    u: Tensor | None,
    keep: bool,
) -> tuple[Marched, Tensor, Tensor]:
    """One chunk of rays with unclamped depth, and its range of sample depths."""
    t = coarse_depths(near, far, rule, jitter)
    raw, colours = _at(query, origins, dirs, t)
    features, depth, weights = march(colours, raw, t, rule.white_back)
    t_all, w_all, t_fine = t, weights, t[..., :0]
    if rule.fine > 0:
        t_fine = fine_depths(t, weights.detach(), rule.fine, u)  # as in the program, also while it learns
        raw_fine, colours_fine = _at(query, origins, dirs, t_fine)
        t_all, order = torch.cat([t, t_fine], dim=-1).sort(dim=-1)
        raw_all = torch.cat([raw, raw_fine], dim=-1).gather(-1, order)
        colours_all = torch.cat([colours, colours_fine], dim=2)
        colours_all = colours_all.gather(2, order[..., None].expand_as(colours_all))
        features, depth, w_all = march(colours_all, raw_all, t_all, rule.white_back)
    kept = (
        (t, weights, t_fine, t_all, w_all)
        if keep
        else tuple(x[..., :0] for x in (t, weights, t_fine, t_all, w_all))
    )
    return Marched(features, depth, w_all.sum(dim=-1), *kept), t_all.amin(), t_all.amax()


def _at(query: Query, origins: Tensor, dirs: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    b, r, s = t.shape
    points = origins[:, :, None] + dirs[:, :, None] * t[..., None]
    raw, colours = query(points.reshape(b, r * s, 3))
    return raw.reshape(b, r, s), colours.reshape(b, r, s, -1)
