"""The analytic family: distances in closed form, headers, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core_model.families.analytic.description import KINDS, analytic_header
from core_model.families.analytic.shapes import SHAPES, AnalyticField
from core_model.families.analytic.spec import AnalyticModel
from core_model.schema.errors import InputError


def at(*xyz: float) -> torch.Tensor:
    return torch.tensor([[xyz]], dtype=torch.float32)


def test_distances_at_known_points() -> None:
    cases = {
        "sphere": [((0.3, 0, 0), 0.0), ((0, 0, 0), -0.3), ((0, 0.5, 0), 0.2)],
        "torus": [((0.24, 0, 0), -0.09), ((0, 0.24, 0.09), 0.0), ((0, 0, 0), 0.15), ((0.33, 0, 0), 0.0)],
        "shell": [((0, 0, 0.28), -0.006), ((0, 0.286, 0), 0.0), ((0, 0, 0), 0.274)],
    }
    for shape, known in cases.items():
        for point, distance in known:
            sdf = AnalyticField(shape).geometry(at(*point)).sdf
            assert sdf is not None
            assert float(sdf) == pytest.approx(distance, abs=1e-6), (shape, point)


@pytest.mark.parametrize("shape", ["sphere", "torus", "shell"])
def test_distances_have_slope_one(shape: str) -> None:
    x = (torch.rand(1, 400, 3, generator=torch.Generator().manual_seed(0)) - 0.5).requires_grad_()
    sdf = AnalyticField(shape).geometry(x).sdf
    assert sdf is not None
    (gradient,) = torch.autograd.grad(sdf.sum(), x)
    np.testing.assert_allclose(gradient.norm(dim=-1), 1.0, atol=1e-4)


def test_the_description_knows_the_shapes() -> None:
    assert KINDS.names() == SHAPES.names()


@pytest.mark.parametrize("shape", SHAPES.names())
def test_the_proposal_is_a_distribution_that_covers_the_probe(shape: str) -> None:
    model = AnalyticModel(analytic_header(f"analytic:{shape}"))
    weights = torch.zeros(1, 20, 6, 6)
    weights[0, 7, 2, 3] = 0.9
    p = model.propose(weights, torch.zeros(1, 3, 6, 6), torch.zeros(1, 3, 6, 6)).exp()
    assert p.shape == (1, 20, 12, 12)
    torch.testing.assert_close(p.sum(dim=1), torch.ones(1, 12, 12))
    assert set(p[0, :, 5, 7].topk(3).indices.tolist()) == {6, 7, 8}


def test_unknown_shapes_are_input_errors() -> None:
    with pytest.raises(InputError, match="did you mean 'sphere'"):
        analytic_header("analytic:spere")
