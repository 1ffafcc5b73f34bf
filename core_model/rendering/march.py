"""The dense march: every sample of a batch of rays evaluated and composited, with gradients where they are enabled.

What You See is What You GAN, section 3. Pictures leave out whatever cannot matter, ray by ray (`evaluate`, `Composite`); while a network
learns, everything matters, so here all samples of a batch go through the field in one piece.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from core_model.geometry.rays import Rays
from core_model.ops.stepfun import alpha_weights, expected
from core_model.rendering.evaluate import Scene
from core_model.sampling.types import RayPdf, RaySamples

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

    def pdf(self, samples: RaySamples) -> RayPdf:
        """The ray distributions of the samples that were marched: S samples bound S - 1 bins."""
        return RayPdf(samples.t, self.weights[..., :-1])


def march(scene: Scene, rays: Rays, samples: RaySamples, *, recompute_rays: int = 0) -> Marched:
    """A signed distance field at samples [B, R, S], composited over the scene's background (None = black).

    recompute_rays: this many rays at a time, computed again in the backward pass, so that memory grows with them and not with the
    picture; 0 = all at once and kept. Without gradients the pieces are sized by themselves.
    """
    learns, t = torch.is_grad_enabled(), samples.t
    at_once = recompute_rays if learns else max(1, FREE_POINTS // (t.shape[0] * t.shape[2]))
    if not at_once or len(rays) <= at_once:
        return Marched(*_march(scene, rays, t, samples.delta))
    parts = []
    for start in range(0, len(rays), at_once):
        some = slice(start, min(start + at_once, len(rays)))
        piece = (scene, rays.select(some), t[:, some], samples.delta[:, some])
        parts.append(checkpoint(_march, *piece, use_reentrant=False) if learns else _march(*piece))
    return Marched(*(torch.cat(values, dim=1) for values in zip(*parts, strict=True)))


def _march(scene: Scene, rays: Rays, t: Tensor, delta: Tensor) -> tuple[Tensor, ...]:
    points = rays.points(t)
    inside = points.abs().amax(dim=-1) <= scene.space.box
    flat = points.reshape(t.shape[0], -1, 3)
    sample = scene.field.geometry(flat)
    assert sample.sdf is not None and sample.beta is not None
    density = torch.where(inside, sample.density.reshape(t.shape), torch.zeros_like(t))
    weights, _ = alpha_weights(density, delta)
    dirs = rays.dirs[:, :, None].expand(*t.shape, 3).reshape(flat.shape)
    colour = scene.field.colour(sample, flat, dirs).reshape(*t.shape, 3)
    opacity = weights.sum(dim=-1)
    rgb = expected(weights, colour)
    if scene.background is not None:
        rgb = rgb + (1.0 - opacity)[..., None] * scene.background
    width = expected(weights, sample.beta.reshape(t.shape))
    depth = expected(weights, t) / opacity.clamp_min(1e-6)
    return rgb, opacity, width, depth, weights, sample.sdf.reshape(t.shape)
