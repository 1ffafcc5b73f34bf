"""Distances between two sets of Inception features: Fréchet (FID) and kernel (KID).

Fréchet: Heusel et al., GANs Trained by a Two Time-Scale Update Rule (arXiv 1706.08500), equation 6; all sums
are float64. Kernel: the unbiased squared maximum mean discrepancy under k(x, y) = (x·y / D + 1)³; Bińkowski
et al., Demystifying MMD GANs (arXiv 1801.01401).
"""

from __future__ import annotations

import torch
from torch import Tensor


class FeatureStatistics:
    """Mean and covariance of feature vectors [N, D], N unknown before.

    Batches and parts of a set merge in any order.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(0, dtype=torch.float64)
        self._scatter = torch.zeros(0, 0, dtype=torch.float64)

    def add(self, features: Tensor) -> None:
        """features [B, D], D of the first batch.

        Raises ValueError for other shapes and for NaN or infinity.
        """
        if features.ndim != 2 or (self.count and features.shape[1] != len(self.mean)):
            raise ValueError(f"features [B, {len(self.mean) or 'D'}] expected, got {list(features.shape)}")
        if not len(features):
            return
        x = features.detach().to("cpu", torch.float64)
        if not torch.isfinite(x).all():
            raise ValueError("features are not finite")
        mean = x.mean(dim=0)
        self._merge(len(x), mean, (x - mean).T @ (x - mean))

    def merge(self, other: FeatureStatistics) -> None:
        """Adds the features of another part of the set."""
        self._merge(other.count, other.mean, other._scatter)

    def _merge(self, count: int, mean: Tensor, scatter: Tensor) -> None:
        # Sums about the own mean of each part (Chan et al.): no cancellation however far the mean lies from
        # zero.
        if not count:
            return
        if not self.count:
            self.count, self.mean, self._scatter = count, mean, scatter
            return
        total = self.count + count
        step = mean - self.mean
        self._scatter = self._scatter + scatter + torch.outer(step, step) * (self.count * count / total)
        self.mean = self.mean + step * (count / total)
        self.count = total

    @property
    def covariance(self) -> Tensor:
        """[D, D], unbiased. Raises ValueError for fewer than two features."""
        if self.count < 2:
            raise ValueError(f"a covariance needs 2 features or more, got {self.count}")
        return self._scatter / (self.count - 1)


def frechet_distance(mean_a: Tensor, covariance_a: Tensor, mean_b: Tensor, covariance_b: Tensor) -> float:
    """|μa - μb|² + tr(Σa + Σb - 2 (Σa Σb)^½), means [D], covariances [D, D], float64.

    The trace of the root is Σ √λ of the symmetric matrix Σa^½ Σb Σa^½, which has the eigenvalues of Σa Σb:
    two symmetric decompositions, no complex numbers, and rank-deficient covariances (fewer pictures than
    features) are no special case.
    """
    a, b = (0.5 * (c + c.T) for c in (covariance_a.double(), covariance_b.double()))
    values, vectors = torch.linalg.eigh(a)
    root = (vectors * values.clamp(min=0.0).sqrt()) @ vectors.T
    middle = root @ b @ root
    cross = torch.linalg.eigvalsh(0.5 * (middle + middle.T)).clamp(min=0.0).sqrt().sum()
    gap = (mean_a.double() - mean_b.double()).square().sum()
    return max(0.0, float(gap + a.trace() + b.trace() - 2.0 * cross))


SUBSETS = 100
SUBSET_SIZE = 1000


def polynomial_mmd(a: Tensor, b: Tensor) -> float:
    """Unbiased MMD² of features a [N, D] and b [M, D], N, M ≥ 2.

    May be a little negative for equal distributions.
    """
    if len(a) < 2 or len(b) < 2:
        raise ValueError(f"2 features or more on each side, got {len(a)} and {len(b)}")
    x, y = a.double(), b.double()
    dimension = x.shape[1]

    def kernel(u: Tensor, v: Tensor) -> Tensor:
        return (u @ v.T / dimension + 1.0).pow(3)

    within_a, within_b = kernel(x, x), kernel(y, y)
    n, m = len(x), len(y)
    pairs_a = (within_a.sum() - within_a.diagonal().sum()) / (n * (n - 1))
    pairs_b = (within_b.sum() - within_b.diagonal().sum()) / (m * (m - 1))
    return float(pairs_a + pairs_b - 2.0 * kernel(x, y).mean())


def kernel_distance(
    a: Tensor, b: Tensor, *, subsets: int = SUBSETS, size: int = SUBSET_SIZE, seed: int = 0
) -> tuple[float, float]:
    """(mean, standard deviation) of MMD² over random subsets of `size` features of each side, as published.

    Sets that are not larger than a subset are compared whole and once (their deviation is 0).
    """
    size = min(size, len(a), len(b))
    if size == len(a) == len(b):
        return polynomial_mmd(a, b), 0.0
    rng = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(subsets):
        pick_a, pick_b = (torch.randperm(len(x), generator=rng)[:size] for x in (a, b))
        found.append(polynomial_mmd(a[pick_a], b[pick_b]))
    values = torch.tensor(found, dtype=torch.float64)
    return float(values.mean()), float(values.std(unbiased=False))
