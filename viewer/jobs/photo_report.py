"""What `triscope data photos` tells of the files that it looked at: OUT.report.json, read in a thread."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REPORT_BYTES = 64 << 20


@dataclass(frozen=True)
class PhotoReport:
    """images: in the set; files: that were looked at. left_out: (name, why) of each that gave no image. fault: why it cannot be read."""

    path: Path
    images: int = 0
    files: int = 0
    left_out: tuple[tuple[str, str], ...] = ()
    fault: str = ""

    def words(self) -> str:
        """Counts in a line."""
        return (
            self.fault or f"{self.images} images of {self.files - len(self.left_out)} of {self.files} files"
        )


def report_of(out: Path) -> Path:
    """Where the report of a set lies."""
    return out.with_name(f"{out.stem}.report.json")


def read_report(path: Path) -> PhotoReport:
    """The report; problems are in `fault`."""
    try:
        if path.stat().st_size > REPORT_BYTES:
            return PhotoReport(path, fault=f"too long to be shown: see {path}")
        told = json.loads(path.read_bytes())
        left = tuple((str(one["name"]), str(one["why"])) for one in told["left_out"])
        return PhotoReport(path, int(told["images"]), len(told["taken"]) + len(left), left)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return PhotoReport(path, fault=f"{path.name} cannot be read: {error}")


class PhotoReports:
    """Reads the newest report that was asked for."""

    def __init__(self, wake: Callable[[], None] | None = None) -> None:
        self._wake = wake
        self._wanted: tuple[Path, str] | None = None
        self._found: tuple[tuple[Path, str], PhotoReport] | None = None

    def want(self, path: Path, task: str) -> PhotoReport | None:
        """The report as `task` left it; None while it is read."""
        wanted = (path, task)
        if wanted != self._wanted:
            self._wanted = wanted
            threading.Thread(target=self._work, args=(wanted,), name="photo-report", daemon=True).start()
        return self._found[1] if self._found is not None and self._found[0] == wanted else None

    def _work(self, wanted: tuple[Path, str]) -> None:
        found = read_report(wanted[0])
        if wanted == self._wanted:
            self._found = (wanted, found)
            if self._wake is not None:
                self._wake()
