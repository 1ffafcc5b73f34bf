"""The table of mesh formats, and files that appear under their names only when they are complete."""

from __future__ import annotations

import contextlib
import os
import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import psutil

from core_model.meshing.mesh import Mesh, Stamp
from core_model.schema.atomic import why_not_written
from core_model.schema.errors import Cancelled, InputError
from core_model.schema.registry import Registry

Tell = Callable[[float], None]  # fraction of the writing; raises Cancelled to stop


class FileSet:
    """Files written under temporary names in the folder of the main file.

    `commit` gives them their names, the main one last.
    """

    def __init__(self, main: Path) -> None:
        self.main = main
        self._files: dict[Path, Path] = {}

    @contextlib.contextmanager
    def open(self, final: Path) -> Iterator[BinaryIO]:
        """A binary stream whose bytes will become `final`; they are on the disk when the block ends."""
        temporary = final.with_name(f".{final.stem}.{_host()}-{os.getpid()}.part{final.suffix}")
        self._files[final] = temporary
        with open(temporary, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())

    def commit(self) -> tuple[Path, ...]:
        """Replace what has these names; returns them, the main one first."""
        for final in sorted(self._files, key=lambda f: f == self.main):
            os.replace(self._files[final], final)
        done = sorted(self._files, key=lambda f: f != self.main)
        self._files = {}
        return tuple(done)

    def discard(self) -> None:
        for temporary in self._files.values():
            with contextlib.suppress(OSError):
                temporary.unlink()
        self._files = {}


@dataclass(frozen=True)
class MeshFormat:
    """write(mesh, stamp, files, path, tell) puts a mesh into `files` under `path` and names beside it.

    textured, coloured, normals: what the format carries; bytes_of(vertices, faces): size of the main file,
    about.
    """

    suffix: str
    title: str
    write: Callable[[Mesh, Stamp, FileSet, Path, Tell], None]
    bytes_of: Callable[[int, int], int]
    textured: bool = False
    coloured: bool = True
    normals: bool = True


FORMATS: Registry[MeshFormat] = Registry("mesh format")


def save(path: Path, mesh: Mesh, stamp: Stamp, tell: Tell | None = None) -> tuple[Path, ...]:
    """Write a mesh as the suffix of `path` says; returns the files, the main one first.

    On any failure (also cancelling) no file has changed; a full disk or a folder that cannot be written is an
    InputError.
    """
    found = FORMATS.get(path.suffix.lower(), where=str(path))
    clear_leftovers(path)
    files = FileSet(path)
    try:
        found.write(mesh, stamp, files, path, tell or (lambda fraction: None))
        return files.commit()
    except OSError as error:
        need = found.bytes_of(len(mesh.vertices), len(mesh.faces))
        raise InputError(
            what="cannot write",
            where=str(path),
            expected=f"a folder with about {need / 1e6:.0f} MB free",
            got=why_not_written(error),
        ) from None
    finally:
        files.discard()


def clear_leftovers(path: Path) -> None:
    """Remove the temporary files that killed processes of this machine left for this name."""
    pattern = re.compile(
        rf"\.{re.escape(path.stem)}(?:{re.escape(path.suffix)})?\.{re.escape(_host())}-(\d+)\.part\.\w+"
    )
    with contextlib.suppress(OSError):
        for other in path.parent.iterdir():
            match = pattern.fullmatch(other.name)
            if match and not psutil.pid_exists(int(match[1])):
                other.unlink()


def stopping(tell: Tell, cancelled: Callable[[], bool]) -> Tell:
    """`tell` that raises Cancelled when asked to stop."""

    def heard(fraction: float) -> None:
        if cancelled():
            raise Cancelled("mesh cancelled")
        tell(fraction)

    return heard


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9]", "", platform.node()) or "host"
