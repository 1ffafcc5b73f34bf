"""Kernel Inception distance.

The unbiased squared maximum mean discrepancy of features under a cubic kernel. Bińkowski et al., Demystifying
MMD GANs (arXiv 1801.01401): k(x, y) = (x·y / D + 1)³.
"""

from __future__ import annotations

import torch
from torch import Tensor

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
