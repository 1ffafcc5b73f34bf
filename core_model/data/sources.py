"""Where the files of an image set lie: a folder, or a zip that is read in place and never unpacked.

A zip from outside is not trusted: names that could leave a folder, links, encrypted, repeated and overlapping
entries are refused, and no entry is read beyond the size that it may have, so that a bomb costs nothing.
"""

from __future__ import annotations

import os
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Protocol

from core_model.schema.errors import InputError

MAX_ENTRIES = 4_000_000
MAX_IMAGE_BYTES = 64 << 20
MAX_JSON_BYTES = 1 << 30
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    RuntimeError,
    NotImplementedError,
)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Source(Protocol):
    """Read-only files by name ('/' between folders)."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of one file.

        Raises InputError when there is no such file, it is damaged or longer than `limit`.
        """
        ...


def open_source(path: Path) -> Source:
    """A folder or a zip file. Raises InputError for anything else."""
    try:
        if path.is_dir():
            return FolderSource(path)
        if path.is_file() and zipfile.is_zipfile(path):
            return ZipSource(path)
        exists = path.exists()
    except (OSError, ValueError) as error:
        raise InputError(what="cannot open the image set", where=str(path), got=str(error)) from None
    got = "another kind of file" if exists else "nothing"
    raise InputError(what="no image set", where=str(path), expected="a folder or a .zip of images", got=got)


def is_image(name: str) -> bool:
    """Whether a name has an image's suffix and is not hidden.

    Other systems leave `._x.png` and `__MACOSX/` in zips.
    """
    parts = name.split("/")
    return name.lower().endswith(IMAGE_SUFFIXES) and not any(
        p.startswith(".") or p == "__MACOSX" for p in parts
    )


class FolderSource:
    """Regular files below a folder; links to folders are not followed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        found: list[str] = []
        for folder, _, files in os.walk(root, followlinks=False):
            relative = Path(folder).relative_to(root)
            found += [(relative / f).as_posix() for f in files]
        if len(found) > MAX_ENTRIES:
            raise InputError(
                what="too many files",
                where=str(root),
                expected=f"at most {MAX_ENTRIES:,}",
                got=f"{len(found):,}",
            )
        self.names = tuple(sorted(found))
        self._known = frozenset(self.names)

    def read(self, name: str, limit: int) -> bytes:
        where = f"{self._root}/{name}"
        if name not in self._known:
            raise InputError(what="file not found", where=where, expected="a file of the set", got="nothing")
        try:
            with open(self._root / name, "rb", opener=_open_regular) as file:
                # a buffer of the whole limit (1 GiB for a list of images) does not fit everywhere
                size = os.fstat(file.fileno()).st_size
                return _bounded(file.read(min(limit, size) + 1), limit, where)
        except OSError as error:
            raise InputError(
                what="cannot read the file", where=where, got=error.strerror or str(error)
            ) from None


def _open_regular(path: str, flags: int) -> int:
    """A pipe or a device among the images must not hang the reader."""
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError("not a regular file")
    return handle


class ZipSource:
    """A zip read in place.

    Each process that uses it opens the file anew, so it survives fork and pickling.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._archive: zipfile.ZipFile | None = None
        self._process = -1
        archive = self._opened()
        entries = archive.infolist()
        _check_entries(entries, path)
        self.names = tuple(sorted(e.filename for e in entries if not e.is_dir()))

    def read(self, name: str, limit: int) -> bytes:
        where = f"{self._path}:{name}"
        archive = self._opened()
        try:
            entry = archive.getinfo(name)
        except KeyError:
            raise InputError(
                what="file not found", where=where, expected="an entry of the zip", got="nothing"
            ) from None
        if entry.file_size > limit:
            raise _too_long(where, limit, entry.file_size)
        try:
            with archive.open(entry) as file:
                # The size in the directory is only what the zip says of itself.
                return _bounded(file.read(entry.file_size + 1), limit, where)
        except _BROKEN as error:
            raise InputError(
                what="damaged zip entry", where=where, got=str(error) or type(error).__name__
            ) from None

    def _opened(self) -> zipfile.ZipFile:
        with self._lock:
            if self._archive is None or self._process != os.getpid():
                try:
                    self._archive = zipfile.ZipFile(self._path)
                except _BROKEN as error:
                    raise InputError(what="damaged zip file", where=str(self._path), got=str(error)) from None
                self._process = os.getpid()
            return self._archive

    def __getstate__(self) -> dict[str, object]:
        return {"path": self._path, "names": self.names}

    def __setstate__(self, state: dict[str, object]) -> None:
        self._path = Path(str(state["path"]))
        self.names = tuple(state["names"])  # type: ignore[arg-type]
        self._lock, self._archive, self._process = threading.Lock(), None, -1


def _check_entries(entries: Iterable[zipfile.ZipInfo], path: Path) -> None:
    entries = list(entries)
    where = str(path)
    if len(entries) > MAX_ENTRIES:
        raise InputError(
            what="too many zip entries",
            where=where,
            expected=f"at most {MAX_ENTRIES:,}",
            got=f"{len(entries):,}",
        )
    seen: set[str] = set()
    packed = 0
    for entry in entries:
        fault = _entry_fault(entry)
        if fault:
            got = f"{fault}: {entry.filename!r}"
            raise InputError(
                what="unsafe zip entry", where=where, expected="plain files with relative names", got=got
            )
        if entry.filename in seen:
            raise InputError(
                what="repeated zip entry", where=where, expected="each name once", got=repr(entry.filename)
            )
        seen.add(entry.filename)
        packed += entry.compress_size
    size = path.stat().st_size
    if packed > size:
        raise InputError(
            what="overlapping zip entries", where=where, expected=f"at most {size:,} bytes", got=f"{packed:,}"
        )


def _entry_fault(entry: zipfile.ZipInfo) -> str:
    name = entry.filename
    path = PurePosixPath(name)
    if not name or "\\" in name or "\0" in name or any(ord(c) < 32 for c in name):
        return "a name with forbidden characters"
    if path.is_absolute() or ".." in path.parts or (len(name) > 1 and name[1] == ":"):
        return "a name that leaves the folder"
    mode = entry.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link or a special file"
    if entry.flag_bits & 1:
        return "an encrypted entry"
    if entry.compress_type not in _METHODS:
        return "a compression other than store and deflate"
    return ""


def _bounded(data: bytes, limit: int, where: str) -> bytes:
    if len(data) > limit:
        raise _too_long(where, limit, len(data))
    return data


def _too_long(where: str, limit: int, size: int) -> InputError:
    return InputError(
        what="file is too long", where=where, expected=f"at most {limit:,} bytes", got=f"{size:,} or more"
    )
