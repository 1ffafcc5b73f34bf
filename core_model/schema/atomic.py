"""Files that are complete or not there: written beside their place under a hidden name, then renamed over it.

A temporary file is called `.NAME.PID-XXXXXXXX.part`; what a killed process left behind can be told by that
and removed.
"""

from __future__ import annotations

import errno
import json
import os
import re
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core_model.schema.errors import InputError

FULL = frozenset(getattr(errno, name) for name in ("ENOSPC", "EDQUOT") if hasattr(errno, name))
"""What a system says where there is no room: the disk, or the user's share of it."""
_OF_WRITING = FULL | {errno.EFBIG, errno.EIO, errno.EROFS}


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A temporary path in the folder of `path` that replaces it on success, and is removed on any failure.

    durable: on the disk before it gets its name, so that it is whole also after the machine has stopped. A write that
    fails raises OSError with the name of `path`, whatever library wrote. The file has the rights of any new file of this
    user: safetensors makes its own for the owner alone.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part")
    with naming(path, temporary):
        try:
            rights = _usual_rights(temporary)
            yield temporary
            if rights is not None and temporary.stat().st_mode & 0o777 != rights:
                temporary.chmod(rights)
            if durable:
                with open(temporary, "rb+") as file:
                    os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def _usual_rights(path: Path) -> int | None:
    """Mode of a file that is made here, by making one for a moment: to read the umask would change it for other threads.

    None on Windows, where rights are not in the mode, and another program may hold a file that was just made.
    """
    if os.name == "nt":
        return None
    path.touch(exist_ok=False)
    mode = path.stat().st_mode & 0o777
    path.unlink()
    return mode


@contextmanager
def naming(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Context in which a failed write of `path` becomes an OSError that names it.

    Python names no file where the writing itself fails; safetensors and OpenEXR raise errors of their own.
    """
    try:
        yield
    except OSError as error:
        unnamed = error.filename is None and error.errno in _OF_WRITING
        if error.errno is None or not (unnamed or (temporary and str(error.filename) == str(temporary))):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    except Exception as error:
        code = _code_within(error)
        if code is None:
            raise
        raise OSError(code, os.strerror(code), str(path)) from error


def _code_within(error: Exception) -> int | None:
    """The system's error number in the text of a library's own error, if there is one."""
    text = str(error)
    if found := re.search(r"\(os error (\d+)\)", text):  # of Rust; Windows has numbers of its own
        return OSError(0, "", None, int(found[1])).errno if os.name == "nt" else int(found[1])
    return next((code for code in _OF_WRITING if os.strerror(code) in text), None)


def why_not_written(error: OSError) -> str:
    """Why a file could not be written, in words."""
    said = error.strerror or str(error)
    return f"the disk is full ({said})" if error.errno in FULL else said


def not_written(error: OSError) -> str:
    """One line about a failed write: the file, where it is known, and why."""
    return f"cannot write {os.fsdecode(error.filename) if error.filename else 'a file'}: {why_not_written(error)}"


def made_folder(path: Path, where: str) -> Path:
    """`path` as a folder that can be written to, made with its parents where it is missing.

    Raises InputError that names `where`; a command asks before its work, not after.
    """
    if path.exists() and not path.is_dir():
        raise InputError(what="cannot write", where=where, expected="a folder", got="a file")
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise InputError(
            what="cannot write",
            where=where,
            expected="a folder that can be written to",
            got=why_not_written(error),
        ) from None
    return path


def check_folder(path: Path, where: str) -> None:
    """Raises InputError as `made_folder` does, and leaves nothing behind: for a command that makes it last."""
    missing = [p for p in (path, *path.parents) if not p.exists()]
    made_folder(path, where)
    for folder in missing:
        folder.rmdir()


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
        raise InputError(what="cannot write", where=str(path), got=why_not_written(error)) from None
