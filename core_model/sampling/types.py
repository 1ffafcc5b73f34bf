"""The currency of the render stack: a distribution on a ray, and samples on a ray."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class RayPdf:
    """Step function on each ray: edges [.., K+1] (world units along the ray), weights [.., K] >= 0, Σ <= 1;
    the rest is background.
    """

    edges: Tensor
    weights: Tensor

    @property
    def bins(self) -> int:
        return self.weights.shape[-1]

    def select(self, index: Tensor | slice) -> "RayPdf":
        return RayPdf(self.edges[index], self.weights[index])


@dataclass(frozen=True)
class RaySamples:
    """Sorted sample positions t [R, S], the interval δ [R, S] that each stands for, and validity [R, S]
    (padding is invalid).
    """

    t: Tensor
    delta: Tensor
    valid: Tensor

    def shifted(self, by: Tensor) -> "RaySamples":
        """All samples of each ray moved by `by` [R]."""
        return RaySamples(self.t + by[..., None], self.delta, self.valid)

    @property
    def counts(self) -> Tensor:
        """Samples of each ray [R]."""
        return self.valid.sum(dim=-1)
