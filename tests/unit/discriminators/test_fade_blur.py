"""The blur that fades: its width, its borders, its derivative, its end."""

from __future__ import annotations

import pytest
import torch

from core_model.discriminators.fade_blur import blur_taps, fade_blur, fade_sigma


def test_sigma_is_the_half_width_at_half_maximum() -> None:
    taps = blur_taps(4.0)
    assert len(taps) == 25 and float(taps.sum()) == pytest.approx(1.0)
    assert float(taps[12 + 4] / taps[12]) == pytest.approx(0.5)


def test_borders_darken_and_small_widths_change_nothing() -> None:
    x = torch.ones(1, 3, 16, 16)
    blurred = fade_blur(x, 2.0)
    assert float(blurred[0, 0, 0, 8]) < 0.7 < float(blurred[0, 0, 8, 8])
    assert fade_blur(x, 0.33) is x


def test_it_is_linear_with_derivatives_of_both_orders() -> None:
    x = torch.randn(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: fade_blur(v, 0.8), x)
    assert torch.autograd.gradgradcheck(lambda v: fade_blur(v, 0.8), x)


def test_the_width_falls_to_zero() -> None:
    assert fade_sigma(0, 10.0, 200.0) == 10.0
    assert fade_sigma(100_000, 10.0, 200.0) == pytest.approx(5.0)
    assert fade_sigma(300_000, 10.0, 200.0) == 0.0 == fade_sigma(0, 10.0, 0.0)
