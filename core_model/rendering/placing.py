"""How the samplers of `samplers.py` turn a tile of rays into evaluated samples.

A sampler sees the scene only through `evaluate`, so it can look before it places (importance) or follow a prediction (learned).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core_model.geometry.rays import Rays
from core_model.ops.pixel_noise import PixelNoise
from core_model.ops.stepfun import inverse_cdf, stratified_u
from core_model.rendering.evaluate import Evaluated, Scene, evaluate, merge, pdf_of
from core_model.rendering.guided import place_guided
from core_model.rendering.occupancy import DensityGrid
from core_model.rendering.probe import pdf_for_rays
from core_model.sampling.placement import cdf_samples, robust_samples, span_samples, with_deltas
from core_model.sampling.types import RayPdf, RaySamples
from core_model.schema.sampler import SamplerSpec


@dataclass(frozen=True)
class TileContext:
    """What a sampler may use for one tile: scene, rays, random numbers of their pixels; for the learned sampler p̂ [R, K] and the mask
    of hard rays [R], for the occupancy-guided one the density grid.

    The numbers are the same in any tiling, and a sampler uses them only if `jitter` says so.
    """

    scene: Scene
    rays: Rays
    spec: SamplerSpec
    default_spp: float
    noise: PixelNoise
    proposal: Tensor | None = None
    hard: Tensor | None = None
    grid: DensityGrid | None = None

    def allotted(self, learned: bool) -> Tensor:
        """Samples that each ray is given [R]; rays that miss the box get none."""
        n = torch.full_like(self.rays.near, float(self.count))
        if learned and self.hard is not None:
            low, high = self.spec.budgets(self.default_spp)
            n = torch.where(self.hard, float(high), float(low))
        return torch.where(self.rays.hit, n, 0.0)

    @property
    def rng(self) -> PixelNoise | None:
        """Random offsets of this tile; None = the middles."""
        return self.noise if self.spec.jitter else None

    @property
    def count(self) -> int:
        """Samples per ray of samplers with one budget."""
        return max(2, round(self.spec.spp if self.spec.spp is not None else self.default_spp))


def place_uniform(c: TileContext) -> Evaluated:
    """Equal steps between near and far, both included."""
    rng = c.rng
    samples = span_samples(c.rays.near, c.rays.far, c.count, stratified=False, rng=None)
    if rng is not None:  # jitter of a uniform ladder: one common shift a ray, spacing kept
        step = (c.rays.far - c.rays.near) / (c.count - 1)
        shift = (rng.uniform(1)[:, 0] - 0.5) * step
        samples = RaySamples(samples.t + shift[:, None], samples.delta, samples.valid)
    return evaluate(c.scene, c.rays, samples)


def place_stratified(c: TileContext) -> Evaluated:
    """One sample in each of n equal strata (NeRF's coarse pass)."""
    return evaluate(c.scene, c.rays, span_samples(c.rays.near, c.rays.far, c.count, stratified=True, rng=c.rng))


def place_importance(c: TileContext) -> Evaluated:
    """Two passes (NeRF): half stratified, half drawn from the weights of the first, composited together."""
    coarse_n = max(2, c.count // 2)  # a distribution needs two samples; the fine pass gets what is left
    fine_n = c.count - coarse_n
    rays = c.rays
    coarse = evaluate(c.scene, rays, span_samples(rays.near, rays.far, coarse_n, stratified=True, rng=c.rng))
    if fine_n < 1:
        return coarse
    pdf = pdf_of(coarse)
    # the interval before a sample can hide the surface that the sample is already behind, so neighbours share their mass
    spread = torch.nn.functional.max_pool1d(pdf.weights[:, None], 3, stride=1, padding=1)[:, 0]
    u = stratified_u(len(rays), fine_n, None if c.rng is None else c.rng.again(), rays.near.device)
    t, _ = inverse_cdf(pdf.edges, spread + 1e-5, u)
    fine = evaluate(c.scene, rays, with_deltas(t, (rays.far[:, None] - t[:, -1:])))
    return merge(coarse, fine, rays.far)


def place_learned(c: TileContext) -> Evaluated:
    """Samples from the predicted distribution; hard rays get the large budget (WYSIWYG §4.4, A3.4, A3.5)."""
    assert c.proposal is not None and c.hard is not None
    low, high = c.spec.budgets(c.default_spp)
    if low == high or bool(c.hard.all()) or not bool(c.hard.any()):  # one budget, as in nearly every tile of the session
        count = high if bool(c.hard.any()) else low
        return evaluate(c.scene, c.rays, draw(pdf_for_rays(c.proposal, c.rays), c.spec, count, c.noise))
    t = torch.zeros(len(c.rays), high, device=c.proposal.device)
    delta, valid = torch.zeros_like(t), torch.zeros_like(t, dtype=torch.bool)
    for mask, n in ((~c.hard, low), (c.hard, high)):
        part = draw(pdf_for_rays(c.proposal[mask], c.rays.select(mask)), c.spec, n, c.noise.select(mask))
        t[mask, :n], delta[mask, :n], valid[mask, :n] = part.t, part.delta, part.valid
    return evaluate(c.scene, c.rays, RaySamples(t, delta, valid))


def place_occupancy(c: TileContext) -> Evaluated:
    """One pass where the cached density grid says that light is lost."""
    assert c.grid is not None
    return place_guided(c.scene, c.rays, c.grid, c.count, c.rng)


def draw(pdf: RayPdf, spec: SamplerSpec, n: int, noise: PixelNoise) -> RaySamples:
    """n samples per ray from a predicted distribution by the chosen strategy; unstratified ones need random numbers even without jitter."""
    rng = noise if spec.jitter else None
    if spec.strategy == "robust":
        return robust_samples(pdf, spec.tau, n, rng)
    if spec.strategy == "stratified":
        return cdf_samples(pdf, n, stratified=True, rng=rng)
    # independent draws all in one place would be a single sample: they keep their own numbers in every frame
    own = PixelNoise(noise.seed if spec.jitter else 0, noise.pixels)
    return cdf_samples(pdf, n, stratified=False, rng=own)
