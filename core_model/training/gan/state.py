"""Everything that the next step depends on, as one safetensors file: networks, average, both Adams, counters. Nothing is pickled.

Random numbers and the schedule are functions of the step (see `draws`), and the data order is a function of the position, so a few
counters stand for them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import Field, ValidationError
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from core_model.data.order import DataPosition
from core_model.losses.ada import AdaState
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen
from core_model.training.gan.networks import Networks, named_tensors
from core_model.training.gan.optimise import Optimisers

STATE_VERSION = 1
_KEY = "triscope_train_state"


class Counters(Frozen):
    """What is not a tensor: steps done, place in the data, ADA, time spent, steps without a move."""

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

    networks: Networks
    optimisers: Optimisers


def save_state(path: Path, trained: Trained, counters: Counters) -> None:
    """Write the state atomically and flush it to disk."""
    tensors: dict[str, Tensor] = {}
    for part, module in trained.networks.modules().items():
        tensors |= {f"{part}/{name}": value for name, value in named_tensors(module).items()}
    for part, optimiser in trained.optimisers.both().items():
        for i, p in enumerate(_parameters(optimiser)):
            for name, value in optimiser.state.get(p, {}).items():
                tensors[f"adam/{part}/{i}/{name}"] = value
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # copies of their own: safetensors refuses tensors that share memory
        plain = {k: v.detach().cpu().clone(memory_format=torch.contiguous_format) for k, v in tensors.items()}
        save_file(plain, temporary, metadata={_KEY: counters.model_dump_json()})
        handle = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_state(path: Path, trained: Trained) -> Counters:
    """Fill the networks and optimisers; nothing is changed unless the whole file is read and fits. Raises InputError."""
    try:
        with safe_open(path, framework="pt") as file:
            counters = Counters.model_validate_json((file.metadata() or {})[_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - a safetensors file is no mapping
    except (ValidationError, KeyError):
        raise _unreadable(path, "no training state of this version") from None
    except Exception as error:  # safetensors raises its own type for every kind of damage
        raise _unreadable(path, str(error)) from None
    if counters.version != STATE_VERSION:
        raise _unreadable(path, f"version {counters.version}")
    for part, module in trained.networks.modules().items():
        wrong = _misfits(named_tensors(module), _under(tensors, f"{part}/"))
        if wrong:
            raise _unreadable(path, f"{part}/{wrong}, which is not of these networks")
    for part, module in trained.networks.modules().items():
        module.load_state_dict(_under(tensors, f"{part}/"))
    for part, optimiser in trained.optimisers.both().items():
        optimiser.state.clear()
        for i, p in enumerate(_parameters(optimiser)):
            found = _under(tensors, f"adam/{part}/{i}/")
            if found:
                # Adam counts its steps on the CPU
                optimiser.state[p] = {k: v.clone() if k == "step" else v.to(p.device) for k, v in found.items()}
    return counters


def load_weights(path: Path, networks: Networks) -> int:
    """The weights of a state, without its optimisers and counters, into networks of the same sizes; returns how many tensors.

    Raises InputError when the file is none or does not fit.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys() if not name.startswith("adam/")}  # noqa: SIM118
    except Exception as error:
        raise _unreadable(path, str(error)) from None
    for part, module in networks.modules().items():
        wrong = _misfits(named_tensors(module), _under(tensors, f"{part}/"))
        if wrong:
            raise _unreadable(path, f"{part}/{wrong}, which is not of these networks")
    for part, module in networks.modules().items():
        module.load_state_dict(_under(tensors, f"{part}/"))
    return len(tensors)


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def _misfits(own: dict[str, Tensor], found: dict[str, Tensor]) -> str:
    """The first tensor that is missing, unknown, or of another shape; empty when all fit."""
    for name in [*own, *found]:
        if name not in own or name not in found or own[name].shape != found[name].shape:
            return name
    return ""


def _unreadable(path: Path, got: str) -> InputError:
    return InputError(what="unreadable resume state", where=str(path), expected="a state that triscope train wrote", got=got)


def _parameters(optimiser: torch.optim.Adam) -> list[Tensor]:
    return [p for group in optimiser.param_groups for p in group["params"]]
