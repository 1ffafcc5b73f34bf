"""The record of an STL, which has no room for it.

NAME.stl.json beside it, tied to it by a digest in the header.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from core_model.schema.errors import InputError
from core_model.schema.record import NPZ_KEY
from core_model.schema.record_text import JSON_LIMIT

HEADER = 80
DIGITS = 16
"""Hexadecimal digits of the digest in the header: enough to tell one record from another."""


def beside(path: Path) -> Path:
    """Where the record of an STL lies."""
    return path.with_name(path.name + ".json")


def mark_of(record: dict[str, Any]) -> bytes:
    """The end of the header of the STL that a record belongs to."""
    text = json.dumps(record, separators=(",", ":"))
    return b" record " + hashlib.sha256(text.encode()).hexdigest()[:DIGITS].encode()


def stl_record(path: Path) -> str:
    """JSON text of the record beside an STL.

    Raises InputError with one line that says what is missing. OSError where it cannot be read.
    """
    other = beside(path)
    with open(path, "rb") as file:
        header = file.read(HEADER)
    if b" record " not in header:
        raise InputError(
            what="no provenance",
            where=str(path),
            expected="an .stl that triscope wrote",
            got="another header",
        )
    if not other.is_file():
        raise InputError(
            what="an .stl has no room for its view",
            where=str(path),
            expected=f"{other.name} beside it",
            got="nothing there",
        )
    if other.stat().st_size > JSON_LIMIT:
        raise ValueError(f"{other.name} is too long")
    document = json.loads(other.read_bytes())
    record = document.get(NPZ_KEY) if isinstance(document, dict) else None
    if not isinstance(record, dict) or mark_of(record) not in header:
        raise InputError(
            what="the record beside this .stl is not its own",
            where=str(other),
            expected="the file that was written with it",
        )
    return json.dumps(record)
