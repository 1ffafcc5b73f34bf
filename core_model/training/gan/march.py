"""Volume rendering of a batch with gradients: samples on rays → colours, opacity and surface width a ray.

What You See is What You GAN, section 3. The viewer's renderer (core_model.rendering) skips whatever cannot matter, ray by ray; while
a network learns, everything matters, so here all samples of a batch go through the field in one piece.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from core_model.families.wysiwyg.decoder import WysiwygField
from core_model.ops.stepfun import alpha_weights, expected
from core_model.training.gan.culled import march_culled
from core_model.training.gan.rays import BatchRays

FREE_POINTS = 1 << 22  # points evaluated at once where no gradients are kept


@dataclass(frozen=True)
class Marched:
    """rgb [B, R, 3] in [0, 1] over the background, opacity, width B = Σ w beta and depth Σ w t / Σ w [B, R]; of the samples: weights
    and signed distance [B, R, S], world units."""

    rgb: Tensor
    opacity: Tensor
    width: Tensor
    depth: Tensor
    weights: Tensor
    sdf: Tensor

    def picture(self, values: Tensor) -> Tensor:
        """[B, R] or [B, R, C] → [B, C, √R, √R]."""
        size = round(values.shape[1] ** 0.5)
        return values.reshape(values.shape[0], size, size, -1).permute(0, 3, 1, 2)


def march(
    field: WysiwygField, rays: BatchRays, t: Tensor, delta: Tensor, background: Tensor | None, *, recompute_rays: int = 0,
    cull_floor: float = 0.0,
) -> Marched:
    """Field at samples t [B, R, S] with intervals δ, composited. background [3] or None (black).

    recompute_rays: this many rays at a time, computed again in the backward pass, so that memory grows with them and not with the
    picture; 0 = all at once and kept. Without gradients the pieces are sized by themselves.
    cull_floor: above 0, only samples with T σ δ above it get gradients (`march_culled`).
    """
    learns = torch.is_grad_enabled()
    if learns and cull_floor > 0.0:
        return Marched(*march_culled(field, rays, t, delta, background, cull_floor))
    at_once = recompute_rays if learns else max(1, FREE_POINTS // (t.shape[0] * t.shape[2]))
    if not at_once or rays.count <= at_once:
        return Marched(*_march(field, rays, t, delta, background))
    parts = []
    for start in range(0, rays.count, at_once):
        stop = min(start + at_once, rays.count)
        piece = (field, rays.slice(start, stop), t[:, start:stop], delta[:, start:stop], background)
        parts.append(checkpoint(_march, *piece, use_reentrant=False) if learns else _march(*piece))
    return Marched(*(torch.cat(values, dim=1) for values in zip(*parts, strict=True)))


def _march(field: WysiwygField, rays: BatchRays, t: Tensor, delta: Tensor, background: Tensor | None) -> tuple[Tensor, ...]:
    points = rays.points(t)
    inside = points.abs().amax(dim=-1) <= field.planes.conventions.box
    flat = points.reshape(t.shape[0], -1, 3)
    sample = field.geometry(flat)
    assert sample.sdf is not None and sample.beta is not None
    density = torch.where(inside, sample.density.reshape(t.shape), torch.zeros_like(t))
    weights, _ = alpha_weights(density, delta)
    dirs = rays.dirs[:, :, None].expand(*t.shape, 3).reshape(flat.shape)
    colour = field.colour(sample, flat, dirs).reshape(*t.shape, 3)
    opacity = weights.sum(dim=-1)
    rgb = expected(weights, colour)
    if background is not None:
        rgb = rgb + (1.0 - opacity)[..., None] * background
    width = expected(weights, sample.beta.reshape(t.shape))
    depth = expected(weights, t) / opacity.clamp_min(1e-6)
    return rgb, opacity, width, depth, weights, sample.sdf.reshape(t.shape)
