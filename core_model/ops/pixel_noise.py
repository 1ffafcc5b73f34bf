"""Uniform random numbers that depend on their place alone: (seed, pixel, stream, sample) → [0, 1).

A picture drawn from them is the same whatever tiles it is rendered in, and one ray can be repeated without
the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

_LOW = 0xFFFFFFFF
_GOLDEN, _OTHER = 0x9E3779B1, 0x85EBCA77


@dataclass(frozen=True)
class PixelNoise:
    """Numbers for R rays: pixels [R] are flat indices in the whole picture.

    stream tells independent draws on one ray apart.

    common: one number in place of them all (see `frame_shift`).
    """

    seed: int
    pixels: Tensor
    stream: int = 0
    common: float | None = None

    def uniform(self, n: int) -> Tensor:
        """[R, n] float32 in [0, 1)."""
        device = self.pixels.device
        if self.common is not None:
            return torch.full((len(self.pixels), n), self.common, device=device)
        # two rounds per key: neighbouring pixels, samples and seeds must not share low bits
        key = torch.tensor([self.seed & _LOW, self.stream & _LOW], device=device, dtype=torch.int64)
        key = _mix(key[0] + _mix(key[1] * _GOLDEN + 1))
        ray = _mix((self.pixels.long() * _GOLDEN + key) & _LOW)
        sample = torch.arange(n, device=device, dtype=torch.int64)
        x = _mix((ray[:, None] + _mix(sample * _OTHER + key)) & _LOW)
        return (x >> 8).float() * 2.0**-24

    def select(self, index: Tensor) -> PixelNoise:
        """The same numbers for some of the rays (mask or positions)."""
        return replace(self, pixels=self.pixels[index])

    def again(self) -> PixelNoise:
        """Further numbers for the same rays, independent of these."""
        return replace(self, stream=self.stream + 1)


def frame_shift(number: int) -> float:
    """Offset in (0, 1) of frame `number` of a mean.

    The van der Corput sequence 1/2, 1/4, 3/4, 1/8 … from frame 0 on. All rays and strata of a frame share it.
    Samples then keep their spacing, so that the lengths they stand for still add up to the ray (independent
    offsets lose length wherever one is clipped to its bin: a sixth of a stretch of bins with one sample each,
    and thin surfaces flicker), and N frames stand at N different, nearly even places of every stratum, the
    middles of an unjittered frame first.
    """
    shift, share = 0.0, 0.5
    number += 1
    while number:
        shift += share * (number & 1)
        number, share = number >> 1, 0.5 * share
    return shift


def _mix(x: Tensor) -> Tensor:
    """A 32-bit integer hash on int64.

    Xor-shift and multiply (products wrap; only the low 32 bits are kept).
    """
    x = x & _LOW
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = ((x ^ (x >> shift)) * factor) & _LOW
    return x ^ (x >> 16)
