"""One scalar to differentiate, with what the program reports beside it."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Term:
    """value: mean over the micro-batch, before the phase's gain (its interval). reports: tensors without
    gradients by the program's names, such as losses and logits image by image. seen: what a discriminator
    was given, and other pictures on the way.
    """

    value: Tensor
    reports: dict[str, Tensor] = field(default_factory=dict)
    seen: dict[str, Tensor] = field(default_factory=dict)


def swapped(label: Tensor, probability: float | None, u: Tensor | None) -> Tensor | None:
    """The label that the generator is conditioned on: its neighbour's in the batch where u < probability.

    label [B, L], u [B, 1] (or one number for all). probability None: no conditioning. EG3D, section 4.3.
    """
    if probability is None:
        return None
    assert u is not None
    return torch.where(u < probability, label.roll(1, 0), label)


def logit_reports(name: str, logits: Tensor) -> dict[str, Tensor]:
    """The program's `scores` and `signs`."""
    return {f"scores_{name}": logits.detach(), f"signs_{name}": logits.detach().sign()}
