"""Files that are complete or not there: written beside their place under a hidden name, then renamed over it.

A temporary file is called `.NAME.PID-XXXXXXXX.part`; what a killed process left behind can be told by that
and removed.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core_model.schema.errors import InputError


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A temporary path in the folder of `path` that replaces it on success, and is removed on any failure.

    durable: on the disk before it gets its name, so that it is whole also after the machine has stopped.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part")
    try:
        yield temporary
        if durable:
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes) -> None:
    """Replace `path` with `data`: complete or not at all, also when the machine stops."""
    with replacing(path, durable=True) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, document: object) -> None:
    """Replace `path` with a JSON document: the old or the new one is there at any moment."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """`replacing` for a file that a person named: raises InputError where the folder is missing or nothing
    can be written.
    """
    if not path.parent.is_dir():
        raise InputError(
            what="cannot write",
            where=str(path),
            expected="an existing folder",
            got=f"no folder {path.parent}",
        )
    try:
        with replacing(path) as temporary:
            yield temporary
    except OSError as error:
        raise InputError(what="cannot write", where=str(path), got=error.strerror or str(error)) from None
