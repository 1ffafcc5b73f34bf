"""The feature picture of EG3D's renderer in one guided pass.

Each ray gets as many samples as the picture needs to be close to that of the two passes. Some of the rays are
first rendered at the positions of the two passes (`occupied_twopass`), and the smallest number of guided
samples that agrees with them is used for all rays. Where none does (densities rougher than the grid), all
rays use the positions of the two passes; in fog, where hardly a sample can be left out, they use the two
passes themselves.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core_model.families.osg.occupied_twopass import render_occupied
from core_model.families.osg.twopass import Marched, TwoPassRule, coarse_depths, ray_limits, render_two_pass
from core_model.fields.osg import OsgField
from core_model.geometry.rays import Rays
from core_model.ops import cpu_parallel
from core_model.ops.stepfun import alpha_weights
from core_model.sampling.guided import likely_mass, quantile_samples
from core_model.sampling.occupancy import DensityGrid

LIKENESS = 50.0  # dB between features, whose range is 2: super-resolution costs some
BUDGETS = (16, 24, 36)
PILOTS = 512
WORTH_SKIPPING = (
    0.4  # share of the samples that may count where leaving out the others is worth its bookkeeping
)
CHUNK_RAYS = 4096
COLOUR_FLOOR = 1e-4  # weight below which a sample goes without colour


def render_likened(
    field: OsgField,
    origins: Tensor,
    dirs: Tensor,
    rule: TwoPassRule,
    grid: DensityGrid,
    near_far: tuple[Tensor, Tensor] | None = None,
) -> tuple[Marched, Tensor]:
    """As `render_occupied`, with the number of samples per ray chosen for LIKENESS on some of the rays."""
    near, far = near_far if near_far is not None else ray_limits(origins, dirs, rule)
    count = origins.shape[1]
    pilots = torch.linspace(0, count - 1, min(PILOTS, count), device=origins.device).round().long()
    # a stride that shares no factor with the rows of the picture spreads the pilots over its columns too
    pilots = torch.unique((pilots * 7919) % count)
    some_origins, some_dirs = origins[:, pilots], dirs[:, pilots]
    limits = near[:, pilots], far[:, pilots]
    exact, counts = render_occupied(field, some_origins, some_dirs, rule, grid, near_far=limits)
    wanted = exact.features
    for budget in BUDGETS:
        got = render_guided(field, some_origins, some_dirs, rule, grid, budget, limits)[0].features
        error = float((got - wanted).square().mean())
        if error <= 4.0 * 10.0 ** (-0.1 * LIKENESS):
            return render_guided(field, origins, dirs, rule, grid, budget, (near, far))
    if float(counts.mean()) > WORTH_SKIPPING * (
        rule.coarse + rule.fine
    ):  # fog: finding the samples that may be skipped costs more than it saves
        every = torch.full_like(near, float(rule.coarse + rule.fine))
        return render_two_pass(field.query, origins, dirs, rule, near_far=(near, far), keep=False), every
    return render_occupied(field, origins, dirs, rule, grid, near_far=(near, far))


def render_guided(
    field: OsgField,
    origins: Tensor,
    dirs: Tensor,
    rule: TwoPassRule,
    grid: DensityGrid,
    count: int,
    near_far: tuple[Tensor, Tensor] | None = None,
) -> tuple[Marched, Tensor]:
    """Guided march of origins, dirs [1, R, 3] with `count` samples on live rays.

    Returns Marched without t and weights, and the evaluated samples of each ray [1, R].
    """
    near, far = near_far if near_far is not None else ray_limits(origins, dirs, rule)
    last = coarse_depths(near, far, rule, None)[..., -1]  # the jittered ladder ends behind `far`
    chunks = [
        Rays(o, d, n, f, torch.ones_like(n, dtype=torch.bool))
        for o, d, n, f in zip(*(x[0].split(CHUNK_RAYS) for x in (origins, dirs, near, last)), strict=True)
    ]
    parts = list(
        cpu_parallel.spread(lambda rays: _chunk(field, rays, rule, grid, count), chunks, near.device)
    )
    features, depth, total, counts = (torch.cat(p)[None] for p in zip(*parts, strict=True))
    depth = torch.nan_to_num(depth, nan=math.inf).clamp(float(near.min()), float(last.max()))
    none = depth[..., None][..., :0]
    return Marched(features, depth, total, none, none, none, none, none), counts


def _chunk(
    field: OsgField, rays: Rays, rule: TwoPassRule, grid: DensityGrid, count: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(features [R, C], depth, Σw and evaluations [R])."""
    features = rays.near.new_full((len(rays), field.colour_features), 1.0 if rule.white_back else -1.0)
    depth, total, counts = (
        torch.full_like(rays.near, torch.nan),
        torch.zeros_like(rays.near),
        torch.zeros_like(rays.near),
    )
    edges, mass = likely_mass(rays, grid, rays.near, rays.far)
    live = torch.nonzero(mass.sum(dim=-1) > 0).flatten()
    if not len(live):
        return features, depth, total, counts
    t, delta = quantile_samples(edges[live], mass[live], count, None)
    hidden = field.hidden(rays.select(live).points(t).reshape(-1, 3))
    raw = field.raw_of(hidden).reshape(t.shape)
    weights, _ = alpha_weights(field.density_of(raw), delta)
    keep = weights > COLOUR_FLOOR
    ray = torch.arange(len(live), device=t.device)[:, None].expand_as(keep)[keep]
    mixed = torch.zeros(len(live), field.colour_features, device=t.device)
    mixed.index_add_(0, ray, field.colours_of(hidden[keep.reshape(-1)]) * weights[keep][:, None])
    seen = weights.sum(dim=-1)
    if rule.white_back:
        mixed = mixed + (1.0 - seen)[:, None]
    features[live] = mixed * 2.0 - 1.0
    depth[live], total[live], counts[live] = (weights * t).sum(dim=-1) / seen, seen, float(count)
    return features, depth, total, counts
