"""Where the files of a run lie: on this machine (`HERE`), or behind a line to another one.

The readers of this package ask a `RunSource` and never touch a disk themselves, so that charts, pictures, alarms, log
and snapshots are the same for both. Paths are `Path` here and `FarPath` there.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Protocol

from core_model.schema.run import RunRecord
from core_model.schema.run_owner import live_owner
from viewer.runs.job_record import JobRecord, ShownState
from viewer.runs.states import judge


class FarPath(PurePosixPath):
    """A path of another machine, with `/` between its parts: no file of this one can be opened by it.

    `~` and relative paths mean what they mean over there, and are resolved there.
    """

    def __fspath__(self) -> str:
        raise TypeError(f"a path of another machine is used on this one: {self}")

    def absolute(self) -> FarPath:
        return self


@dataclass(frozen=True)
class FileMark:
    """A regular file at one moment. identity: device and inode; changed_ns: since 1970."""

    name: str
    size: int
    changed_ns: int
    identity: tuple[int, int] = (0, 0)

    @property
    def changed(self) -> float:
        """Seconds since 1970."""
        return 1e-9 * self.changed_ns


Range = tuple[int, int]
"""(offset, most bytes)."""


class RunSource(Protocol):
    """What readers ask of a disk; whatever fails is an OSError. May block: called from reading threads only.

    block: bytes that one read should take. log_bytes: of a longer log only so much of its end is read.
    """

    block: int
    log_bytes: int

    def stat(self, path: PurePath) -> FileMark: ...

    def files(self, folder: PurePath) -> tuple[FileMark, ...]:
        """Regular files of a folder, in no order."""
        ...

    def read(self, path: PurePath, *ranges: Range) -> tuple[FileMark, list[bytes]]:
        """The mark of the file as it was opened, and its bytes at these ranges (fewer where it ends)."""
        ...

    def free(self, folder: PurePath) -> float:
        """Bytes that are free where a folder lies; nan = unknown."""
        ...

    def now(self) -> float:
        """Seconds since 1970 by the clock of that machine."""
        ...

    def state(
        self,
        run: PurePath,
        record: RunRecord | None,
        job: JobRecord | None,
        last_written: float,
        tick_s: float,
    ) -> ShownState:
        """State of a run of triscope, whose processes that machine knows."""
        ...


class LocalSource:
    """The disks of this machine."""

    block = 1 << 20
    log_bytes = 8 << 20

    def stat(self, path: PurePath) -> FileMark:
        return _mark(path.name, os.stat(path))

    def files(self, folder: PurePath) -> tuple[FileMark, ...]:
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    found.append(_mark(entry.name, entry.stat()))
                except OSError:
                    continue
        return tuple(found)

    def read(self, path: PurePath, *ranges: Range) -> tuple[FileMark, list[bytes]]:
        with open(path, "rb") as file:
            mark = _mark(path.name, os.fstat(file.fileno()))
            blocks = []
            for offset, count in ranges:
                file.seek(offset)
                blocks.append(file.read(count))
        return mark, blocks

    def free(self, folder: PurePath) -> float:
        try:
            return float(shutil.disk_usage(folder).free)
        except OSError:
            return float("nan")

    def now(self) -> float:
        return time.time()

    def state(
        self,
        run: PurePath,
        record: RunRecord | None,
        job: JobRecord | None,
        last_written: float,
        tick_s: float,
    ) -> ShownState:
        owned = live_owner(Path(run)) is not None
        return judge(record, job, time.time(), last_written, tick_s, owned)


HERE = LocalSource()


def whole(source: RunSource, path: PurePath, limit: int) -> tuple[FileMark, bytes]:
    """All of a file; raises OSError for one of more than `limit` bytes."""
    size = source.stat(path).size
    if size > limit:
        raise OSError(errno.EFBIG, f"more than {limit >> 20} MiB")
    mark, (data,) = source.read(path, (0, size))
    return mark, data


def _mark(name: str, status: os.stat_result) -> FileMark:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "no regular file")
    return FileMark(name, status.st_size, status.st_mtime_ns, (status.st_dev, status.st_ino))
