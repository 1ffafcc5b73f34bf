"""Draws that are all at one percentile, as StyleGAN2-ADA's debugging switch makes them."""

from __future__ import annotations

import torch
from torch import Tensor

SECOND_ROTATION = 12
"""Place of the augmentation's last rotation among its draws; the switch leaves it at zero."""


class PercentileDraws:
    """A `DrawSource` for the augmentation with all twelve changes on; use it with p = 2, so that all happen."""

    def __init__(self, percentile: float) -> None:
        self.percentile, self._count = torch.tensor(percentile), -1

    def uniform(self, *shape: int) -> Tensor:
        self._count += 1
        value = torch.tensor(0.5) if self._count == SECOND_ROTATION else self.percentile
        return value.expand(shape)

    def normal(self, *shape: int) -> Tensor:
        self._count += 1
        return torch.erfinv(self.percentile * 2 - 1).expand(shape)

    def beta(self, alpha: float, beta: float, count: int) -> Tensor:
        raise ValueError("the augmentation draws no Beta")

    def choice(self, options: int, count: int) -> Tensor:
        raise ValueError("the augmentation draws no choice")

    def keep(self, probability: float, *shape: int) -> Tensor:
        raise ValueError("the augmentation draws no mask")
