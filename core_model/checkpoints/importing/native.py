"""From an imported network to a native checkpoint, in memory or as a file, through the converter of its family."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import Tensor

from core_model.checkpoints.importing.imported import ImportedNetwork
from core_model.checkpoints.importing.network import import_network
from core_model.checkpoints.layout import StoredCheckpoint, TensorEntry, first_problem
from core_model.checkpoints.store import check_finite, save_checkpoint
from core_model.families import FAMILIES
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError

_MISFITS = (ValidationError, ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, RuntimeError)


@dataclass(frozen=True, eq=False)
class ForeignCheckpoint:
    """A foreign file as if it were native: `stored` describes it, `tensors` are its native tensors (float32, CPU)."""

    network: ImportedNetwork
    stored: StoredCheckpoint
    tensors: Mapping[str, Tensor]


def convert(network: ImportedNetwork) -> tuple[CheckpointHeader, dict[str, Tensor]]:
    """Native header and tensors; raises InputError where the family cannot be opened or the network is odd."""
    family = FAMILIES.get(network.family) if network.family in FAMILIES else None
    if family is None or family.convert is None:
        known = ", ".join(f.name for f in FAMILIES if f.convert is not None)
        raise InputError(
            what="cannot convert the network",
            where=network.source,
            expected=f"one of the families {known}" if known else "a family that can be imported (none yet)",
            got=f"{network.family} ({network.class_name or 'a state dict'})",
        )
    try:
        header, tensors = family.convert(network)
    except InputError as error:
        where = f"{network.source}, {error.where}" if error.where else network.source
        raise InputError(what=error.what, where=where, expected=error.expected, got=error.got) from None
    except _MISFITS as error:  # settings of a file may be of any type: whatever they break, it is the file's fault
        what = first_problem(error) if isinstance(error, ValidationError) else f"{type(error).__name__} {error}"
        raise InputError(
            what="cannot use the network's settings",
            where=network.source,
            expected=f"those of the {network.family} program",
            got=what.encode("ascii", "backslashreplace").decode()[:160],
        ) from None
    check_finite(tensors, where=network.source)
    return _with_origin(header, network), {name: t.contiguous().float() for name, t in tensors.items()}


def _with_origin(header: CheckpointHeader, network: ImportedNetwork) -> CheckpointHeader:
    """The header with what the file says of where it comes from, where the family did not say it."""
    data = network.training.get("training_set_kwargs")
    path = data.get("path") if isinstance(data, dict) else None
    facts: dict[str, Any] = {
        "source": Path(network.source).name,
        "source_sha256": network.sha256,
        "images_seen": network.images_seen,
        "ema": network.is_ema,
        "data": _printable(path) if isinstance(path, str) else "",
    }
    own = header.provenance
    missing = {name: value for name, value in facts.items() if getattr(own, name) in ("", None)}
    return header.replace(provenance=own.replace(**missing))


def _printable(text: str) -> str:
    """Text of a file for a terminal: control characters replaced, at most 300 characters."""
    return "".join(c if c.isprintable() else "?" for c in text[:300])


def open_source(path: str | os.PathLike[str]) -> ForeignCheckpoint:
    """Import and convert a file into memory; nothing is written. Raises InputError."""
    network = import_network(path)
    header, tensors = convert(network)
    stored = StoredCheckpoint(path=Path(path), header=header, tensors=_table(tensors), file_bytes=Path(path).stat().st_size)
    return ForeignCheckpoint(network, stored, tensors)


def save_source(source: str | os.PathLike[str], out: str | os.PathLike[str]) -> ForeignCheckpoint:
    """Import `source` and write it as a native checkpoint; the file appears only when it is complete."""
    foreign = open_source(source)
    save_checkpoint(out, foreign.stored.header, foreign.tensors)
    return foreign


def _table(tensors: Mapping[str, Tensor]) -> dict[str, TensorEntry]:
    """The tensor table that the native file would have."""
    table: dict[str, TensorEntry] = {}
    at = 0
    for name, tensor in tensors.items():
        end = at + 4 * tensor.numel()
        table[name] = TensorEntry(shape=tuple(tensor.shape), dtype="F32", begin=at, end=end)
        at = end
    return table
