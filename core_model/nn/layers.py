"""Equalised-rate layers of StyleGAN2: fully connected, style-modulated convolution, ToRGB."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.ops.modconv import modulated_conv2d

SQRT2 = math.sqrt(2.0)


def second_moment_norm(x: Tensor) -> Tensor:
    """x / rms(x) over the last axis."""
    return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + 1e-8)


def scaled_lrelu(x: Tensor) -> Tensor:
    """√2 · leaky_relu(x, 0.2)."""
    return F.leaky_relu(x, 0.2) * SQRT2


def fresh_normal(*shape: int, divisor: float = 1.0) -> Tensor:
    """N(0, 1) / divisor for new weights.

    On the meta device only the shape: random numbers there make torch load its compiler, which would add more
    than a second to the opening of a checkpoint.
    """
    if torch.get_default_device().type == "meta":
        return torch.empty(shape)
    return torch.randn(shape) / divisor


class EqualLinear(nn.Module):
    """y = act(x · (W·m/√in)ᵀ + m·b); `lr_mul` is m."""

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        lr_mul: float = 1.0,
        bias_init: float = 0.0,
        activate: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(fresh_normal(out_dim, in_dim, divisor=lr_mul))
        self.bias = nn.Parameter(torch.full((out_dim,), float(bias_init)))
        self.weight_gain = lr_mul / math.sqrt(in_dim)
        self.bias_gain = lr_mul
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        y = F.linear(x, self.weight * self.weight_gain, self.bias * self.bias_gain)
        return scaled_lrelu(y) if self.activate else y


class StyleConv(nn.Module):
    """Modulated 3x3 convolution + noise + bias + √2·lrelu, clamped when `clamp` is set."""

    noise_const: Tensor

    def __init__(
        self,
        in_ch: int,
        out_ch: int,
        w_dim: int,
        resolution: int,
        *,
        up: int = 1,
        use_noise: bool = True,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.up, self.clamp, self.use_noise = up, clamp, use_noise
        self.affine = EqualLinear(w_dim, in_ch, bias_init=1.0)
        self.weight = nn.Parameter(fresh_normal(out_ch, in_ch, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_ch))
        if use_noise:
            self.register_buffer("noise_const", fresh_normal(resolution, resolution))
            self.noise_strength = nn.Parameter(torch.zeros([]))

    def forward(
        self, x: Tensor, w: Tensor, noise: str = "const", rng: torch.Generator | None = None
    ) -> Tensor:
        """x [B, I, H, W], w [B, D] → [B, O, up·H, up·W]; noise is const, random or none."""
        return self.modulate(x, self.affine(w), noise, rng)

    def modulate(
        self, x: Tensor, styles: Tensor, noise: str = "const", rng: torch.Generator | None = None
    ) -> Tensor:
        """The convolution of `forward` with the styles [B, I] given."""
        # √2·lrelu(y + b) = lrelu(√2·y + √2·b): the gain rides on factors that are multiplied in anyway
        y = modulated_conv2d(x, self.weight, styles, up=self.up, bias=self.bias * SQRT2, gain=SQRT2)
        if self.use_noise and noise != "none":
            grid = self.noise_const
            if noise == "random":
                grid = torch.randn(
                    (y.shape[0], 1, *y.shape[2:]), generator=rng, device=y.device, dtype=y.dtype
                )
            added = (grid * (self.noise_strength * SQRT2)).to(y.dtype)
            y = y + added if torch.is_grad_enabled() else y.add_(added)
        return leaky_clamped(y, 0.2, self.clamp)


class ToRGB(nn.Module):
    """1x1 modulated convolution without demodulation: features → image or plane channels."""

    def __init__(self, in_ch: int, out_ch: int, w_dim: int, *, clamp: float | None = None) -> None:
        super().__init__()
        self.affine = EqualLinear(w_dim, in_ch, bias_init=1.0)
        self.weight = nn.Parameter(fresh_normal(out_ch, in_ch, 1, 1))
        self.bias = nn.Parameter(torch.zeros(out_ch))
        self.style_gain = 1.0 / math.sqrt(in_ch)
        self.clamp = clamp

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return self.modulate(x, self.affine(w))

    def modulate(self, x: Tensor, styles: Tensor) -> Tensor:
        """The result of `forward` with the styles [B, I] given (before their gain)."""
        y = modulated_conv2d(x, self.weight, styles * self.style_gain, demodulate=False, bias=self.bias)
        return y if self.clamp is None else y.clamp(-self.clamp, self.clamp)


CHUNK = 1 << 17  # values that stay in a core's cache between two operations


def leaky_clamped(x: Tensor, slope: float, bound: float | None) -> Tensor:
    """leaky_relu, then clamp to ±bound; x is overwritten where no gradient is asked for.

    A new feature map of 512 pixels costs more in fresh memory than in arithmetic, and two passes over it more
    than one by pieces.
    """
    if x.requires_grad or torch.is_grad_enabled():
        y = F.leaky_relu(x, slope)
        return y if bound is None else y.clamp(-bound, bound)
    flat = x.permute(0, 2, 3, 1) if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last) else x
    if bound is None or x.device.type != "cpu" or not flat.is_contiguous():
        F.leaky_relu_(x, slope)
        return x if bound is None else x.clamp_(-bound, bound)
    for part in flat.reshape(-1).split(CHUNK):
        F.leaky_relu_(part, slope).clamp_(-bound, bound)
    return x
