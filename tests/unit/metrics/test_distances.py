"""Known answers: Fréchet distance in closed form, MMD by brute force, Wasserstein distances of shifted sets,
depth histograms.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from core_model.metrics.feature_distances import (
    FeatureStatistics,
    frechet_distance,
    kernel_distance,
    polynomial_mmd,
)
from core_model.metrics.flatness import non_flatness, surface_spread
from core_model.metrics.sliced_wasserstein import (
    PatchSet,
    laplacian_pyramid,
    line_distance,
    patch_distances,
    sliced_wasserstein,
    unit_directions,
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def spd(size: int, seed: int) -> Tensor:
    a = normal(size, size, seed=seed)
    return a @ a.T + 0.1 * torch.eye(size, dtype=torch.float64)


def test_statistics_are_those_of_the_whole_set_however_it_is_cut() -> None:
    x = normal(101, 7) * 3 + 1e6  # far from zero: naive sums of squares would lose ten digits
    whole = np.cov(x.numpy().T)
    for sizes in ([101], [1] * 101, [50, 51], [0, 3, 98]):
        statistics = FeatureStatistics()
        for part in x.split(sizes):
            statistics.add(part)
        np.testing.assert_allclose(statistics.covariance, whole, rtol=1e-9)
        np.testing.assert_allclose(statistics.mean, x.mean(0), rtol=1e-14)
    left, right = FeatureStatistics(), FeatureStatistics()
    left.add(x[:30])
    right.add(x[30:])
    left.merge(right)
    left.merge(FeatureStatistics())
    np.testing.assert_allclose(left.covariance, whole, rtol=1e-9)
    assert left.count == 101


@pytest.mark.parametrize("bad", [torch.zeros(3), torch.zeros(2, 4), torch.full((2, 3), math.nan)])
def test_statistics_refuse_what_does_not_fit(bad: Tensor) -> None:
    statistics = FeatureStatistics()
    statistics.add(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"expected|finite"):
        statistics.add(bad)
    assert statistics.count == 2


def test_one_feature_has_no_covariance() -> None:
    statistics = FeatureStatistics()
    statistics.add(torch.zeros(1, 3))
    with pytest.raises(ValueError, match="2 features"):
        _ = statistics.covariance


def test_frechet_of_diagonal_gaussians_is_the_closed_form() -> None:
    a, b = torch.tensor([1.0, 4.0, 0.0]).double(), torch.tensor([9.0, 0.25, 2.0]).double()
    mean = torch.tensor([1.0, -2.0, 0.5]).double()
    expected = float(mean.square().sum() + (a.sqrt() - b.sqrt()).square().sum())
    assert frechet_distance(mean, a.diag(), torch.zeros(3), b.diag()) == pytest.approx(expected, abs=1e-12)


def test_frechet_of_full_gaussians_agrees_with_the_matrix_root() -> None:
    a, b = spd(12, 1), spd(12, 2)
    eigenvalues = torch.linalg.eigvals(a @ b)
    assert eigenvalues.imag.abs().max() < 1e-8
    expected = float(a.trace() + b.trace() - 2 * eigenvalues.real.sqrt().sum())
    zero = torch.zeros(12)
    assert frechet_distance(zero, a, zero, b) == pytest.approx(expected, rel=1e-10)
    assert frechet_distance(zero, a, zero, b) == pytest.approx(frechet_distance(zero, b, zero, a), rel=1e-10)
    assert frechet_distance(zero, a, zero, a) == pytest.approx(0.0, abs=1e-9)
    turn = torch.linalg.qr(normal(12, 12, seed=3)).Q  # a rotation of both changes nothing
    assert frechet_distance(zero, turn @ a @ turn.T, zero, turn @ b @ turn.T) == pytest.approx(
        expected, rel=1e-9
    )


def test_frechet_of_fewer_pictures_than_features() -> None:
    """Rank-deficient covariances: for two rank-one ones the distance is a formula."""
    u, v = normal(40, seed=1), normal(40, seed=2)
    a, b = torch.outer(u, u), torch.outer(v, v)
    expected = float(u @ u + v @ v - 2 * abs(u @ v))
    assert frechet_distance(torch.zeros(40), a, torch.zeros(40), b) == pytest.approx(expected, rel=1e-7)


def test_mmd_is_the_unbiased_sum_over_pairs() -> None:
    x, y = normal(6, 4, seed=1), normal(5, 4, seed=2) + 0.3

    def k(a: Tensor, b: Tensor) -> float:
        return float((a @ b / 4 + 1) ** 3)

    within_x = np.mean([k(a, b) for a, b in itertools.permutations(x, 2)])
    within_y = np.mean([k(a, b) for a, b in itertools.permutations(y, 2)])
    across = np.mean([k(a, b) for a in x for b in y])
    assert polynomial_mmd(x, y) == pytest.approx(within_x + within_y - 2 * across, rel=1e-12)


def test_mmd_has_no_bias() -> None:
    found = [polynomial_mmd(normal(8, 3, seed=2 * s), normal(8, 3, seed=2 * s + 1)) for s in range(600)]
    error = np.std(found) / math.sqrt(len(found))
    assert abs(np.mean(found)) < 4 * error and min(found) < 0


def test_kernel_distance_over_subsets() -> None:
    x, y = normal(300, 5, seed=1), normal(260, 5, seed=2) + 0.5
    whole = polynomial_mmd(x, y)
    mean, spread = kernel_distance(x, y, subsets=60, size=100, seed=3)
    assert abs(mean - whole) < 4 * spread / math.sqrt(60) + 0.1 * whole and spread > 0
    assert kernel_distance(x, y, subsets=5, size=100, seed=3) == kernel_distance(
        x, y, subsets=5, size=100, seed=3
    )
    assert kernel_distance(x[:50], y[:50]) == (polynomial_mmd(x[:50], y[:50]), 0.0)
    with pytest.raises(ValueError, match="2 features"):
        polynomial_mmd(x[:1], y)


def test_line_distance_of_sets_of_any_sizes() -> None:
    a, b = normal(37, seed=1), normal(23, seed=2) * 2 + 1
    # brute force: both sets repeated to a common length
    expected = float(
        (a.repeat_interleave(23).sort().values - b.repeat_interleave(37).sort().values).abs().mean()
    )
    assert line_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert line_distance(a, a + 3.0) == pytest.approx(3.0)
    assert line_distance(torch.tensor([0.0, 1.0]), torch.tensor([5.0])) == pytest.approx(4.5)


def test_sliced_distance_of_a_shifted_set_is_the_mean_projected_shift() -> None:
    a, shift = normal(200, 6).float(), torch.tensor([1.0, 0.0, -2.0, 0.0, 0.5, 0.0])
    directions = unit_directions(500, 6, 0)
    expected = float((directions @ shift).abs().mean())
    assert sliced_wasserstein(a, a + shift, directions) == pytest.approx(expected, rel=1e-4)
    # the mean over the whole sphere: |shift| Γ(3) / (√π Γ(3.5))
    sphere = float(shift.norm()) * math.gamma(3.0) / (math.sqrt(math.pi) * math.gamma(3.5))
    assert expected == pytest.approx(sphere, rel=0.06)
    assert sliced_wasserstein(a, a[torch.randperm(200)], directions) == pytest.approx(0.0, abs=1e-6)


def test_the_pyramid_adds_up_and_its_rest_is_the_mean() -> None:
    flat = torch.full((1, 3, 64, 64), 0.4)
    *bands, rest = laplacian_pyramid(flat)
    assert [b.shape[-1] for b in (*bands, rest)] == [64, 32, 16]
    assert all(b.abs().max() < 1e-6 for b in bands)
    torch.testing.assert_close(rest, torch.full((1, 3, 16, 16), 0.4))
    x, y = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    for left, right in zip(
        laplacian_pyramid(x + y), zip(laplacian_pyramid(x), laplacian_pyramid(y), strict=True), strict=True
    ):
        torch.testing.assert_close(left, right[0] + right[1])
    assert [p.shape[-1] for p in laplacian_pyramid(torch.rand(1, 3, 8, 8))] == [8]


def smooth_noise(count: int, seed: int, size: int = 32) -> Tensor:
    x = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.avg_pool2d(x, 5, 1, 2)


def distances(real: Tensor, fake: Tensor) -> list[float]:
    a, b = PatchSet(0), PatchSet(1)
    a.add(real)
    b.add(fake)
    return patch_distances(a, b)


def test_picture_sets_that_differ_more_are_farther_away() -> None:
    real, other = smooth_noise(24, 1), smooth_noise(24, 2)
    same = distances(real, other)
    assert max(same) < 120
    brighter = distances(real, other + 0.1)
    assert (
        brighter[-1] > 3 * same[-1] and brighter[0] < 2 * same[0]
    )  # brightness is seen on the coarsest level alone
    grain = distances(
        real, other + 0.05 * torch.randn(other.shape, generator=torch.Generator().manual_seed(3))
    )
    assert grain[0] > 4 * same[0]
    series = [sum(distances(real, other + d)) for d in (0.05, 0.2)]
    assert series == sorted(series)


def test_eight_bit_and_float_pictures_are_the_same() -> None:
    eight = (smooth_noise(6, 1) * 255).round().to(torch.uint8)
    assert distances(eight, eight.float() / 255) == distances(eight, eight)


def test_patches_do_not_depend_on_the_batches() -> None:
    x = smooth_noise(9, 4)
    one, many = PatchSet(2), PatchSet(2)
    one.add(x)
    for part in x.split(4):
        many.add(part)
    assert all(torch.equal(one.level(i), many.level(i)) for i in range(one.levels))
    with pytest.raises(ValueError, match="one size"):
        one.add(smooth_noise(1, 1, size=64))
    with pytest.raises(ValueError, match="pictures"):
        patch_distances(one, PatchSet())


@pytest.mark.parametrize("used", [1, 4, 16, 64])
def test_both_scores_count_the_bins_in_use(used: int) -> None:
    centres = 2.0 + (torch.arange(64) + 0.5) / 64
    depth = centres[:used].repeat_interleave(64 * 64 // used).reshape(1, 64, 64)
    for score in (non_flatness(depth, 2.0, 3.0), surface_spread(depth, 2.0, 3.0, kept=1.0)):
        assert score.tolist() == [pytest.approx(used, rel=1e-12)]


def test_the_published_score_counts_every_pixel() -> None:
    """Depths beyond the range lie in its outermost bins: rays that meet nothing have depth 0.

    The farthest are not cut off.
    """
    depth = torch.full((2, 20, 20), 2.505)
    depth[0, :10] = 0.0
    depth[1, 0] = 9.0
    share = torch.tensor([0.05, 0.95], dtype=torch.float64)
    expected = [2.0, float((-(share * share.log()).sum()).exp())]
    assert non_flatness(depth, 2.0, 3.0).tolist() == pytest.approx(expected)
    # the definition of its source, written out
    for map_, score in zip(depth, non_flatness(depth, 2.0, 3.0), strict=True):
        p = torch.histc(map_.clamp(2.0, 3.0), bins=64, min=2.0, max=3.0).double()
        p /= p.sum()
        assert float(score) == pytest.approx(float((-(p * (p + 1e-12).log()).sum()).exp()))
    with pytest.raises(ValueError, match="gaps"):
        non_flatness(torch.full((1, 4, 4), torch.nan), 2.0, 3.0)


def test_the_spread_of_the_surface_cuts_the_far_background_and_skips_empty_maps() -> None:
    depth = torch.full((3, 20, 20), 2.5)
    depth[1, 0, :20] = 2.99  # the farthest 5 %
    depth[2] = torch.nan
    score = surface_spread(depth, 2.0, 3.0)
    assert score[:2].tolist() == [pytest.approx(1.0), pytest.approx(1.0)] and math.isnan(score[2])
    assert surface_spread(depth[1:2], 2.0, 3.0, kept=1.0)[0] > 1.1
    depth[0, 5:, 5:] = torch.nan  # pixels without a surface do not count
    assert surface_spread(depth[:1], 2.0, 3.0)[0] == pytest.approx(1.0)
    assert surface_spread(torch.full((1, 4, 4), 9.0), 2.0, 3.0)[0] == pytest.approx(1.0)
