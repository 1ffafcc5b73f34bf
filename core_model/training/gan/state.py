"""Everything that the next step depends on, in one safetensors file: networks, average, both Adams, counters.

Nothing is pickled. Random numbers and schedule are functions of the step (see `draws`), and the data order is
a function of the position, so a few counters are enough for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError
from torch import Tensor

from core_model.data.order import DataPosition
from core_model.losses.ada import AdaState
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen
from core_model.training.common.state import (
    adam_tensors,
    fill_adam,
    read_state,
    under,
    unreadable,
    write_state,
)
from core_model.training.gan.networks import named_tensors
from core_model.training.gan.optimise import Optimisers
from core_model.training.gan.recipes.interface import Networks, Recipe

STATE_VERSION = 1
_KEY = "triscope_train_state"
_COMMAND = "triscope train"


class Counters(Frozen):
    """State that is not tensors: steps done, position in the data, ADA, time spent, consecutive steps without
    an update.
    """

    version: int = STATE_VERSION
    step: int = Field(ge=0)
    seed: int
    position: DataPosition
    ada: AdaState = AdaState()
    wall_s: float = 0.0
    bad_steps: int = 0
    bad_in_a_row: int = 0


@dataclass(frozen=True)
class Trained:
    """The parts whose tensors make a state."""

    recipe: Recipe
    optimisers: Optimisers

    @property
    def networks(self) -> Networks:
        return self.recipe.networks


def save_state(path: Path, trained: Trained, counters: Counters) -> None:
    """Write the state atomically and flush it to disk."""
    tensors: dict[str, Tensor] = {}
    for part, module in trained.networks.modules().items():
        tensors |= {f"{part}/{name}": value for name, value in named_tensors(module).items()}
    for part, optimiser in trained.optimisers.all().items():
        tensors |= adam_tensors(optimiser, f"adam/{part}/")
    write_state(path, tensors, {_KEY: counters.model_dump_json()})


def load_state(path: Path, trained: Trained) -> Counters:
    """Fill the networks and optimisers; nothing is changed unless the whole file is read and fits. Raises
    InputError.
    """
    told, tensors = read_state(path, _COMMAND)
    try:
        counters = Counters.model_validate_json(told[_KEY])
    except (ValidationError, KeyError):
        raise _unreadable(path, "no training state of this version") from None
    if counters.version != STATE_VERSION:
        raise _unreadable(path, f"version {counters.version}")
    for part, module in trained.networks.modules().items():
        wrong = _misfits(named_tensors(module), under(tensors, f"{part}/"))
        if wrong:
            raise _unreadable(path, f"{part}/{wrong}, which is not of these networks")
    for part, module in trained.networks.modules().items():
        module.load_state_dict(under(tensors, f"{part}/"))
    for part, optimiser in trained.optimisers.all().items():
        fill_adam(optimiser, tensors, f"adam/{part}/")
    return counters


def load_weights(path: Path, networks: Networks, fresh: tuple[str, ...] = ()) -> int:
    """The weights of a state, without its optimisers and counters, into networks of the same sizes; returns
    how many tensors. fresh: beginnings of names (`network/tensor`) that it may lack.

    Raises InputError when the file is none or does not fit.
    """
    _, tensors = read_state(path, _COMMAND, lambda name: not name.startswith("adam/"))
    taken = len(tensors)
    for part, module in networks.modules().items():
        for name, value in named_tensors(module).items():
            if f"{part}/{name}".startswith(fresh):
                tensors.setdefault(f"{part}/{name}", value)
    for part, module in networks.modules().items():
        wrong = _misfits(named_tensors(module), under(tensors, f"{part}/"))
        if wrong:
            raise _unreadable(path, f"{part}/{wrong}, which is not of these networks")
    for part, module in networks.modules().items():
        module.load_state_dict(under(tensors, f"{part}/"))
    return taken


def _misfits(own: dict[str, Tensor], found: dict[str, Tensor]) -> str:
    """The first tensor that is missing, unknown, or of another shape; empty when all fit."""
    for name in [*own, *found]:
        if name not in own or name not in found or own[name].shape != found[name].shape:
            return name
    return ""


def _unreadable(path: Path, got: str) -> InputError:
    return unreadable(path, _COMMAND, got)
