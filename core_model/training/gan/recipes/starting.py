"""Weights of another run or program as the start of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from core_model.schema.errors import InputError
from core_model.training.gan.recipes.interface import Networks


def fill(networks: Networks, tensors: Mapping[str, Tensor], source: str, optional: Sequence[str] = ()) -> int:
    """Generator and average from the tensors of a checkpoint; returns how many tensors were taken.

    optional: beginnings of names that a checkpoint may lack. Raises InputError naming the first tensor that is
    missing or does not fit; nothing is changed then.
    """
    own = networks.generator.state_dict()
    missing = [n for n in own if n not in tensors and not n.startswith(tuple(optional))]
    wrong = [n for n in own if n in tensors and tensors[n].shape != own[n].shape]
    for names, what in ((missing, "lacks tensor"), (wrong, "has another shape of tensor")):
        if names:
            raise InputError(
                what=f"cannot start: the checkpoint {what} {names[0]!r}",
                where=source,
                expected="the networks of this preset",
            )
    merged = {**own, **{n: t for n, t in tensors.items() if n in own}}
    networks.generator.load_state_dict(merged)
    networks.average.load_state_dict(merged)
    return sum(n in tensors for n in own)
