"""Step functions on rays.

Properties that hold for every ray, also for empty, one-bin, NaN and infinite ones.
"""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis.extra.numpy import arrays

from core_model.ops import stepfun
from core_model.ops.pixel_noise import PixelNoise

ODD = [0.0, 1e-30, 1.0, -1.0, float("nan"), float("inf"), float("-inf"), 1e30]
weight = st.one_of(st.floats(0, 1, width=32), st.sampled_from(ODD))
weights = st.integers(1, 24).flatmap(lambda k: arrays(np.float32, k, elements=weight))
masses = st.integers(1, 24).flatmap(lambda k: arrays(np.float32, k, elements=st.floats(0, 1, width=32)))
EMPTY = np.zeros(5, np.float32)
SPOILT = np.array([np.nan, np.inf, -np.inf, -3.0], np.float32)


def edges_for(bins: int, seed: int = 0) -> torch.Tensor:
    """Unequal sorted edges [K + 1] from 2 to about 3."""
    steps = np.random.RandomState(seed).rand(bins) + 0.05
    return torch.tensor(2.0 + np.concatenate([[0.0], np.cumsum(steps) / steps.sum()]), dtype=torch.float32)


@given(weights)
@example(EMPTY)
@example(SPOILT)
def test_clean_leaves_finite_masses_only(w: np.ndarray) -> None:
    got = stepfun.clean(torch.from_numpy(w)).numpy()
    good = np.isfinite(w) & (w > 0)
    np.testing.assert_array_equal(got, np.where(good, w, 0.0))


@given(weights)
@example(EMPTY)
@example(SPOILT)
def test_normalize_sums_to_one_or_to_nothing(w: np.ndarray) -> None:
    p = stepfun.normalize(torch.from_numpy(w))
    mass = float(stepfun.clean(torch.from_numpy(w)).sum())
    assert bool(torch.isfinite(p).all()) and bool((p >= 0).all())
    if mass > 1e-6:
        assert float(p.sum()) == pytest.approx(1.0, abs=1e-5)
    elif mass == 0:
        assert float(p.sum()) == 0.0
    filled = stepfun.normalize_or_uniform(torch.from_numpy(w))
    assert float(filled.sum()) == pytest.approx(1.0, abs=1e-5)
    if mass == 0:
        np.testing.assert_allclose(filled, np.full(len(w), 1 / len(w)), rtol=1e-6)


@given(weights)
@example(EMPTY)
@example(SPOILT)
def test_the_cdf_climbs_from_zero_to_one(w: np.ndarray) -> None:
    c = stepfun.cdf(torch.from_numpy(w))
    assert len(c) == len(w) + 1
    assert float(c[0]) == 0.0 and float(c[-1]) == 1.0
    assert bool((torch.diff(c) >= 0).all())


@given(weights, st.lists(st.floats(0, 1, width=32), min_size=1, max_size=12))
@example(EMPTY, [0.0, 1.0])
@example(SPOILT, [0.0, 0.5, 1.0])
@example(np.ones(1, np.float32), [0.0, 0.25, 1.0])
def test_quantiles_stay_on_the_ray_and_in_order(w: np.ndarray, u: list[float]) -> None:
    t = edges_for(len(w))
    at, bins = stepfun.inverse_cdf(t, torch.from_numpy(w), torch.tensor(sorted(u)))
    assert bool(torch.isfinite(at).all())
    assert float(at.min()) >= float(t[0]) and float(at.max()) <= float(t[-1])
    assert bool((torch.diff(at) >= -1e-6).all())
    assert bool((at >= t[bins] - 1e-6).all()) and bool((at <= t[bins + 1] + 1e-6).all())


@given(masses.filter(lambda w: w.sum() > 0.05))
def test_the_inverse_undoes_the_cdf(w: np.ndarray) -> None:
    """F(F⁻¹(u)) = u, with F evaluated by numpy's own interpolation in float64."""
    t = edges_for(len(w), seed=1)
    u = torch.linspace(0.01, 0.99, 33)
    at, _ = stepfun.inverse_cdf(t, torch.from_numpy(w), u)
    forward = np.concatenate([[0.0], np.cumsum(w.astype(np.float64))]) / w.sum(dtype=np.float64)
    steepest = (w / w.sum() / np.diff(t.numpy())).max()  # rounding of t is worth this much in u
    np.testing.assert_allclose(np.interp(at.numpy(), t.numpy(), forward), u, atol=2e-6 * (1 + steepest))


