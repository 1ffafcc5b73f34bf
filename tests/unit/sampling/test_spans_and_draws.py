"""Uniform and stratified spans, draws by the inverse CDF, and the choice of the hard rays."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from core_model.ops.pixel_noise import PixelNoise
from core_model.ops.stepfun import stratified_u
from core_model.sampling.placement import (
    adaptive_mask,
    cdf_samples,
    stratified_samples,
    uniform_edges,
    uniform_samples,
)
from core_model.sampling.types import RayPdf, RaySamples

NEAR, FAR = torch.tensor([2.0, 2.2]), torch.tensor([3.0, 3.7])


def test_uniform_spans_include_both_ends() -> None:
    """192 samples bound 191 bins (Table A5)."""
    s = uniform_samples(NEAR, FAR, 192)
    assert s.t.shape == (2, 192)
    np.testing.assert_allclose(s.t[:, 0], NEAR)
    np.testing.assert_allclose(s.t[:, -1], FAR, rtol=1e-6)
    np.testing.assert_allclose(s.delta[:, :-1], ((FAR - NEAR) / 191)[:, None].expand(2, 191), atol=2e-6)
    assert float(s.delta[:, -1].abs().max()) == 0.0
    np.testing.assert_allclose(uniform_edges(NEAR, FAR, 191), s.t)


@pytest.mark.parametrize("jitter", [False, True])
def test_stratified_spans_hold_one_sample_a_stratum(jitter: bool) -> None:
    u = stratified_u(2, 10, PixelNoise(0, torch.arange(2)) if jitter else None, NEAR.device)
    s = stratified_samples(NEAR, FAR, u)
    place = (s.t - NEAR[:, None]) / (FAR - NEAR)[:, None] * 10
    assert torch.equal(place.floor(), torch.arange(10.0).expand(2, 10))
    if not jitter:
        np.testing.assert_allclose(place, (torch.arange(10.0) + 0.5).expand(2, 10), atol=1e-4)
    np.testing.assert_allclose(s.t[:, -1] + s.delta[:, -1], FAR, rtol=1e-6)  # the intervals reach to the end


def pdf(rows: int = 400, bins: int = 30) -> RayPdf:
    g = torch.Generator().manual_seed(3)
    p = torch.softmax(torch.randn(rows, bins, generator=g) * 2, dim=-1)
    return RayPdf(torch.linspace(2.0, 3.0, bins + 1).expand(rows, bins + 1), p)


def histogram(samples: RaySamples, bins: int) -> torch.Tensor:
    index = ((samples.t - 2.0) * bins).long().clamp(0, bins - 1)
    return torch.zeros(len(index), bins).scatter_add_(-1, index, torch.ones_like(samples.t))


@pytest.mark.parametrize("jitter", [False, True])
@pytest.mark.parametrize("stratified", [False, True])
def test_draws_follow_the_distribution(stratified: bool, jitter: bool) -> None:
    p = pdf()
    n = 256
    samples = cdf_samples(
        p, n, stratified=stratified, rng=PixelNoise(1, torch.arange(400)) if jitter else None
    )
    assert bool((torch.diff(samples.t, dim=-1) >= 0).all())
    error = histogram(samples, 30) / n - p.weights
    if stratified:
        assert float(error.abs().max()) <= 2.01 / n  # a bin can lose or win a stratum at either end
    else:
        spread = (p.weights * (1 - p.weights) / n).sqrt()
        assert (
            float((error / spread.clamp_min(1e-3)).abs().mean()) < 1.2
        )  # independent draws: |error| is about 0.8 sigma
        assert (
            float((error / spread.clamp_min(1e-3)).abs().mean()) > 0.4
        )  # and not the stratified scheme in disguise
        assert float(error.mean(dim=0).abs().max()) < 4e-3  # no bias over many rays


def test_draws_are_repeatable_and_differ_from_ray_to_ray() -> None:
    flat = RayPdf(torch.linspace(0, 1, 6).expand(50, 6), torch.full((50, 5), 0.2))
    first, again = (cdf_samples(flat, 8, stratified=False, rng=None).t for _ in range(2))
    assert torch.equal(first, again)
    assert len(torch.unique(first[:, 0])) == 50


def test_intervals_of_draws_are_clipped_to_the_bin_width() -> None:
    samples = cdf_samples(pdf(), 16, stratified=True, rng=None)
    assert float(samples.delta.max()) <= 1 / 30 + 1e-6 and float(samples.delta.min()) >= 0


@given(st.integers(0, 300), st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.5, 1.0]), st.integers(0, 3))
def test_exactly_the_share_is_chosen_and_it_is_the_hardest(rays: int, share: float, seed: int) -> None:
    leftover = torch.rand(rays, generator=torch.Generator().manual_seed(seed))
    if seed == 3:
        leftover = (leftover * 4).floor()  # many equal values
    mask = adaptive_mask(leftover, share)
    assert int(mask.sum()) == round(share * rays)
    if 0 < int(mask.sum()) < rays:
        assert float(leftover[mask].min()) >= float(leftover[~mask].max())


def test_counts_of_samples() -> None:
    valid = torch.tensor([[True, True, False], [False, False, False]])
    assert RaySamples(torch.zeros(2, 3), torch.zeros(2, 3), valid).counts.tolist() == [2, 0]
