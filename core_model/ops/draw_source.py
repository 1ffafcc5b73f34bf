"""Where the random numbers of a training phase come from.

The three programs (EG3D, EpiGRAF, Mimic3D) draw in a fixed order, which their phases here keep. So a phase
takes its numbers from a `DrawSource`: seeded ones in a training, recorded ones where a phase is compared with
the program that it follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class DrawSource(Protocol):
    """Random tensors in the order in which they are asked for."""

    def uniform(self, *shape: int) -> Tensor:
        """U on [0, 1)."""
        ...

    def normal(self, *shape: int) -> Tensor:
        """N(0, 1)."""
        ...

    def beta(self, alpha: float, beta: float, count: int) -> Tensor:
        """Beta(alpha, beta), [count]."""
        ...

    def choice(self, options: int, count: int) -> Tensor:
        """Whole numbers 0 … options - 1, [count] int64."""
        ...

    def keep(self, probability: float, *shape: int) -> Tensor:
        """1 with this probability, else 0."""
        ...


class TorchDraws:
    """Numbers of one torch generator, on its device moved to `device`."""

    def __init__(self, rng: torch.Generator, device: torch.device | str | None = None) -> None:
        self.rng = rng
        self.device = torch.device(device) if device is not None else rng.device

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.rng, device=self.rng.device).to(self.device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.rng, device=self.rng.device).to(self.device)

    def beta(self, alpha: float, beta: float, count: int) -> Tensor:
        if alpha == 1.0:  # 1 - x^(1/β) of a uniform x; computed in double, for β near 0 is a step
            u = torch.rand(count, generator=self.rng, device=self.rng.device, dtype=torch.float64)
            return (1.0 - (1.0 - u) ** (1.0 / beta)).float().to(self.device)
        seed = int(torch.randint(1 << 62, (), generator=self.rng, device=self.rng.device))
        return torch.from_numpy(np.random.default_rng(seed).beta(alpha, beta, count)).float().to(self.device)

    def choice(self, options: int, count: int) -> Tensor:
        found = torch.randint(options, (count,), generator=self.rng, device=self.rng.device)
        return found.to(self.device)

    def keep(self, probability: float, *shape: int) -> Tensor:
        return (self.uniform(*shape) < probability).float()


class ImageDraws:
    """Numbers for a batch whose rows depend on the seed of their image alone.

    Draws must have one row for each image. So a batch that is split over processes or micro-batches gets the
    numbers that the whole batch would get. there: drawn on the device itself instead of the CPU, for many numbers.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device | str, *, there: bool = False) -> None:
        self.device = torch.device(device)
        drawn_on = self.device if there else torch.device("cpu")
        self._each = [torch.Generator(device=drawn_on).manual_seed(seed) for seed in seeds]

    def uniform(self, *shape: int) -> Tensor:
        rest = self._rest(shape)
        return torch.stack([torch.rand(rest, generator=rng, device=rng.device) for rng in self._each]).to(
            self.device
        )

    def normal(self, *shape: int) -> Tensor:
        rest = self._rest(shape)
        return torch.stack([torch.randn(rest, generator=rng, device=rng.device) for rng in self._each]).to(
            self.device
        )

    def beta(self, alpha: float, beta: float, count: int) -> Tensor:
        self._rest((count,))
        return torch.cat([TorchDraws(rng).beta(alpha, beta, 1) for rng in self._each]).to(self.device)

    def choice(self, options: int, count: int) -> Tensor:
        self._rest((count,))
        return torch.cat([TorchDraws(rng).choice(options, 1) for rng in self._each]).to(self.device)

    def keep(self, probability: float, *shape: int) -> Tensor:
        return (self.uniform(*shape) < probability).float()

    def _rest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if not shape or shape[0] != len(self._each):
            raise ValueError(f"draws for {len(self._each)} images expected, got the shape {list(shape)}")
        return shape[1:]
