"""Reading the bytes of a foreign file and telling its container, before anything in it is looked at."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import psutil

from core_model.checkpoints.importing.allowed import AllowList
from core_model.checkpoints.importing.archive import ZIP_START, read_archive
from core_model.checkpoints.importing.limits import Budget, Limits
from core_model.checkpoints.importing.machine import Machine
from core_model.checkpoints.importing.recognise import ROOTS
from core_model.checkpoints.importing.refusal import Refusal
from core_model.checkpoints.importing.storages import MAGIC_BYTES, TorchWorld, read_bare_storage, read_legacy
from core_model.checkpoints.importing.tensor_table import is_table, read_tensors
from core_model.checkpoints.layout import METADATA_KEY, read_table
from core_model.schema.errors import InputError

SUFFIXES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt")
KINDS = "a .pkl of EG3D, EpiGRAF or Mimic3D, a .pt of torch.save, or their tensors as .safetensors"


def is_foreign(path: str | os.PathLike[str]) -> bool:
    """Whether a path is to be imported rather than opened: by its suffix, else by its first bytes.

    A safetensors file is foreign if it holds one of the three generators and no description by triscope.
    """
    suffix = Path(path).suffix.lower()
    if suffix in SUFFIXES:
        return True
    if suffix == ".safetensors":
        return _is_foreign_table(Path(path))
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as file:
            start = file.read(8)
    except (OSError, ValueError):
        return False
    # Eight bytes of a safetensors file are a length below 4 GiB.
    pickled = start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5") and start[4:8] != bytes(4)
    return pickled or start[:4] == ZIP_START


def _is_foreign_table(path: Path) -> bool:
    try:
        table, metadata, _ = read_table(path)
    except InputError:  # whoever opens it says what is wrong
        return False
    return METADATA_KEY not in metadata and any(name.endswith(ROOTS) for name in table)


def read_bytes(path: Path, limits: Limits) -> bytes:
    """The whole file; raises Refusal for anything but a regular file of bearable size."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device or pipe"
            raise Refusal("not a checkpoint file", KINDS, kind)
        if status.st_size > limits.file_bytes:
            raise Refusal("file is too large", f"at most {limits.file_bytes:,} bytes", f"{status.st_size:,}")
        free = psutil.virtual_memory().available
        if 2 * status.st_size > free:
            raise Refusal("not enough memory", f"{2 * status.st_size:,} bytes free", f"{free:,}")
        with open(path, "rb") as file:
            data = file.read(status.st_size + 1)
    except FileNotFoundError:
        raise Refusal("checkpoint not found", "an existing file", "nothing") from None
    except (OSError, ValueError) as error:  # ValueError: NUL bytes in the path
        raise Refusal("cannot read the file", "", str(error)) from None
    if not data:
        raise Refusal("empty file", KINDS, "0 bytes")
    return data


def sha256_of(data: bytes) -> str:
    """SHA-256 of the file's bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def parse(data: bytes, budget: Budget) -> Any:
    """The object in the file as inert records and containers.

    Raises Refusal, with the byte where it stopped.
    """
    allowed = AllowList(budget, lambda blob: read_bare_storage(blob, budget))
    if data.startswith(ZIP_START):
        return read_archive(data, lambda find: TorchWorld(allowed, find), budget)
    view = memoryview(data)
    if data.startswith(MAGIC_BYTES):
        return read_legacy(view, lambda find: TorchWorld(allowed, find), budget)
    if is_table(data):
        return read_tensors(data, budget)
    if data[:1] != b"\x80" or len(data) < 2 or data[1] not in (2, 3, 4, 5):
        raise Refusal("not a pickle", KINDS, repr(data[:8]))
    machine = Machine(view, allowed, budget)
    try:
        value, end = machine.run()
    except Refusal as refusal:
        refusal.at = machine.position
        raise
    if end != len(data):
        raise Refusal("broken pickle", "nothing after its end", f"{len(data) - end:,} bytes")
    return value
