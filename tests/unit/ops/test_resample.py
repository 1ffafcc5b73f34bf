"""The binomial filter against its definition written in numpy.

Zero insertion, padding, correlation, decimation.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core_model.ops.resample import downsample2, fir, upsample2

FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64.0


def plain_fir(x: np.ndarray, pad0: int, pad1: int, gain: float = 1.0, stride: int = 1) -> np.ndarray:
    """[H, W] → zero pad, correlate with gain·filter, keep every `stride`-th; the filter is symmetric."""
    x = np.pad(x, (pad0, pad1))
    h, w = x.shape[0] - 3, x.shape[1] - 3
    out = np.zeros((h, w))
    for i in range(h):
        for j in range(w):
            out[i, j] = (x[i : i + 4, j : j + 4] * FILTER).sum() * gain
    return out[::stride, ::stride]


def picture(h: int = 6, w: int = 8) -> torch.Tensor:
    return torch.randn(2, 3, h, w, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("pad0", "pad1", "gain", "stride"), [(1, 1, 1.0, 1), (2, 1, 4.0, 1), (2, 2, 1.0, 1), (1, 1, 1.0, 2)]
)
def test_fir(pad0: int, pad1: int, gain: float, stride: int) -> None:
    x = picture()
    got = fir(x, pad0, pad1, gain, stride)
    for b in range(2):
        for c in range(3):
            np.testing.assert_allclose(
                got[b, c], plain_fir(x[b, c].numpy(), pad0, pad1, gain, stride), atol=1e-12
            )


def test_upsampling_is_zero_insertion_then_fir() -> None:
    """Interop notes 0.3: insert a zero after every pixel, FIR(pad 2, 1; gain 4)."""
    x = picture()
    got = upsample2(x)
    assert got.shape == (2, 3, 12, 16)
    for b in range(2):
        for c in range(3):
            wide = np.zeros((12, 16))
            wide[::2, ::2] = x[b, c]
            np.testing.assert_allclose(got[b, c], plain_fir(wide, 2, 1, 4.0), atol=1e-12)


def test_downsampling_is_fir_then_every_second() -> None:
    x = picture()
    got = downsample2(x)
    assert got.shape == (2, 3, 3, 4)
    np.testing.assert_allclose(got[1, 2], plain_fir(x[1, 2].numpy(), 1, 1, stride=2), atol=1e-12)


def test_a_flat_picture_stays_flat_away_from_the_border() -> None:
    flat = torch.ones(1, 1, 8, 8)
    np.testing.assert_allclose(upsample2(flat)[..., 2:-2, 2:-2], 1.0, atol=1e-6)
    np.testing.assert_allclose(downsample2(flat)[..., 1:-1, 1:-1], 1.0, atol=1e-6)


@pytest.mark.parametrize("resize", [upsample2, downsample2])
def test_gradients(resize: object) -> None:
    x = picture(4, 4)[:1, :2].clone().requires_grad_()
    assert torch.autograd.gradcheck(resize, (x,))  # type: ignore[arg-type]
    assert torch.autograd.gradgradcheck(resize, (x,))  # type: ignore[arg-type]


@pytest.mark.parametrize("pad", [1, 2])
def test_gradients_of_the_filter_are_those_of_its_convolution(pad: int) -> None:
    """The filter's own backward pass, and the one behind that, against numerical differences."""
    x = picture(5, 6).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda v: fir(v, pad, pad, 4.0), x, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda v: fir(v, pad, pad, 4.0), x, fast_mode=True)


def test_gradients_of_upsampling() -> None:
    x = picture(4, 5).requires_grad_(True)
    assert torch.autograd.gradcheck(upsample2, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(upsample2, x, fast_mode=True)
    assert torch.allclose(upsample2(x), upsample2(x.detach()), atol=1e-12)
