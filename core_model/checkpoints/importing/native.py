"""From an imported network to a native checkpoint, in memory or as a file.

The converter of the network's family does the work.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from core_model.checkpoints.importing.imported import Array, ImportedNetwork
from core_model.checkpoints.importing.network import import_network
from core_model.checkpoints.layout import StoredCheckpoint, TensorEntry, first_problem
from core_model.families.known import DESCRIPTIONS
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

_MISFITS = (
    ValidationError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
)


@dataclass(frozen=True, eq=False)
class ForeignCheckpoint:
    """A foreign file as if it were native.

    `stored` describes it, `arrays` are the values of its native tensors (float32).
    """

    network: ImportedNetwork
    stored: StoredCheckpoint
    arrays: Mapping[str, Array]

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """The arrays as torch sees them (CPU, same memory); torch is imported by the first who asks."""
        import torch

        return {name: torch.from_numpy(value) for name, value in self.arrays.items()}


def convert(network: ImportedNetwork) -> tuple[CheckpointHeader, dict[str, Array]]:
    """Native header and float32 arrays.

    Raises InputError where the family cannot be opened or the network is odd.
    """
    family = DESCRIPTIONS.get(network.family) if network.family in DESCRIPTIONS else None
    if family is None or family.convert is None:
        known = ", ".join(f.name for f in DESCRIPTIONS if f.convert is not None)
        raise InputError(
            what="cannot convert the network",
            where=network.source,
            expected=f"one of the families {known}" if known else "a family that can be imported (none yet)",
            got=f"{network.family} ({network.class_name or 'a state dict'})",
        )
    try:
        header, arrays = family.convert(network)
        header = header.replace(licence=header.licence or family.licence_note)
    except InputError as error:
        where = f"{network.source}, {error.where}" if error.where else network.source
        raise InputError(what=error.what, where=where, expected=error.expected, got=error.got) from None
    except (
        _MISFITS
    ) as error:  # settings of a file may be of any type: whatever they break, it is the file's fault
        what = (
            first_problem(error) if isinstance(error, ValidationError) else f"{type(error).__name__} {error}"
        )
        raise InputError(
            what="cannot use the network's settings",
            where=network.source,
            expected=f"those of the {network.family} program",
            got=what.encode("ascii", "backslashreplace").decode()[:160],
        ) from None
    return _with_origin(header, network), {
        name: np.array(a, np.float32, order="C", copy=None) for name, a in arrays.items()
    }


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
    header, arrays = convert(network)
    stored = StoredCheckpoint(
        path=Path(path), header=header, tensors=_table(arrays), file_bytes=Path(path).stat().st_size
    )
    return ForeignCheckpoint(network, stored, arrays)


def save_source(source: str | os.PathLike[str], out: str | os.PathLike[str]) -> ForeignCheckpoint:
    """Import `source` and write it as a native checkpoint; the file appears only when it is complete."""
    from core_model.checkpoints.store import save_checkpoint

    foreign = open_source(source)
    save_checkpoint(out, foreign.stored.header, foreign.tensors)
    return foreign


def _table(arrays: Mapping[str, Array]) -> dict[str, TensorEntry]:
    """The tensor table that the native file would have."""
    table: dict[str, TensorEntry] = {}
    at = 0
    for name, array in arrays.items():
        end = at + 4 * array.size
        table[name] = TensorEntry(shape=tuple(array.shape), dtype="F32", begin=at, end=end)
        at = end
    return table
