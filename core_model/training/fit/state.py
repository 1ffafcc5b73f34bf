"""Resume state of a fit as one safetensors file: step, weights, average, Adam's moments. Nothing is pickled."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from core_model.schema.errors import InputError
from core_model.training.fit.mapping_stage import Readout


def save_state(
    path: Path, step: int, weights: dict[str, Tensor], average: dict[str, Tensor], optimizer: torch.optim.Optimizer,
    readout: Readout | None = None,
) -> None:  # fmt: skip
    """Write everything that the next step depends on, atomically."""
    tensors = {f"model/{k}": v for k, v in weights.items()} | {f"average/{k}": v for k, v in average.items()}
    for i, p in enumerate(_parameters(optimizer)):
        for name, value in optimizer.state.get(p, {}).items():
            tensors[f"adam/{i}/{name}"] = value
    if readout is not None:
        tensors |= {"readout/weight": readout.weight, "readout/bias": readout.bias}
    temp = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    # safetensors keeps no strides: contiguous copies, so that a resumed run sees the same numbers
    save_file({k: v.detach().contiguous().clone() for k, v in tensors.items()}, temp, metadata={"step": str(step)})
    os.replace(temp, path)


def load_state(path: Path, optimizer: torch.optim.Optimizer) -> tuple[int, dict[str, Tensor], dict[str, Tensor], Readout | None]:
    """(step, weights, average, readout); Adam's moments go into `optimizer`. A state of an earlier version has no readout."""
    try:
        with safe_open(path, framework="pt") as f:
            step = int((f.metadata() or {})["step"])
            tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118 - a safetensors file is no mapping
    except Exception as error:  # safetensors raises its own type for every kind of damage
        raise InputError(
            what="unreadable resume state", where=str(path), expected="a state that triscope fit wrote", got=str(error)
        ) from error
    for i, p in enumerate(_parameters(optimizer)):
        prefix = f"adam/{i}/"
        found = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
        if found:
            optimizer.state[p] = {k: (v if k == "step" else v.clone(memory_format=torch.preserve_format)) for k, v in found.items()}
    pick = lambda tag: {k[len(tag) :]: v for k, v in tensors.items() if k.startswith(tag)}  # noqa: E731
    readout = Readout(tensors["readout/weight"], tensors["readout/bias"]) if "readout/weight" in tensors else None
    return step, pick("model/"), pick("average/"), readout


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]
