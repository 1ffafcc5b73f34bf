"""Quadrature weights against a plain loop, in closed form, and their gradients."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra.numpy import arrays

from core_model.ops.stepfun import alpha_weights, expected, median


def loop_weights(density: np.ndarray, delta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sum of the paper's section 3, sample by sample, in float64."""
    weights, transmittance = np.zeros_like(density), np.zeros_like(density)
    light = 1.0
    for i, (sigma, step) in enumerate(zip(density, delta)):
        transmittance[i] = light
        weights[i] = light * (1.0 - math.exp(-sigma * step))
        light *= math.exp(-sigma * step)
    return weights, transmittance


rays = st.integers(1, 20).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, n, elements=st.floats(0, 200)), arrays(np.float64, n, elements=st.floats(0, 0.5))
    )
)


@given(rays)
def test_weights_are_the_loop(ray: tuple[np.ndarray, np.ndarray]) -> None:
    density, delta = ray
    weights, transmittance = alpha_weights(torch.from_numpy(density), torch.from_numpy(delta))
    want_w, want_t = loop_weights(density, delta)
    np.testing.assert_allclose(weights, want_w, atol=1e-12)
    np.testing.assert_allclose(transmittance, want_t, atol=1e-12)


@given(rays)
def test_weights_and_what_is_left_make_one(ray: tuple[np.ndarray, np.ndarray]) -> None:
    density, delta = map(torch.from_numpy, ray)
    weights, transmittance = alpha_weights(density, delta)
    left = math.exp(-float((density * delta).sum()))
    assert float(weights.sum()) + left == pytest.approx(1.0, abs=1e-9)
    assert bool((weights >= 0).all()) and bool((torch.diff(transmittance) <= 1e-12).all())


def test_thin_steps_keep_their_digits() -> None:
    """1 - exp(-x) of a tiny x must not round to zero in float32."""
    weights, _ = alpha_weights(torch.full((4,), 1e-3), torch.full((4,), 1e-6))
    np.testing.assert_allclose(weights, np.full(4, 1e-9), rtol=1e-5)


def test_homogeneous_medium_in_closed_form() -> None:
    n, sigma, length = 64, 3.0, 0.7
    weights, _ = alpha_weights(torch.full((n,), sigma), torch.full((n,), length / n))
    assert float(weights.sum()) == pytest.approx(1 - math.exp(-sigma * length), abs=1e-6)


def test_gradients() -> None:
    g = torch.Generator().manual_seed(0)
    density = (torch.rand(3, 6, generator=g, dtype=torch.float64) * 4).requires_grad_()
    delta = (torch.rand(3, 6, generator=g, dtype=torch.float64) * 0.3 + 0.01).requires_grad_()
    assert torch.autograd.gradcheck(alpha_weights, (density, delta))
    assert torch.autograd.gradgradcheck(alpha_weights, (density, delta))


def test_an_opaque_sample_has_a_finite_gradient() -> None:
    density = torch.tensor([1e4, 1e4, 0.0], requires_grad=True)
    weights, _ = alpha_weights(density, torch.full((3,), 0.1))
    weights[1].backward()
    assert density.grad is not None and bool(torch.isfinite(density.grad).all())


def test_expected_is_the_weighted_sum_of_scalars_and_vectors() -> None:
    g = torch.Generator().manual_seed(1)
    w, scalar, vector = (
        torch.rand(5, 7, generator=g),
        torch.rand(5, 7, generator=g),
        torch.rand(5, 7, 3, generator=g),
    )
    np.testing.assert_allclose(expected(w, scalar), np.einsum("rs,rs->r", w, scalar), rtol=1e-5)
    np.testing.assert_allclose(expected(w, vector), np.einsum("rs,rsc->rc", w, vector), rtol=1e-5)


def test_median_splits_the_mass_in_half() -> None:
    edges = torch.tensor([[0.0, 1.0, 2.0, 4.0]])
    assert float(median(edges, torch.tensor([[0.0, 0.2, 0.2]]))) == pytest.approx(2.0, abs=1e-5)
    assert float(median(edges, torch.tensor([[0.1, 0.0, 0.3]]))) == pytest.approx(2 + 2 / 3, abs=1e-5)
