"""Samples → field values, evaluating only what can matter, and reusing what was evaluated before."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.fields.base import BackedField, Field, FieldSample
from core_model.geometry.rays import Rays
from core_model.ops.rows import stock
from core_model.ops.stepfun import alpha_weights
from core_model.rendering.empty import SpaceGrid, outside_only
from core_model.sampling.types import RayPdf, RaySamples


@dataclass(frozen=True)
class Scene:
    """What rays are evaluated against: a field over cached planes, its empty space, the background: a colour, or a field's own.

    colours: channels of the field's colours and of the background [C]; 3, or more where features are rendered.
    """

    field: Field
    space: SpaceGrid
    background: Tensor | None
    frontal: Tensor
    camera_dirs: bool = False
    backed: BackedField | None = None
    colours: int = 3


@dataclass(frozen=True)
class Evaluated:
    """Field values at samples [R, S]; `row` points into the compact table of the samples that were evaluated (-1 = skipped)."""

    samples: RaySamples
    density: Tensor
    row: Tensor
    table: FieldSample
    points: Tensor

    @property
    def evaluations(self) -> int:
        return self.points.shape[1]

    def dense(self, values: Tensor | None, fill: float) -> Tensor:
        """A per-row quantity [1, M] spread to [R, S]; `fill` where nothing was evaluated."""
        out = torch.full_like(self.density, fill)
        if values is None or values.shape[1] == 0:
            return out
        known = self.row >= 0
        out[known] = values[0, self.row[known]]
        return out


def evaluate(scene: Scene, rays: Rays, samples: RaySamples) -> Evaluated:
    """Evaluate the field at the samples that empty space, solid matter in front, and validity leave over."""
    points = rays.points(samples.t)
    flags = scene.space.at(points)
    solid = (flags == 2) & samples.valid
    # a ray that enters a solid cell has lost its light on the 8 betas before it; one that starts in solid matter
    # (a camera inside the head) has not, and is evaluated in full
    opaque = solid & (samples.delta > 0)
    behind = ((torch.cumsum(opaque, dim=-1, dtype=torch.int32) - opaque.int()) > 1) & ~solid[:, :1]
    take = samples.valid & (flags > 0) & ~behind & rays.hit[:, None]
    index = take.reshape(-1).nonzero()[:, 0]
    flat = points.reshape(-1, 3).index_select(0, index)[None]
    table = (
        scene.field.geometry(stock(flat, dim=1)).select(slice(len(index)))
        if len(index)
        else _empty_sample(flat)
    )
    density = torch.zeros_like(samples.t)
    density.view(-1)[index] = table.density[0].to(density.dtype)
    row = torch.full(samples.t.shape, -1, dtype=torch.long, device=samples.t.device)
    row.view(-1)[index] = torch.arange(flat.shape[1], device=flat.device)
    return Evaluated(samples, density, row, table, flat)


def merge(a: Evaluated, b: Evaluated, far: Tensor) -> Evaluated:
    """The union of two evaluated sets, sorted along each ray; nothing is looked up twice. far [R] ends the last interval."""
    t = torch.cat([a.samples.t, b.samples.t], dim=-1)
    order = t.argsort(dim=-1, stable=True)
    t = t.gather(-1, order)
    valid = torch.cat([a.samples.valid, b.samples.valid], dim=-1).gather(-1, order)
    delta = torch.diff(t, dim=-1, append=torch.maximum(far[:, None], t[:, -1:])).clamp_min(0.0)
    shifted = torch.where(b.row >= 0, b.row + a.evaluations, b.row)
    return Evaluated(
        RaySamples(t, delta, valid),
        torch.cat([a.density, b.density], dim=-1).gather(-1, order),
        torch.cat([a.row, shifted], dim=-1).gather(-1, order),
        _join(a.table, b.table),
        torch.cat([a.points, b.points], dim=1),
    )


def replaced(e: Evaluated, which: Tensor, other: Evaluated) -> Evaluated:
    """`e` with the samples of `other` on the rays with numbers `which`; shorter rays are padded with invalid samples."""
    more = max(0, other.density.shape[1] - e.density.shape[1])

    def joined(a: Tensor, b: Tensor, fill: float) -> Tensor:
        out = F.pad(a, (0, more), value=fill)
        out[which] = F.pad(b, (0, out.shape[1] - b.shape[1]), value=fill)
        return out

    a, b = e.samples, other.samples
    valid = joined(a.valid.float(), b.valid.float(), 0.0) > 0
    return Evaluated(
        RaySamples(joined(a.t, b.t, 0.0), joined(a.delta, b.delta, 0.0), valid),
        joined(e.density, other.density, 0.0),
        joined(e.row, torch.where(other.row >= 0, other.row + e.evaluations, other.row), -1),
        _join(e.table, other.table),
        torch.cat([e.points, other.points], dim=1),
    )


@dataclass(frozen=True)
class RayEvaluator:
    """A scene along some rays, as samplers see it (`core_model.sampling.tile.Evaluator`)."""

    scene: Scene
    rays: Rays

    def evaluate(self, samples: RaySamples, *, asked: Tensor | None = None, skip: bool = True) -> Evaluated:
        """The samples, evaluated at `asked` [R, S] instead of at their own t where given. skip: leave out empty and hidden space;
        without, all but what lies outside the box is evaluated."""
        scene = self.scene
        if not skip:
            scene = replace(scene, space=outside_only(scene.space.box, samples.t.device))
        if asked is None:
            return evaluate(scene, self.rays, samples)
        answered = evaluate(scene, self.rays, replace(samples, t=asked))
        return replace(answered, samples=samples)

    def pdf(self, evaluated: Evaluated) -> RayPdf:
        """The ray distributions that compositing makes of evaluated samples."""
        return pdf_of(evaluated)

    def opacity(self, evaluated: Evaluated) -> Tensor:
        """Light lost on each ray [R]."""
        return weights_of(evaluated)[0].sum(dim=-1)

    def closest(self, evaluated: Evaluated) -> Tensor:
        """Smallest signed distance [R] among the samples of each ray; infinite where none was evaluated, or the field has none."""
        return evaluated.dense(evaluated.table.sdf, torch.inf).amin(dim=-1)

    def replaced(
        self,
        evaluated: Evaluated,
        which: Tensor,
        samples: RaySamples,
        *,
        asked: Tensor | None = None,
        skip: bool = True,
    ) -> Evaluated:
        """`evaluated` with other samples on some of its rays."""
        there = RayEvaluator(self.scene, self.rays.select(which))
        return replaced(evaluated, which, there.evaluate(samples, asked=asked, skip=skip))

    def merge(self, a: Evaluated, b: Evaluated) -> Evaluated:
        """The union of two evaluated sets."""
        return merge(a, b, self.rays.far)


def weights_of(e: Evaluated) -> tuple[Tensor, Tensor]:
    """(weights, transmittance) [R, S] by the left rule of the paper's section 3."""
    return alpha_weights(e.density, torch.where(e.samples.valid, e.samples.delta, 0.0))


def pdf_of(e: Evaluated) -> RayPdf:
    """The ray distribution that compositing makes: S samples bound S - 1 bins."""
    weights, _ = weights_of(e)
    return RayPdf(e.samples.t, weights[:, :-1])


def _empty_sample(points: Tensor) -> FieldSample:
    zero = points[..., 0]
    return FieldSample(density=zero, sdf=zero, beta=zero, features=points[..., :0])


def _join(a: FieldSample, b: FieldSample) -> FieldSample:
    if a.density.shape[1] == 0:
        return b
    if b.density.shape[1] == 0:
        return a
    cat = lambda x, y: None if x is None or y is None else torch.cat([x, y], dim=1)
    density = torch.cat([a.density, b.density], dim=1)
    return FieldSample(
        density, cat(a.sdf, b.sdf), cat(a.beta, b.beta), cat(a.raw, b.raw), cat(a.features, b.features)
    )
