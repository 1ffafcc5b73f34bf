"""Opening checkpoints: header → description, tensors → model in memory."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from core_model.checkpoints.codes import base_of, described, is_code, read_code, tuned_tensors
from core_model.checkpoints.describe import describe_checkpoint, describe_stored, file_of
from core_model.checkpoints.importing import is_foreign, open_source
from core_model.checkpoints.store import load_into, load_tensors, read_header
from core_model.families import FAMILIES, Model
from core_model.ops.devices import free_bytes
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError, OutOfMemory, is_out_of_memory
from core_model.session.room import no_room_for


@dataclass(frozen=True)
class OpenCheckpoint:
    """A model in memory with its description; `stamp` tells whether the file changed since."""

    info: CheckpointInfo
    model: Model
    stamp: tuple[int, int]


def open_checkpoint(path: str, device: torch.device) -> OpenCheckpoint:
    """Description, network and weights on `device`; raises OutOfMemory where they have no room, and InputError."""
    stamp = file_stamp(path)  # before reading: a file that is replaced meanwhile is noticed next time
    file = file_of(path)
    code = read_code(file) if is_code(file) else None
    base = base_of(code) if code is not None else file
    foreign = open_source(base) if is_foreign(base) else None
    stored = None if foreign is None else foreign.stored
    if code is not None:
        stored = described(code, stored or read_header(base))
    info = describe_stored(path, stored) if stored is not None else describe_checkpoint(path)
    # a code's camera is no prior: the mapping's label comes from its checkpoint's
    header = info.header if code is None else (foreign.stored if foreign else read_header(base)).header
    model = FAMILIES.get(info.family, where=path).build(header, path)
    try:
        if model.module is not None:
            state = foreign.tensors if foreign is not None else load_tensors(base)
            if code is not None:
                state = tuned_tensors(code, state)
            module = model.module.to_empty(device="cpu")
            load_into(module, state, where=path)
            if device.type == "cpu":  # the layout that CPU convolutions want
                module.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
            module.to(device).eval().requires_grad_(False)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    else:
        return OpenCheckpoint(info, model, stamp)
    raise OutOfMemory(no_room_for(info, "opening", free_bytes(device)))


def file_stamp(path: str) -> tuple[int, int]:
    """(modification time [ns], size) of the file behind a path; zeros where there is none."""
    try:
        status = os.stat(file_of(path))
    except (OSError, InputError):
        return 0, 0
    return status.st_mtime_ns, status.st_size
