"""Native checkpoints: write, load, and put into a module, with errors that name the tensor."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from core_model.checkpoints.layout import METADATA_KEY, StoredCheckpoint, file_sha256, read_header
from core_model.schema.atomic import replacing
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError

__all__ = ["StoredCheckpoint", "file_sha256", "load_into", "load_tensors", "read_header", "save_checkpoint"]

FLOAT16_MAX = 65504.0


def save_checkpoint(
    path: str | os.PathLike[str], header: CheckpointHeader, state: Mapping[str, Tensor], *, half: bool = False
) -> Path:
    """Write `state` and its description as one file.

    The old file stays whole until the new one is complete.

    half: store float32 tensors as float16 where no value leaves its range (loading gives float32 again).
    Raises InputError for tensors with NaN or infinity: such a checkpoint could not be opened again.
    """
    path = Path(path)
    check_finite(state, where=str(path))
    tensors = {name: _storable(tensor, half) for name, tensor in state.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, durable=True) as temporary:
        save_file(tensors, temporary, metadata={"format": "pt", METADATA_KEY: header.model_dump_json()})
    _flush_to_disk(path.parent)
    return path


def load_tensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """All tensors of a native checkpoint on the CPU, half precision widened to float32; all finite."""
    stored = read_header(path)
    try:
        tensors = load_file(stored.path, device="cpu")
    except (SafetensorError, OSError, RuntimeError) as error:
        raise InputError(
            what="cannot read the checkpoint's tensors", where=str(path), got=str(error)
        ) from None
    check_finite(tensors, where=str(path))
    narrow = (torch.float16, torch.bfloat16)
    return {name: t.float() if t.dtype in narrow else t for name, t in tensors.items()}


def check_finite(state: Mapping[str, Tensor], where: str) -> None:
    """Raise InputError naming the first tensor with NaN or infinity, and how many others have some."""
    bad = [name for name, t in state.items() if t.is_floating_point() and not bool(torch.isfinite(t).all())]
    if bad:
        first = state[bad[0]]
        count = int((~torch.isfinite(first)).sum())
        more = f" (and {len(bad) - 1} more tensors)" if len(bad) > 1 else ""
        raise InputError(
            what="NaN or infinity in the checkpoint",
            where=where,
            expected="finite weights",
            got=f"{count} of {first.numel()} values of tensor {bad[0]!r}{more}",
        )


def load_into(module: nn.Module, state: Mapping[str, Tensor], where: str) -> None:
    """Copy `state` into `module`, strictly; raises InputError naming the first tensor that does not fit.

    Nothing is copied unless everything fits. Parameters keep the module's dtype and device.
    """
    own = module.state_dict()
    missing = [name for name in own if name not in state]
    unexpected = [name for name in state if name not in own]
    wrong = [name for name, t in own.items() if name in state and t.shape != state[name].shape]
    for names, what in ((missing, "lacks tensor"), (unexpected, "has an unknown tensor")):
        if names:
            raise InputError(
                what=f"checkpoint {what}",
                where=where,
                expected=f"the {len(own)} tensors of its model",
                got=f"{names[0]!r}{_others(names)}",
            )
    if wrong:
        name = wrong[0]
        raise InputError(
            what=f"wrong shape of tensor {name!r}{_others(wrong)}",
            where=where,
            expected=f"{list(own[name].shape)}",
            got=f"{list(state[name].shape)}",
        )
    module.load_state_dict(dict(state), strict=True)


def _others(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def _storable(tensor: Tensor, half: bool) -> Tensor:
    """A contiguous CPU copy of its own (safetensors refuses tensors that share storage)."""
    t = tensor.detach().to("cpu")
    if half and t.dtype == torch.float32 and (t.numel() == 0 or float(t.abs().max()) <= FLOAT16_MAX):
        return t.to(torch.float16).contiguous()
    return t.clone(memory_format=torch.contiguous_format)


def _flush_to_disk(path: Path) -> None:
    """fsync of a file or, where the system has it, of a folder."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
