"""Frequency encoding against direct sines, and the SDF-to-density rule against the paper's Eq. 1."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from core_model.fields.density import density_of, volsdf_density
from core_model.fields.encoding import encoded_dim, frequency_encoding, frequency_parts
from core_model.fields.osg import OsgField
from core_model.fields.triplane import Planes
from core_model.nn.osg import OsgDecoder
from core_model.schema.conventions import Conventions, DensityRule


@pytest.mark.parametrize("freqs", [0, 1, 2, 6])
def test_double_angles_are_direct_sines(freqs: int) -> None:
    x = torch.rand(500, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    got = frequency_encoding(x, freqs)
    direct = [x.double()]
    for k in range(freqs):
        direct += [torch.sin(2.0**k * x.double()), torch.cos(2.0**k * x.double())]
    assert got.shape == (500, encoded_dim(3, freqs))
    np.testing.assert_allclose(got, torch.cat(direct, dim=-1), atol=1e-5)


@pytest.mark.parametrize("freqs", [0, 1, 2, 6])
def test_parts_join_to_the_encoding(freqs: int) -> None:
    x = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    parts = frequency_parts(x, freqs)
    assert len(parts) == 1 + 2 * freqs
    torch.testing.assert_close(torch.cat(parts, dim=-1), frequency_encoding(x, freqs), atol=0.0, rtol=0.0)


def test_sizes_of_the_tables_a2_and_a3() -> None:
    assert encoded_dim(3, 6) == 39 and encoded_dim(3, 2) == 15


def test_gradient_of_the_encoding() -> None:
    x = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: frequency_encoding(v, 4), (x,))


@given(st.floats(-2, 2), st.floats(1e-4, 0.0199))
def test_density_is_equation_1(sdf: float, beta: float) -> None:
    s = -sdf  # the paper counts inside as positive
    want = (0.5 * math.exp(s / beta) if s <= 0 else 1 - 0.5 * math.exp(-s / beta)) / beta
    got = float(
        volsdf_density(torch.tensor(sdf, dtype=torch.float64), torch.tensor(beta, dtype=torch.float64))
    )
    assert got == pytest.approx(want, rel=1e-9, abs=1e-12)


def test_density_and_its_gradient_stay_finite_far_from_the_surface() -> None:
    sdf = torch.tensor([-3.0, -1e-9, 0.0, 1e-9, 3.0], requires_grad=True)
    beta = torch.full((5,), 1e-4, requires_grad=True)
    density = volsdf_density(sdf, beta)
    density.sum().backward()
    assert bool(torch.isfinite(density).all())
    assert sdf.grad is not None and bool(torch.isfinite(sdf.grad).all())
    assert beta.grad is not None and bool(torch.isfinite(beta.grad).all())


def test_density_falls_with_distance_and_is_half_at_the_surface() -> None:
    sdf = torch.linspace(-0.1, 0.1, 101)
    density = volsdf_density(sdf, torch.full_like(sdf, 0.01))
    assert bool((torch.diff(density) <= 1e-5).all())
    assert float(density[50]) == pytest.approx(0.5 / 0.01, rel=1e-3)


@pytest.mark.parametrize("rule", ["softplus_minus_one", "softplus", "relu"])
def test_the_density_rule_of_the_conventions_is_the_one_that_is_applied(rule: DensityRule) -> None:
    raw = torch.linspace(-3, 3, 13)
    known = {
        "softplus_minus_one": np.log1p(np.exp(raw.numpy() - 1.0)),
        "softplus": np.log1p(np.exp(raw.numpy())),
        "relu": np.maximum(raw.numpy(), 0.0),
    }
    np.testing.assert_allclose(density_of(raw, rule), known[rule], atol=1e-6)
    conv = Conventions(reduction="mean", field="density", density_rule=rule)
    torch.manual_seed(0)
    field = OsgField(Planes((torch.randn(1, 3, 32, 4, 4),), conv), OsgDecoder(32, 64, 32, 1.0))
    sample = field.geometry(torch.rand(1, 9, 3) - 0.5)
    assert sample.raw is not None and torch.equal(sample.density, density_of(sample.raw, rule))


def test_no_density_follows_from_a_distance_by_a_raw_rule() -> None:
    with pytest.raises(ValueError, match="volsdf"):
        density_of(torch.zeros(1), "volsdf")
