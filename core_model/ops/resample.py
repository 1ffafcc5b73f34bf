"""StyleGAN2's [1, 3, 3, 1] resampling filter.

Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN".
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def binomial_kernel(channels: int, gain: float, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Depthwise [C, 1, 4, 4] kernel: outer([1,3,3,1]) / 64 · gain."""
    k = torch.tensor([1.0, 3.0, 3.0, 1.0], device=device, dtype=dtype)
    k2 = torch.outer(k, k) * (gain / 64.0)
    return k2.expand(channels, 1, 4, 4)


def fir(
    x: Tensor, pad0: int, pad1: int, gain: float = 1.0, stride: int = 1, bias: Tensor | None = None
) -> Tensor:
    """x [B, C, H, W], zero-padded and convolved with gain · filter, plus bias [C].

    Padding on both axes: `pad0` before, `pad1` after.
    """
    kernel = binomial_kernel(x.shape[1], gain, x.device, x.dtype)
    if pad0 == pad1:
        if stride == 1 and bias is None and x.requires_grad and x.device.type == "cpu":
            return _Fir.apply(x, pad0, gain)  # pyright: ignore[reportReturnType]
        return F.conv2d(x, kernel, bias, padding=pad0, stride=stride, groups=x.shape[1])
    return F.conv2d(F.pad(x, (pad0, pad1, pad0, pad1)), kernel, bias, stride=stride, groups=x.shape[1])


class _Fir(torch.autograd.Function):
    """The filter with equal padding, whose gradient is the filter again (its kernel is symmetric).

    On CPUs the convolution is several times faster than oneDNN's gradient of a depthwise one.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, pad: int, gain: float) -> Tensor:
        ctx.pad, ctx.gain = pad, gain
        kernel = binomial_kernel(x.shape[1], gain, x.device, x.dtype)
        return F.conv2d(x, kernel, padding=pad, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return fir(grads[0], 3 - ctx.pad, 3 - ctx.pad, ctx.gain), None, None


class _Upsample(torch.autograd.Function):
    """`upsample2`, its gradient as the strided convolution that it is."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        with torch.no_grad():
            return upsample2(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return fir(grads[0], 1, 1, gain=4.0, stride=2)


def upsample2(x: Tensor) -> Tensor:
    """[B, C, H, W] → [B, C, 2H, 2W] with the binomial filter.

    Zero insertion followed by FIR(pad 2, 1; gain 4), written as the one transposed convolution that it is.
    """
    if torch.is_grad_enabled() and x.requires_grad and x.device.type == "cpu":
        return _Upsample.apply(x)  # pyright: ignore[reportReturnType]
    c = x.shape[1]
    kernel = binomial_kernel(c, 4.0, x.device, x.dtype)
    return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=c)


def downsample2(x: Tensor) -> Tensor:
    """[B, C, H, W] → [B, C, H/2, W/2] with FIR(pad 1, 1)."""
    return fir(x, 1, 1, stride=2)
