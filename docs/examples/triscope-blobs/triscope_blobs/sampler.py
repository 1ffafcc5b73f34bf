"""The sampler: samples lie closer together around the middle of each ray, where a centred object is."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from core_model.sampling.samplers import Sampler
from core_model.schema.sampler import SamplerInfo

if TYPE_CHECKING:
    from core_model.sampling.tile import Tile

E = TypeVar("E")
STRENGTH = 0.8
"""0 = equal steps; towards 1 the middle gets all samples."""


class Central(Sampler):
    """One sample in each of n strata of u, at u + s / 2π · sin 2πu of the ray (monotone for s ≤ 1)."""

    info = SamplerInfo(
        name="central",
        title="Central",
        default_spp=64.0,
        description="Strata that are narrow in the middle of the ray and wide at its ends",
    )

    def place(self, tile: Tile[E]) -> E:
        import math

        import torch

        from core_model.ops.stepfun import stratified_u
        from core_model.sampling.placement import stratified_samples

        near, far = tile.rays.near, tile.rays.far
        u = stratified_u(len(near), tile.count, tile.rng, near.device)
        u = u + STRENGTH / (2 * math.pi) * torch.sin(2 * math.pi * u)
        return tile.evaluator.evaluate(stratified_samples(near, far, u))


CENTRAL = Central()
