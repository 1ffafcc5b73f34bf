"""What a picture says of the surface itself: slope of the distance field, and surfaces that no sample came near.

An SDF obeys |∇f| = 1 (the eikonal equation); the renderer's quadrature is right only where samples lie at the zero crossing.
Both need a signed distance, so density families do not have these channels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.fields.gradient import distance, with_gradient
from core_model.rendering.composite import NORMAL_FLOOR, Composite
from core_model.rendering.evaluate import Scene, evaluate
from core_model.sampling.placement import uniform_samples

DENSE = 192
"""Samples of the reference walk: the paper's dense count, so that one bin is (far - near) / 191."""


def eikonal_error(c: Composite) -> Tensor:
    """Σ w (|∇f| - 1) / Σ w [R] over the samples that carry a ray's weight; NaN on background. 0 = a true distance."""
    heavy = (c.weights > (0.2 * c.weights.amax(dim=-1)).clamp_max(NORMAL_FLOOR)[:, None]) & (
        c.evaluated.row >= 0
    )
    ray = torch.arange(len(c.rays), device=heavy.device)[:, None].expand_as(heavy)[heavy]
    total, mass = torch.zeros_like(c.opacity), torch.zeros_like(c.opacity)
    if len(ray):
        slope = gradient_length(c.scene, c.evaluated.points[:, c.evaluated.row[heavy]])[0]
        w = c.weights[heavy]
        total.index_add_(0, ray, w * (slope - 1.0))
        mass.index_add_(0, ray, w)
    return torch.where(c.visible & (mass > 0), total / mass.clamp_min(1e-12), torch.nan)


def gradient_length(scene: Scene, points: Tensor) -> Tensor:
    """|∇f| [1, M] of the signed distance at points [1, M, 3], by automatic differentiation."""
    return with_gradient(scene.field, points, distance)[2].norm(dim=-1)


def first_crossing(c: Composite) -> Tensor:
    """Distance [R] at which each ray first enters the surface (f from positive to not positive); NaN where it never does.

    A walk of DENSE equal steps through the scene's empty-space grid, then linear interpolation; thinner things than a step are unseen.
    """
    dense = evaluate(c.scene, c.rays, uniform_samples(c.rays.near, c.rays.far, DENSE))
    sdf = dense.dense(dense.table.sdf, torch.nan)
    outside, inside = sdf[:, :-1], sdf[:, 1:]
    falls = (outside > 0) & (inside <= 0)
    first = falls.float().argmax(dim=-1, keepdim=True)
    a, b = outside.gather(-1, first)[:, 0], inside.gather(-1, first)[:, 0]
    t0, t1 = dense.samples.t.gather(-1, first)[:, 0], dense.samples.t.gather(-1, first + 1)[:, 0]
    return torch.where(falls.any(dim=-1), t0 + (t1 - t0) * a / (a - b).clamp_min(1e-12), torch.nan)


def missed_surface(c: Composite) -> Tensor:
    """1 where no sample lies within one bin of the ray's first zero crossing, 0 where one does, NaN without a crossing [R]."""
    crossing = first_crossing(c)
    samples = c.evaluated.samples
    distance = torch.where(samples.valid, (samples.t - crossing[:, None]).abs(), torch.inf)
    missed = distance.amin(dim=-1) > (c.rays.far - c.rays.near) / (DENSE - 1)
    return torch.where(crossing.isfinite(), missed.float(), torch.nan)
