"""What a sampler gets: a tile of rays, their random numbers, known facts about the scene, and access to the
field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from core_model.geometry.rays import Rays
from core_model.ops.pixel_noise import PixelNoise
from core_model.sampling.occupancy import DensityGrid
from core_model.sampling.surface import DistanceLattice
from core_model.sampling.types import RayPdf, RaySamples
from core_model.schema.sampler import SamplerSpec

Evaluated = TypeVar("Evaluated")


class Evaluator(Protocol[Evaluated]):
    """The field along the rays of one tile; its results are the renderer's type, which samplers pass on
    without reading.
    """

    def evaluate(self, samples: RaySamples, *, asked: Tensor | None = None, skip: bool = True) -> Evaluated:
        """The samples, evaluated at `asked` [R, S] instead of at their own t where given. skip: leave out
        what cannot be seen.
        """
        ...

    def pdf(self, evaluated: Evaluated) -> RayPdf:
        """The ray distributions that compositing makes of evaluated samples."""
        ...

    def opacity(self, evaluated: Evaluated) -> Tensor:
        """Light lost on each ray [R]."""
        ...

    def closest(self, evaluated: Evaluated) -> Tensor:
        """Smallest signed distance that a sample of each ray [R] has found, world units; infinite where none is known."""
        ...

    def replaced(
        self,
        evaluated: Evaluated,
        which: Tensor,
        samples: RaySamples,
        *,
        asked: Tensor | None = None,
        skip: bool = True,
    ) -> Evaluated:
        """`evaluated` with other samples [M, S'] on the rays with numbers `which` [M]; the rest as for `evaluate`."""
        ...

    def merge(self, a: Evaluated, b: Evaluated) -> Evaluated:
        """The union of two sets of samples, sorted along each ray."""
        ...


@dataclass(frozen=True)
class Tile(Generic[Evaluated]):
    """evaluator and rays [R], the settings, and the random numbers of the rays' pixels.

    For the learned sampler also p̂ [R, K] and the mask of hard rays [R], for the occupancy-guided one the
    density grid, for the
    surface-guided one the baked distance. second_look: rays whose few samples may have missed a surface are drawn again with more,
    which sample counts do not tell. The random numbers do not depend on the tiling; a sampler uses them only if `jitter` is set.
    """

    evaluator: Evaluator[Evaluated]
    rays: Rays
    spec: SamplerSpec
    default_spp: float
    noise: PixelNoise
    proposal: Tensor | None = None
    hard: Tensor | None = None
    guide: DensityGrid | DistanceLattice | None = None
    second_look: bool = False

    @property
    def rng(self) -> PixelNoise | None:
        """Random offsets of this tile; None = the middles."""
        return self.noise if self.spec.jitter else None

    @property
    def count(self) -> int:
        """Samples per ray of samplers with one budget."""
        return self.spec.count(self.default_spp)


def allotted(hit: Tensor, spec: SamplerSpec, default_spp: float, hard: Tensor | None = None) -> Tensor:
    """Samples that each ray is given [R]; those that miss the box (`hit` [R]) get none.

    hard [R]: rays with the large budget of the learned sampler.
    """
    if hard is None:
        n = torch.full(hit.shape, float(spec.count(default_spp)), device=hit.device)
    else:
        low, high = spec.budgets(default_spp)
        n = torch.where(hard, float(high), float(low))
    return torch.where(hit, n, 0.0)
