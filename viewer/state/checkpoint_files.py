"""What the program keeps between runs, written atomically; for one checkpoint: KIND/SHA256.SUFFIX."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from core_model.schema.atomic import replacing
from core_model.schema.config_dir import config_dir
from core_model.schema.errors import InputError


def kept_file(kind: str, sha256: str, suffix: str) -> Path:
    """Place of a file about the checkpoint with this SHA-256; it need not exist."""
    return config_dir() / kind / f"{sha256 or 'unnamed'}{suffix}"


def write_atomically(path: Path, what: str, write: Callable[[BinaryIO], object]) -> None:
    """Writes beside `path` and renames; raises InputError ("WHAT not saved") where that is impossible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable=True) as temporary, open(temporary, "wb") as file:
            write(file)
    except OSError as error:
        raise InputError(
            what=f"{what} not saved", where=str(path), expected="a writable folder", got=str(error)
        ) from None
