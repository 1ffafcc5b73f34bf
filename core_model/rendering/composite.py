"""Weights → per-ray quantities; colours and normals are computed only where a sample carries weight.

What You See is What You GAN, section 3: every channel is Σ w_i v_i over the samples of a ray.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from core_model.fields.gradient import outward_gradient
from core_model.geometry.rays import Rays
from core_model.ops.rows import stock
from core_model.ops.stepfun import expected
from core_model.rendering.evaluate import Evaluated, Scene, weights_of

COLOUR_FLOOR = 1.6e-3  # all samples left uncoloured on a ray weigh less than this: half an 8-bit step
NORMAL_FLOOR = (
    2e-2  # a normal costs a gradient, so lighter samples go without, unless a ray has no heavier ones
)
GRADIENT_POINTS = 1 << 13  # a gradient keeps every layer's values, so it is taken in pieces
OPACITY_FLOOR = 0.05  # rays with less are background for depth, normals and position


@dataclass
class Composite:
    """Lazy per-ray quantities of one tile; a channel that nobody asks for costs nothing."""

    scene: Scene
    rays: Rays
    evaluated: Evaluated
    samples: Tensor | None = None
    leftover: Tensor | None = None
    proposal_entropy: Tensor | None = None

    @cached_property
    def weights(self) -> Tensor:
        return weights_of(self.evaluated)[0]

    @cached_property
    def opacity(self) -> Tensor:
        """Σ w [R]."""
        return self.weights.sum(dim=-1).clamp(0.0, 1.0)

    @cached_property
    def visible(self) -> Tensor:
        return self.opacity > OPACITY_FLOOR

    @cached_property
    def depth(self) -> Tensor:
        """Expected distance Σ w t / Σ w [R], world units along the unit ray; NaN on background."""
        # the interval [t, t + δ) emits where it is entered; its middle is the unbiased place for a uniform density
        middle = self.evaluated.samples.t + 0.5 * torch.where(
            self.evaluated.samples.valid, self.evaluated.samples.delta, 0.0
        )
        mean = expected(self.weights, middle) / self.opacity.clamp_min(1e-6)
        return torch.where(self.visible, mean, torch.nan)

    @property
    def rgb(self) -> Tensor:
        """[R, 3] in [0, 1], over the background colour."""
        return self.radiance.clamp(0.0, 1.0)

    @cached_property
    def radiance(self) -> Tensor:
        """Σ w c [R, C] over the background, as many channels as the field's colours have: 3, or features for a super-resolution."""
        index, ray, w = self._carrying(
            torch.full_like(self.opacity, COLOUR_FLOOR / max(16, self.weights.shape[-1]))
        )
        e, scene = self.evaluated, self.scene
        out = torch.zeros(len(self.rays), scene.colours, device=self.weights.device)
        if len(index):
            asked, which = stock(index), stock(ray)
            dirs = (
                self.rays.dirs.index_select(0, which)
                if scene.camera_dirs
                else scene.frontal.expand(len(which), 3)
            )
            colour = scene.field.colour(
                e.table.select(asked), e.points[0].index_select(0, asked)[None], dirs[None]
            )[0]
            out.index_add_(0, ray, colour[: len(ray)] * w[:, None])
        if scene.background is not None:
            out = out + (1.0 - self.opacity)[:, None] * scene.background
        return out

    @cached_property
    def beta(self) -> Tensor:
        """B = Σ w beta [R], world units; NaN on background."""
        mean = expected(self.weights, self.evaluated.dense(self.evaluated.table.beta, 0.0))
        return torch.where(self.visible, mean, torch.nan)

    @cached_property
    def normal(self) -> Tensor:
        """Unit normals [R, 3], world frame: normalised Σ w ∇f / |∇f| (SDF) or of -∇density; NaN on background."""
        index, ray, w = self._carrying((0.2 * self.weights.amax(dim=-1)).clamp_max(NORMAL_FLOOR))
        total = torch.zeros(len(self.rays), 3, device=self.weights.device)
        if len(index):
            normals = field_normals(self.scene, self.evaluated.points[0].index_select(0, index)[None])[0]
            total.index_add_(0, ray, torch.nan_to_num(normals) * w[:, None])
        unit = torch.nn.functional.normalize(total, dim=-1)
        return torch.where(self.visible[:, None] & (total.norm(dim=-1, keepdim=True) > 0), unit, torch.nan)

    @property
    def position(self) -> Tensor:
        """World position [R, 3] at the expected depth; NaN on background."""
        return self.rays.origins + self.rays.dirs * self.depth[:, None]

    def _carrying(self, floor: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(table row, ray, weight) of the evaluated samples whose weight exceeds their ray's `floor` [R]."""
        keep = (self.weights > floor[:, None]) & (self.evaluated.row >= 0)
        at = keep.reshape(-1).nonzero()[:, 0]
        ray = torch.div(at, keep.shape[1], rounding_mode="floor")
        return (
            self.evaluated.row.reshape(-1).index_select(0, at),
            ray,
            self.weights.reshape(-1).index_select(0, at),
        )


def field_normals(scene: Scene, points: Tensor) -> Tensor:
    """Outward unit normals [1, M, 3] at points [1, M, 3]: the field's gradient by automatic differentiation."""
    parts = [outward_gradient(scene.field, part) for part in points.split(GRADIENT_POINTS, dim=1)]
    return torch.nn.functional.normalize(parts[0] if len(parts) == 1 else torch.cat(parts, dim=1), dim=-1)
