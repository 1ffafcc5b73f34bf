"""Modulated convolution against its definition (interop notes 0.4): explicit weights for each sample."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.ops.modconv import modulated_conv2d


def tensors(
    b: int = 3, i: int = 4, o: int = 5, k: int = 3, size: int = 5
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(7)
    draw = lambda *shape: torch.randn(*shape, generator=g, dtype=torch.float64)
    return draw(b, i, size, size), draw(o, i, k, k), draw(b, i) + 1.0, draw(o)


def sample_weights(weight: Tensor, style: Tensor, demodulate: bool) -> Tensor:
    """W'' of one sample [O, I, k, k]."""
    w = weight * style[None, :, None, None]
    return w / torch.sqrt(w.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8) if demodulate else w


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("gain", [1.0, 1.7])
def test_up_1_is_a_correlation_with_the_sample_s_weights(demodulate: bool, kernel: int, gain: float) -> None:
    x, weight, styles, bias = tensors(k=kernel)
    got = modulated_conv2d(x, weight, styles, demodulate=demodulate, bias=bias, gain=gain)
    for n in range(len(x)):
        w = sample_weights(weight, styles[n], demodulate)
        want = F.conv2d(x[n : n + 1], w, padding=kernel // 2) * gain + bias[None, :, None, None]
        np.testing.assert_allclose(got[n : n + 1], want, atol=1e-10)


def explicit_up2(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """[I, R, R], [O, I, 3, 3] → [O, 2R, 2R] by loops.

    Scatter each pixel times the unflipped kernel, then FIR(pad 1, 1; gain 4).
    """
    o, i, _, _ = w.shape
    r = x.shape[1]
    big = np.zeros((o, 2 * r + 1, 2 * r + 1))
    for y in range(r):
        for z in range(r):
            big[:, 2 * y : 2 * y + 3, 2 * z : 2 * z + 3] += np.einsum("i,oikl->okl", x[:, y, z], w)
    big = np.pad(big, ((0, 0), (1, 1), (1, 1)))
    taps = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16.0
    out = np.zeros((o, 2 * r, 2 * r))
    for y in range(2 * r):
        for z in range(2 * r):
            out[:, y, z] = (big[:, y : y + 4, z : z + 4] * taps).sum(axis=(1, 2))
    return out


def test_up_2_is_the_notes_definition() -> None:
    x, weight, styles, _ = tensors()
    got = modulated_conv2d(x, weight, styles, up=2)
    assert got.shape == (3, 5, 10, 10)
    for n in range(3):
        w = sample_weights(weight, styles[n], True)
        np.testing.assert_allclose(got[n], explicit_up2(x[n].numpy(), w.numpy()), atol=1e-10)


@pytest.mark.parametrize("up", [1, 2])
@pytest.mark.parametrize("demodulate", [True, False])
def test_a_batch_of_one_takes_another_path_to_the_same_numbers(up: int, demodulate: bool) -> None:
    x, weight, styles, bias = tensors()
    together = modulated_conv2d(x, weight, styles, up=up, demodulate=demodulate, bias=bias, gain=1.3)
    alone = [
        modulated_conv2d(
            x[n : n + 1], weight, styles[n : n + 1], up=up, demodulate=demodulate, bias=bias, gain=1.3
        )
        for n in range(3)
    ]
    np.testing.assert_allclose(together, torch.cat(alone), atol=1e-10)


def test_demodulated_output_has_unit_variance() -> None:
    """What demodulation is for: unit-variance input gives unit-variance output, whatever the styles are."""
    g = torch.Generator().manual_seed(1)
    x, weight = torch.randn(2, 32, 32, 32, generator=g), torch.randn(48, 32, 3, 3, generator=g)
    styles = torch.rand(2, 32, generator=g) * 9 + 0.5
    y = modulated_conv2d(x, weight, styles)[..., 1:-1, 1:-1]
    assert float(y.var()) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("up", [1, 2])
@pytest.mark.parametrize("demodulate", [True, False])
def test_gradients_of_first_and_second_order(batch: int, up: int, demodulate: bool) -> None:
    """R1 and path-length regularisation differentiate twice."""
    x, weight, styles, bias = (t.clone().requires_grad_() for t in tensors(b=batch, i=2, o=2, size=2))
    call = lambda *a: modulated_conv2d(a[0], a[1], a[2], up=up, demodulate=demodulate, bias=a[3])
    assert torch.autograd.gradcheck(call, (x, weight, styles, bias))
    assert torch.autograd.gradgradcheck(call, (x, weight, styles, bias))


def test_sizes_that_have_no_meaning_are_refused() -> None:
    x, weight, styles, _ = tensors(k=1)
    with pytest.raises(ValueError, match="up 2"):
        modulated_conv2d(x, weight, styles, up=2)
