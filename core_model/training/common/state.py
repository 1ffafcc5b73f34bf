"""Resume states as safetensors files: tensors by name and a few strings of metadata. Written atomically,
never pickled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from core_model.schema.atomic import replacing
from core_model.schema.errors import InputError


def write_state(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Replace `path` atomically, also across a crash of the machine."""
    # copies of their own: safetensors refuses tensors that share memory, and keeps no strides
    plain = {k: v.detach().cpu().clone(memory_format=torch.contiguous_format) for k, v in tensors.items()}
    with replacing(path, durable=True) as temporary:
        save_file(plain, temporary, metadata=metadata)


def read_state(
    path: Path, command: str, wanted: Callable[[str], bool] = lambda name: True
) -> tuple[dict[str, str], dict[str, Tensor]]:
    """(metadata, tensors of `wanted` names) of a state that `command` wrote. Raises InputError."""
    try:
        with safe_open(path, framework="pt") as file:
            names = [name for name in file.keys() if wanted(name)]  # noqa: SIM118 - a safetensors file is no mapping
            return file.metadata() or {}, {name: file.get_tensor(name) for name in names}
    except Exception as error:  # safetensors raises its own type for every kind of damage
        raise unreadable(path, command, str(error)) from None


def unreadable(path: Path, command: str, got: str) -> InputError:
    """The one line about a resume state that is none."""
    expected = f"a state that {command} wrote"
    return InputError(what="unreadable resume state", where=str(path), expected=expected, got=got)


def under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Tensors whose names begin with `prefix`, without it."""
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def adam_tensors(optimiser: torch.optim.Optimizer, prefix: str) -> dict[str, Tensor]:
    """Moments and step counts as PREFIXi/NAME of the i-th parameter."""
    return {
        f"{prefix}{i}/{name}": value
        for i, p in enumerate(_parameters(optimiser))
        for name, value in optimiser.state.get(p, {}).items()
    }


def fill_adam(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor], prefix: str) -> None:
    """Moments and step counts as `adam_tensors` named them, on the devices of their parameters."""
    optimiser.state.clear()
    for i, p in enumerate(_parameters(optimiser)):
        found = under(tensors, f"{prefix}{i}/")
        if found:
            # Adam counts its steps on the CPU
            optimiser.state[p] = {k: v.clone() if k == "step" else v.to(p.device) for k, v in found.items()}


def _parameters(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return [p for group in optimiser.param_groups for p in group["params"]]
