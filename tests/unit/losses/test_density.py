"""Density regularisers: what they measure, where their points lie, who learns."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core_model.losses.adversarial import is_found_out, passes_as_real, r1_gradients, squared_norms
from core_model.losses.density import NEIGHBOURS, density_terms, falling_density, smooth_density
from core_model.ops.draw_source import TorchDraws


def draws() -> TorchDraws:
    return TorchDraws(torch.Generator().manual_seed(0))


def test_a_slope_costs_its_length_and_points_fill_the_cube() -> None:
    seen: list[Tensor] = []

    def slope(points: Tensor) -> Tensor:
        seen.append(points)
        return 3.0 * points[..., 0]

    value = smooth_density(slope, 2, 0.01, draws())
    expected = 3.0 * 0.01 * (2 / torch.pi) ** 0.5  # mean |N(0, 1)| is √(2/π)
    assert float(value) == pytest.approx(expected, rel=0.1)
    assert seen[0].shape == (2, 2 * NEIGHBOURS, 3)
    assert float(seen[0][:, :NEIGHBOURS].abs().max()) == pytest.approx(1.0, abs=0.01)


def test_density_that_falls_to_the_back_costs_and_one_that_rises_does_not() -> None:
    falls = lambda points: points[..., 2]
    assert float(falling_density(falls, 1, 0.5, draws(), detach=True)) == pytest.approx(0.5, rel=1e-4)
    assert float(falling_density(lambda p: -p[..., 2], 1, 0.5, draws(), detach=True)) == 0.0


@pytest.mark.parametrize(("kind", "count"), [("l1", 1), ("monotonic-detach", 2), ("monotonic-fixed", 2)])
def test_every_kind_is_differentiable(kind: str, count: int) -> None:
    a = torch.tensor([0.3, -0.2, 0.7], dtype=torch.float64, requires_grad=True)

    def total(a: Tensor) -> Tensor:
        query = lambda points: torch.sin(points.double() @ a)
        terms = density_terms(
            kind,  # type: ignore[arg-type]
            lambda: query,
            1,
            weight=0.25,
            offset=0.1,
            edge=1.0,
            draws=draws(),
        )
        values = list(terms)
        assert len(values) == count
        return torch.stack(values)

    if kind == "monotonic-detach":  # a detached side has no derivative to compare with
        total(a).sum().backward()
        assert a.grad is not None and bool(a.grad.abs().sum() > 0)
    else:
        assert torch.autograd.gradcheck(total, a, atol=1e-6)


def test_losses_and_gradient_norms_image_by_image() -> None:
    logits = torch.tensor([[0.0], [2.0]])
    assert torch.allclose(passes_as_real(logits) - is_found_out(logits), -logits)
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    run = lambda v: squared_norms(r1_gradients([v], v.pow(3).sum(dim=(1, 2, 3)))[0])
    assert torch.allclose(run(x), (3 * x.square()).square().sum(dim=(1, 2, 3)))
    assert torch.autograd.gradcheck(run, x)
