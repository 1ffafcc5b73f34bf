"""Files that a person names: arrays are read without pickles, outputs are checked before any work is done.

Every error names the file.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np

from core_model.schema.atomic import atomic_path
from core_model.schema.errors import InputError


def read_array(path: Path, name: str, shapes: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """float64 array of a .npy file (or the only array of an .npz); leading 1s are dropped.

    Raises InputError for a missing or damaged file, pickled objects, a type that is no number, another shape
    than one of `shapes`, NaN and infinity. `name` says what the array is for, e.g. "z".
    """
    where = f"{name} {path}"
    expected = " or ".join(str(list(s)) for s in shapes)
    values = _load(path, where)
    if values.dtype.kind not in "fiu":
        raise InputError(
            what="wrong type of array", where=where, expected="real numbers", got=str(values.dtype)
        )
    got = list(values.shape)
    while values.ndim and values.shape[0] == 1 and values.shape not in shapes:
        values = values[0]
    if values.shape not in shapes:
        raise InputError(what="wrong shape of array", where=where, expected=expected, got=str(got))
    values = values.astype(np.float64)
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise InputError(
            what="bad values in array", where=where, expected="finite numbers", got=f"{bad} NaN or infinite"
        )
    return values


def _load(path: Path, where: str) -> np.ndarray:
    if not path.is_file():
        raise InputError(what="file not found", where=where, expected="a .npy file", got="nothing")
    try:
        loaded = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            what="cannot read the array", where=where, expected="a .npy file", got=str(error)
        ) from None
    if isinstance(loaded, np.ndarray):
        return loaded
    with loaded:
        if len(loaded.files) != 1:
            raise InputError(
                what="which array?",
                where=where,
                expected="a .npy file",
                got=f"an .npz of {len(loaded.files)} arrays",
            )
        try:
            return loaded[loaded.files[0]]
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(what="cannot read the array", where=where, got=str(error)) from None


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


def write_json(path: Path, document: object) -> None:
    """Replace `path` with strict JSON (no NaN); raises InputError where it cannot be written."""
    with atomic_path(path) as temporary:
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
