"""Small .npz and .npy files: written atomically, and read without pickles or gigabytes of unpacked data."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from core_model.schema.config_dir import save_kept
from core_model.schema.errors import InputError

LARGEST = 1 << 30
"""Bytes that a file may unpack to."""


def save_arrays(path: Path, what: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Replace `path` with an .npz of these arrays; raises InputError ("WHAT not saved") where impossible."""
    data = io.BytesIO()
    np.savez(data, **arrays)  # pyright: ignore[reportArgumentType] - names of arrays only
    save_kept(path, what, data.getvalue())


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of an .npz by name; the array of an .npy as `w`.

    Raises InputError with one line for anything else.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                size = sum(member.file_size for member in archive.infolist())
            if size > LARGEST:
                raise InputError(
                    what="file is too large",
                    where=str(path),
                    expected="at most 1 GiB unpacked",
                    got=f"{size >> 20} MiB",
                )
        elif path.stat().st_size > LARGEST:
            raise InputError(
                what="file is too large",
                where=str(path),
                expected="at most 1 GiB",
                got=f"{path.stat().st_size >> 20} MiB",
            )
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"w": loaded}
        with loaded:
            arrays = {name: loaded[name] for name in loaded.files}
        if not all(isinstance(a, np.ndarray) for a in arrays.values()):
            raise ValueError("a member is no array")  # numpy hands those out as bytes
        return arrays
    except FileNotFoundError:
        raise InputError(
            what="file not found", where=str(path), expected="an .npz or .npy file", got="nothing"
        ) from None
    except (
        OSError,
        ValueError,
        EOFError,
        zipfile.BadZipFile,
        KeyError,
        RuntimeError,
        NotImplementedError,
    ) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise InputError(
            what="not readable", where=str(path), expected="an .npz or .npy of plain arrays", got=why
        ) from None
