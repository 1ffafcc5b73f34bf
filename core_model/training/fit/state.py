"""Resume state of a stage of a fit: step, weights, average, Adam's moments, and what keeps w readable.

A packed state is one file in half precision, with the settings, to go on with another day or on another machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from core_model.schema.atomic import made_folder, write_atomic
from core_model.schema.errors import InputError
from core_model.schema.fit import FitConfig
from core_model.schema.overrides import apply_overrides
from core_model.schema.whole import whole
from core_model.training.common.run_directory import saved_config
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


def pack_state(run: Path, target: Path) -> None:
    """The generator's state of the run in `run` as one file: weights in float16, moments (whose range is wider) in bfloat16."""
    told, tensors = read_state(run / "state.safetensors", _COMMAND)
    cfg = saved_config(run, FitConfig)
    short = {k: v.to(_short_type(k)) if v.dtype == torch.float32 else v for k, v in tensors.items()}
    target.parent.mkdir(parents=True, exist_ok=True)
    write_state(target, short, {**told, "config": cfg.model_dump_json()})


def unpack_state(source: Path, run: Path, changes: Sequence[tuple[str, str]]) -> None:
    """A new run directory that goes on from a packed state, its settings changed as told. Raises InputError."""
    told, tensors = read_state(source, _COMMAND)
    if (run / "config.json").exists():
        raise InputError(
            what="run directory is in use", where=str(run), expected="a new folder", got="config.json"
        )
    if "config" not in told:
        raise unreadable(source, _COMMAND, "no settings")
    cfg = apply_overrides(FitConfig.model_validate_json(told["config"]), changes, "fit")
    made_folder(run, str(run))
    write_state(run / "state.safetensors", {k: v.float() for k, v in tensors.items()}, {"step": told["step"]})
    write_atomic(run / "config.json", cfg.model_dump_json(indent=1).encode())


def _short_type(name: str) -> torch.dtype:
    moment = name.startswith("adam/") and not name.endswith("/step")
    return torch.bfloat16 if moment else torch.float32 if name.startswith("adam/") else torch.float16


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
    step = whole(told.get("step", ""))
    if step is None:
        raise unreadable(path, _COMMAND, "no step")
    return step
