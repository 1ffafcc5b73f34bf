"""The bytes of a native checkpoint, read without torch and without touching the tensors.

A safetensors file is: 8 bytes little-endian length of the JSON, the JSON (tensor name → dtype, shape,
data_offsets; `__metadata__` → text values), then the tensors without gaps. triscope keeps its
`CheckpointHeader` as JSON under the metadata key `triscope`. Everything read here comes from outside: each
field is checked before it is used.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core_model.schema.checkpoint import FORMAT_VERSION, CheckpointHeader
from core_model.schema.complaint import first_complaint
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec

METADATA_KEY = "triscope"
MAX_JSON_BYTES = 16 * 1024 * 1024  # a file of ten thousand tensors has one
ITEM_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8,
}  # fmt: skip
_NATIVE = "a native triscope checkpoint (.safetensors)"


@dataclass(frozen=True)
class TensorEntry:
    """One tensor of the file: shape, safetensors dtype name (`F32`, `F16` …), byte range in the data part."""

    shape: tuple[int, ...]
    dtype: str
    begin: int
    end: int

    @property
    def numel(self) -> int:
        n = 1
        for size in self.shape:
            n *= size
        return n


@dataclass(frozen=True)
class StoredCheckpoint:
    """What the file says of itself: header, tensor table, size; `sha256` reads it once.

    latent: of an inverted code, what it shows first; base: its checkpoint's file.
    """

    path: Path
    header: CheckpointHeader
    tensors: Mapping[str, TensorEntry]
    file_bytes: int
    latent: LatentSpec | None = None
    base: Path | None = None

    @property
    def sha256(self) -> str:
        return file_sha256(self.path)

    def parameters_by_part(self) -> dict[str, int]:
        """Number of stored values by the first part of the tensor names."""
        counts: dict[str, int] = {}
        for name, entry in self.tensors.items():
            part = name.split(".", 1)[0]
            counts[part] = counts.get(part, 0) + entry.numel
        return counts


def read_header(path: str | os.PathLike[str]) -> StoredCheckpoint:
    """Header and tensor table of a native checkpoint; raises InputError (one line) for anything else."""
    path = Path(path)
    where = str(path)
    table, metadata, size = read_table(path)
    text = metadata.get(METADATA_KEY)
    if text is None and "triscope-code" in metadata:
        raise InputError(
            what="an inverted code is no checkpoint of its own", where=where, expected=_NATIVE, got="a code"
        )
    if text is None:
        raise InputError(
            what="not a triscope checkpoint",
            where=where,
            expected=_NATIVE,
            got="a safetensors file of another program",
        )
    return StoredCheckpoint(path=path, header=parse_header(text, where), tensors=table, file_bytes=size)


def read_table(path: Path) -> tuple[dict[str, TensorEntry], dict[str, str], int]:
    """(tensor table, text metadata, file size) of any safetensors file."""
    where = str(path)
    try:
        kind = os.stat(path).st_mode
        if not stat.S_ISREG(kind):  # a pipe would be waited for
            got = "a folder" if stat.S_ISDIR(kind) else "a device or pipe"
            raise InputError(what="not a checkpoint file", where=where, expected=_NATIVE, got=got)
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(8)
            refuse_other_formats(start, path, size)
            (length,) = struct.unpack("<Q", start)
            if length > min(MAX_JSON_BYTES, size - 8):
                raise _broken(
                    where, f"a description of at most {min(MAX_JSON_BYTES, size - 8)} bytes", f"{length}"
                )
            raw = file.read(length)
    except FileNotFoundError:
        raise InputError(
            what="checkpoint not found", where=where, expected="an existing file", got="nothing"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: NUL bytes in the path
        raise InputError(what="cannot read the checkpoint", where=where, got=str(error)) from None
    table, metadata = table_of(raw, size - 8 - length, where)
    return table, metadata, size


def table_of(raw: bytes, data_bytes: int, where: str) -> tuple[dict[str, TensorEntry], dict[str, str]]:
    """(tensor table, text metadata) of the JSON of a safetensors file.

    data_bytes: bytes of the tensors that follow it.
    """
    document = _parse_json(raw, where)
    metadata = document.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _broken(where, "text values in __metadata__", "something else")
    table = {name: _entry(name, value, where) for name, value in document.items()}
    _check_coverage(table, data_bytes, where)
    return table, metadata


def refuse_other_formats(start: bytes, path: Path, size: int) -> None:
    """One clear line for empty files, truncated files and pickles (which are never unpickled here)."""
    where = str(path)
    if size == 0:
        raise InputError(what="empty checkpoint file", where=where, expected=_NATIVE, got="0 bytes")
    pickled = start[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05") or start[:4] == b"PK\x03\x04"
    if pickled and not (path.suffix == ".safetensors" and start[:2] != b"PK" and start[4:8] == b"\0\0\0\0"):
        raise InputError(
            what="not a triscope checkpoint",
            where=where,
            got="a pickle (PyTorch .pkl, .pt, .ckpt)",
            expected=f"{_NATIVE}; pickles are never unpickled: `triscope import` reads those of EG3D, EpiGRAF and Mimic3D as data",
        )
    if size < 10:
        raise _broken(where, "at least 10 bytes", f"{size}")


def parse_header(text: str, where: str) -> CheckpointHeader:
    """The validated header of the JSON text under the metadata key."""
    document = _parse_json(text.encode("utf-8", "surrogatepass"), where)
    version = document.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _broken(where, f"format_version 1 to {FORMAT_VERSION}", repr(version)[:40])
    if version > FORMAT_VERSION:
        raise InputError(
            what="checkpoint made by a newer triscope",
            where=where,
            got=f"{version}; update triscope to open it",
            expected=f"format_version up to {FORMAT_VERSION}",
        )
    try:
        return CheckpointHeader.model_validate(document)
    except (ValidationError, RecursionError) as error:
        raise _broken(where, "a valid description", first_problem(error)) from None


def first_problem(error: Exception) -> str:
    """The first problem of a pydantic error as `field.path: message (and N more)`."""
    if not isinstance(error, ValidationError):
        return type(error).__name__
    first = first_complaint(error)
    return first.line if first.place else f"description: {first.line}"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, remembered until its size or time of change differs."""
    try:
        stat = path.stat()
        return _sha256(str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)
    except OSError as error:
        raise InputError(what="cannot read the checkpoint", where=str(path), got=str(error)) from None