def test_draws_fall_into_bins_by_their_mass() -> None:
    w = torch.tensor([0.0, 0.1, 0.4, 0.0, 0.5])
    n = 4000
    u = stepfun.stratified_u(1, n, None, torch.device("cpu"))[0]
    _, bins = stepfun.inverse_cdf(edges_for(5), w, u)
    counts = torch.bincount(bins, minlength=5)
    np.testing.assert_allclose(counts / n, w, atol=2 / n)


def test_one_bad_ray_leaves_its_neighbours_alone() -> None:
    good = torch.tensor([0.1, 0.6, 0.3])
    rows = torch.stack([good, torch.full((3,), torch.nan), torch.zeros(3), good])
    u = torch.linspace(0.1, 0.9, 5).expand(4, 5)
    t = edges_for(3).expand(4, 4)
    at, _ = stepfun.inverse_cdf(t, rows, u)
    alone, _ = stepfun.inverse_cdf(t[:1], rows[:1], u[:1])
    assert torch.equal(at[0], alone[0]) and torch.equal(at[3], alone[0])
    assert torch.equal(at[1], at[2])  # NaN counts as no mass, which is uniform


def test_stratified_quantiles_hold_one_in_each_stratum() -> None:
    u = stepfun.stratified_u(50, 9, PixelNoise(3, torch.arange(50)), torch.device("cpu"))
    assert torch.equal((u * 9).floor(), torch.arange(9.0).expand(50, 9))
    middles = stepfun.stratified_u(1, 4, None, torch.device("cpu"))[0]
    np.testing.assert_allclose(middles, [0.125, 0.375, 0.625, 0.875])


@given(masses, st.floats(0.3, 3.0))
def test_blur_is_a_gaussian_convolution(w: np.ndarray, sigma: float) -> None:
    radius = max(1, int(3 * sigma + 0.5))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    full = np.convolve(w.astype(np.float64), kernel / kernel.sum())
    got = stepfun.gaussian_blur(torch.from_numpy(w), sigma)
    np.testing.assert_allclose(got, full[radius : radius + len(w)], atol=2e-6)


@given(weights, st.floats(0.3, 2.0))
@example(EMPTY, 1.0)
@example(SPOILT, 1.0)
def test_the_target_is_a_distribution_or_nothing(w: np.ndarray, sigma: float) -> None:
    target = stepfun.supervision_target(torch.from_numpy(w), sigma)
    total = float(target.sum())
    assert bool(torch.isfinite(target).all()) and bool((target >= 0).all())
    assert total == 0.0 or total == pytest.approx(1.0, abs=1e-5)


def test_the_target_drops_what_is_small() -> None:
    w = torch.tensor([[0.004, 0.0, 0.0, 0.0, 0.9, 0.0, 0.0, 0.0, 0.012, 0.0]])
    blurred = stepfun.gaussian_blur(w, 0.5)
    want = np.where(blurred >= 5e-3, blurred, 0.0)
    np.testing.assert_allclose(stepfun.supervision_target(w, 0.5), want / want.sum(), rtol=1e-5)
    assert want[0, 0] == 0.0 and want[0, 8] > 0  # the test has both kinds of bin


def test_the_target_of_a_faint_ray_is_empty() -> None:
    assert float(stepfun.supervision_target(torch.full((1, 50), 1e-3)).sum()) == 0.0


@given(weights)
@example(EMPTY)
@example(SPOILT)
def test_entropy_lies_between_a_point_and_uniform(w: np.ndarray) -> None:
    h = float(stepfun.entropy(torch.from_numpy(w)))
    assert -1e-5 <= h <= math.log(len(w)) + 1e-5


def test_entropy_of_known_distributions() -> None:
    one = torch.zeros(7)
    one[3] = 0.2
    assert float(stepfun.entropy(one)) == pytest.approx(0.0, abs=1e-6)
    assert float(stepfun.entropy(torch.ones(7))) == pytest.approx(math.log(7), abs=1e-6)
    assert float(stepfun.entropy(torch.tensor([0.5, 0.25, 0.25]))) == pytest.approx(
        1.5 * math.log(2), abs=1e-6
    )


@given(masses.filter(lambda w: w.sum() > 0.05), st.integers(1, 30))
def test_leftover_mass_is_what_a_sort_leaves(w: np.ndarray, bins: int) -> None:
    p = np.sort(w.astype(np.float64) / w.sum(dtype=np.float64))[::-1]
    got = float(stepfun.leftover_mass(torch.from_numpy(w), bins))
    assert got == pytest.approx(p[bins:].sum(), abs=1e-5)
    assert 0.0 <= got <= 1.0
