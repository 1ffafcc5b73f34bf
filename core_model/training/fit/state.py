"""Resume state of a stage of a fit: step, weights, average, Adam's moments, and what keeps w readable."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from core_model.training.common.state import (
    adam_tensors,
    fill_adam,
    read_state,
    under,
    unreadable,
    write_state,
)
from core_model.training.fit.mapping_stage import Readout

_COMMAND = "triscope fit"


def save_state(
    path: Path,
    step: int,
    weights: dict[str, Tensor],
    average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    readout: Readout | None = None,
) -> None:
    """Write everything that the next step depends on, atomically."""
    tensors = {f"model/{k}": v for k, v in weights.items()} | {f"average/{k}": v for k, v in average.items()}
    tensors |= adam_tensors(optimizer, "adam/")
    if readout is not None:
        tensors |= {"readout/weight": readout.weight, "readout/bias": readout.bias}
    write_state(path, tensors, {"step": str(step)})


def saved_step(path: Path) -> int:
    """Steps that the state has behind it. Raises InputError for a file that is no state."""
    told, _ = read_state(path, _COMMAND, lambda name: False)
    return _step(path, told)


def load_state(
    path: Path, optimizer: torch.optim.Optimizer
) -> tuple[int, dict[str, Tensor], dict[str, Tensor], Readout | None]:
    """(step, weights, average, readout); Adam's moments go into `optimizer`.

    A state of an earlier version has no readout.
    """
    told, tensors = read_state(path, _COMMAND)
    fill_adam(optimizer, tensors, "adam/")
    readout = under(tensors, "readout/")
    kept = Readout(readout["weight"], readout["bias"]) if readout else None
    return _step(path, told), under(tensors, "model/"), under(tensors, "average/"), kept


def _step(path: Path, told: dict[str, str]) -> int:
    if not told.get("step", "").isdecimal():
        raise unreadable(path, _COMMAND, "no step")
    return int(told["step"])
