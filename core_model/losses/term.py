"""A loss that a step adds up: its name, its value, and the weight that the settings give it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class LossTerm:
    """value: scalar with gradients, before the weight; that is what ticks tell."""

    name: str
    value: Tensor
    weight: float

    @property
    def weighted(self) -> Tensor:
        """What is added to the step's loss."""
        return self.weight * self.value