@functools.lru_cache(maxsize=64)
def _sha256(path: str, size: int, mtime_ns: int, inode: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parse_json(raw: bytes, where: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(pairs)
        if len(names) != len(pairs):
            raise ValueError("a name occurs twice")
        return names

    try:
        document = json.loads(raw.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise _broken(where, "a JSON description", str(error)[:120]) from None
    if not isinstance(document, dict):
        raise _broken(where, "a JSON object", type(document).__name__)
    return document


def _entry(name: str, value: object, where: str) -> TensorEntry:
    def integers(items: object) -> bool:
        return isinstance(items, list) and all(type(i) is int and 0 <= i < 2**62 for i in items)

    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise _broken(where, f"dtype, shape and data_offsets of tensor {name[:60]!r}", "something else")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise _broken(where, f"a known dtype of tensor {name[:60]!r}", repr(dtype)[:40])
    if not integers(shape) or not integers(offsets) or len(offsets) != 2 or len(shape) > 16:
        raise _broken(
            where, f"shape and data_offsets of tensor {name[:60]!r} as lists of sizes", "something else"
        )
    entry = TensorEntry(shape=tuple(shape), dtype=dtype, begin=offsets[0], end=offsets[1])
    if entry.end - entry.begin != entry.numel * ITEM_BYTES[dtype]:
        raise _broken(
            where,
            f"{entry.numel * ITEM_BYTES[dtype]} bytes of tensor {name[:60]!r}",
            f"{entry.end - entry.begin}",
        )
    return entry


def _check_coverage(table: Mapping[str, TensorEntry], data_bytes: int, where: str) -> None:
    """The tensors must fill the data part without gap or overlap: a truncated download shows here."""
    position = 0
    for name, entry in sorted(table.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != position:
            raise _broken(where, f"tensor {name[:60]!r} at byte {position}", f"byte {entry.begin}")
        position = entry.end
    if position != data_bytes:
        kind = "truncated checkpoint file" if position > data_bytes else "corrupt checkpoint file"
        raise InputError(what=kind, where=where, expected=f"{position} bytes of tensors", got=f"{data_bytes}")


def _broken(where: str, expected: str, got: str) -> InputError:
    return InputError(what="corrupt checkpoint file", where=where, expected=expected, got=got)
