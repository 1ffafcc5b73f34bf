"""The robust distribution and its strata.

Against brute force over all subsets, against a plain loop of A3.5.
"""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra.numpy import arrays

from core_model.ops.pixel_noise import PixelNoise
from core_model.sampling.placement import robust_samples, robust_set, strata_counts
from core_model.sampling.types import RayPdf

ROUNDING = 2e-6  # float32 sums of up to ten masses; the code forgives 1e-6 of the same kind

weights = st.integers(1, 10).flatmap(
    lambda k: arrays(np.float32, k, elements=st.floats(0, 1, width=32)).filter(lambda w: w.sum() > 0.05)
)
taus = st.sampled_from([0.05, 0.3, 0.5, 0.9, 0.98, 1.0])


def smallest_size(p: np.ndarray, tau: float) -> int:
    """Size of the smallest subset of bins whose mass reaches tau, by trying every subset."""
    for size in range(1, len(p) + 1):
        if any(p[list(s)].sum() >= tau for s in itertools.combinations(range(len(p)), size)):
            return size
    return len(p)


@given(weights, taus)
def test_the_robust_set_against_every_subset(w: np.ndarray, tau: float) -> None:
    p = w.astype(np.float64) / w.sum(dtype=np.float64)
    mask = robust_set(torch.from_numpy(w)[None], tau)[0].numpy()
    assert p[mask].sum() >= tau - ROUNDING  # tau is reached
    # by the fewest bins, where rounding may count either way
    assert smallest_size(p, tau - ROUNDING) <= mask.sum() <= smallest_size(p, tau - 1e-9)
    if (~mask).any():
        assert p[mask].min() >= p[~mask].max() - 1e-7  # which are the likeliest


@pytest.mark.parametrize("row", [[0.0] * 6, [float("nan")] * 6, [float("inf"), -1.0, 0.0, 0.0, 0.0, 0.0]])
def test_rays_without_mass_still_have_bins(row: list[float]) -> None:
    """Every ray can be sampled: no mass counts as uniform."""
    mask = robust_set(torch.tensor([row]), 0.98)
    assert int(mask.sum()) == 6


def test_one_certain_bin_is_the_whole_set() -> None:
    p = torch.zeros(1, 191)
    p[0, 57] = 1.0
    assert torch.nonzero(robust_set(p, 0.98)).tolist() == [[0, 57]]


def loop_counts(p: np.ndarray, chosen: np.ndarray, budget: int) -> np.ndarray:
    """A3.5 in words: floor(s / c) samples to each of the c strata, one more to the (s mod c) bins with
    maximal p.
    """
    strata = [i for i in range(len(p)) if chosen[i]]
    counts = np.zeros(len(p), int)
    for i in strata:
        counts[i] = budget // len(strata)
    for i in sorted(strata, key=lambda i: (-p[i], i))[: budget % len(strata)]:
        counts[i] += 1
    return counts


@given(weights, taus, st.integers(1, 40))
def test_strata_counts_against_the_loop(w: np.ndarray, tau: float, budget: int) -> None:
    p = torch.from_numpy(w)[None]
    chosen = robust_set(p, tau)
    counts = strata_counts(p, chosen, budget)[0].numpy()
    assert counts.sum() == budget
    np.testing.assert_array_equal(counts, loop_counts(w, chosen[0].numpy(), budget))


def edges(rows: int, bins: int) -> torch.Tensor:
    steps = torch.rand(rows, bins, generator=torch.Generator().manual_seed(4)) + 0.1
    inner = torch.cumsum(steps, dim=-1)
    return 2.0 + torch.nn.functional.pad(inner / inner[:, -1:], (1, 0))


def many_rays(rows: int, bins: int, seed: int) -> torch.Tensor:
    """Distributions from nearly one bin to nearly uniform, without equal masses."""
    g = torch.Generator().manual_seed(seed)
    sharp = torch.logspace(-1, 1.5, rows)[:, None]
    return torch.softmax(torch.randn(rows, bins, generator=g) * sharp, dim=-1)


