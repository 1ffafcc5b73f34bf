"""Tri-planes with some of them made flat, to see what each of them carries."""

from __future__ import annotations

import torch

from core_model.fields.triplane import Planes
from core_model.schema.errors import InputError
from core_model.schema.latent import Ablation


def triplane_levels(planes: Planes) -> int:
    """How many of the levels are tri-planes [B, 3, C, H, W].

    Some families keep their background behind them.
    """
    count = 0
    for level in planes.levels:
        if level.dim() != 5 or level.shape[1] != 3:
            break
        count += 1
    return count


def ablated(planes: Planes | None, how: Ablation, where: str) -> Planes:
    """A copy in which the chosen planes hold their mean over [H, W] (each channel its own) or zero.

    The others are shared. Raises InputError for families without planes and for a level that the family does
    not have. where: for messages.
    """
    if planes is None:
        raise InputError(
            what="no plane to ablate", where=where, expected="a family with tri-planes", got="a closed form"
        )
    count = triplane_levels(planes)
    levels = list(planes.levels)
    for number, plane in how.planes:
        if number >= count:
            raise InputError(
                what="no such plane to ablate",
                where=where,
                expected=f"level 0 to {count - 1}",
                got=f"level {number}",
            )
        if levels[number] is planes.levels[number]:
            levels[number] = levels[number].clone()
        flat = levels[number][:, plane]
        flat.copy_(flat.mean(dim=(-2, -1), keepdim=True) if how.fill == "mean" else torch.zeros_like(flat))
    return Planes(tuple(levels), planes.conventions)
