"""The record inside a file: the one reader that the command line and the window share.

No torch, no codecs.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from core_model.schema.errors import InputError
from core_model.schema.record import RenderRecord
from core_model.schema.record_stl import stl_record
from core_model.schema.record_text import READERS, TEXT_LIMIT

SUFFIXES = (*READERS, ".stl")


def read_provenance(path: str | os.PathLike[str]) -> RenderRecord:
    """The record inside a file that triscope wrote; raises InputError for any other file."""
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            what="cannot hold provenance",
            where=str(path),
            expected=f"one of {', '.join(SUFFIXES)}",
            got=path.suffix,
        )
    if not path.is_file():
        raise InputError(
            what="file not found", where=str(path), expected="a file that triscope wrote", got="nothing"
        )
    try:
        text = _text_of(path)
    except (OSError, ValueError, EOFError, RecursionError, MemoryError) as error:
        raise InputError(
            what="cannot read the file", where=str(path), got=str(error)[:200] or type(error).__name__
        ) from None
    if not text:
        raise InputError(
            what="no provenance", where=str(path), expected="a file that triscope wrote", got="no record"
        )
    return record_of_text(text, str(path))


def _text_of(path: Path) -> str:
    if path.suffix.lower() == ".stl":
        return stl_record(path)
    with open(path, "rb") as file:
        return READERS[path.suffix.lower()](file, os.fstat(file.fileno()).st_size)


def record_of_text(text: str, where: str) -> RenderRecord:
    """A record from its JSON text; raises InputError, never anything else."""
    if len(text) > TEXT_LIMIT:
        raise InputError(
            what="damaged provenance",
            where=where,
            expected=f"at most {TEXT_LIMIT} letters",
            got=str(len(text)),
        )
    try:
        return RenderRecord.model_validate_json(text)
    except (ValidationError, RecursionError) as error:
        count = (
            f"{error.error_count()} wrong fields"
            if isinstance(error, ValidationError)
            else "nested too deeply"
        )
        raise InputError(what="damaged provenance", where=where, got=count) from None