@pytest.mark.parametrize("bins", [5, 24, 25, 127, 191])
@pytest.mark.parametrize("budget", [1, 2, 9, 16, 32, 400])
@pytest.mark.parametrize("jitter", [False, True])
def test_samples_fill_the_strata(bins: int, budget: int, jitter: bool) -> None:
    """The quick draw (the `budget` likeliest bins only) equals the definition."""
    p, t = (
        many_rays(40, bins, seed=bins),
        edges(40, bins).double(),
    )  # in float32 a sample can round up to the next edge
    rng = PixelNoise(0, torch.arange(40)) if jitter else None
    samples = robust_samples(RayPdf(t, p), 0.98, budget, rng)
    want = strata_counts(p, robust_set(p, 0.98), budget)
    bin_of = torch.searchsorted(t, samples.t, right=True) - 1
    got = torch.zeros_like(want).scatter_add_(-1, bin_of.clamp(0, bins - 1), torch.ones_like(bin_of))
    assert torch.equal(got, want)
    if bins > budget > 1:  # the test sees sets that are larger and smaller than the budget
        size = robust_set(p, 0.98).sum(dim=-1)
        assert bool((size > budget).any()) and bool((size < budget).any())


@pytest.mark.parametrize("budget", [2, 16, 32])
@pytest.mark.parametrize("jitter", [False, True])
def test_samples_are_sorted_and_their_intervals_fit_the_bins(budget: int, jitter: bool) -> None:
    p, t = many_rays(60, 40, seed=2), edges(60, 40)
    samples = robust_samples(RayPdf(t, p), 0.98, budget, PixelNoise(1, torch.arange(60)) if jitter else None)
    assert samples.t.shape == (60, budget) and bool(samples.valid.all())
    step = torch.diff(samples.t, dim=-1)
    assert bool((step >= 0).all())
    bin_of = (torch.searchsorted(t, samples.t, right=True) - 1).clamp(0, 39)
    width = torch.diff(t, dim=-1).gather(-1, bin_of)
    assert bool((samples.delta <= width + 1e-6).all()) and bool((samples.delta >= 0).all())
    np.testing.assert_allclose(samples.delta[:, :-1], torch.minimum(step, width[:, :-1]), atol=1e-6)


def test_samples_without_jitter_stand_in_the_middles_of_equal_parts() -> None:
    t = torch.tensor([[0.0, 1.0, 2.0, 3.0]])
    p = torch.tensor([[0.5, 0.0, 0.5]])
    samples = robust_samples(RayPdf(t, p), 0.98, 5, None)
    np.testing.assert_allclose(samples.t, [[1 / 6, 0.5, 5 / 6, 2.25, 2.75]], atol=1e-6)
    # the last sample of a bin does not speak for the empty stretch behind it, but for one bin width at most
    np.testing.assert_allclose(samples.delta, [[1 / 3, 1 / 3, 1.0, 0.5, 0.25]], atol=1e-6)


def test_a_budget_below_the_strata_takes_the_likeliest() -> None:
    p = torch.tensor([[0.1, 0.3, 0.2, 0.4]])
    samples = robust_samples(RayPdf(torch.arange(5.0)[None], p), 1.0, 2, None)
    np.testing.assert_allclose(samples.t, [[1.5, 3.5]])


@pytest.mark.parametrize("bad", [0.0, float("nan"), float("inf")])
def test_a_bad_ray_is_sampled_evenly_and_spoils_no_other(bad: float) -> None:
    t = edges(3, 8)
    p = many_rays(3, 8, seed=5)
    spoilt = p.clone()
    spoilt[1] = bad
    got, want = (robust_samples(RayPdf(t, x), 0.98, 8, None) for x in (spoilt, p))
    assert torch.equal(got.t[[0, 2]], want.t[[0, 2]])
    np.testing.assert_allclose(got.t[1], 0.5 * (t[1, 1:] + t[1, :-1]), atol=1e-6)


def test_no_rays_give_no_samples() -> None:
    samples = robust_samples(RayPdf(torch.zeros(0, 6), torch.zeros(0, 5)), 0.98, 4, None)
    assert samples.t.shape == (0, 4)
