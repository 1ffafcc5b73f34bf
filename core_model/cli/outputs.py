"""Checks of output paths before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

from core_model.schema.errors import InputError


def check_output(path: Path, suffixes: tuple[str, ...], option: str = "--out") -> str:
    """The lower-case suffix of `path`; raises InputError if not writable or of another suffix."""
    where = f"{option} {path}"
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        raise InputError(what="unknown kind of file", where=where, expected=" or ".join(suffixes), got=suffix)
    if path.is_dir():
        raise InputError(what="cannot write", where=where, expected="a file name", got="a folder")
    if not path.parent.is_dir():
        raise InputError(
            what="cannot write", where=where, expected="an existing folder", got=f"no folder {path.parent}"
        )
    if not os.access(path.parent, os.W_OK):
        raise InputError(what="cannot write", where=where, expected="a folder you may write to")
    return suffix
