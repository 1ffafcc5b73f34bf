"""The view is written down while one works, so that it can be had back after a crash, or the next day.

One file a window: SESSIONS/PID.json while it lives; a clean end renames it to last.json. A file whose process is gone was left by a
window that did not end properly.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen
from viewer.runs.states import process_alive
from viewer.state.checkpoint_files import write_atomically
from viewer.state.config_dir import config_dir
from viewer.state.document import Document

EVERY_S = 2.0
LAST = "last.json"
OLDEST_S = 14 * 86400.0


class SavedSession(Frozen):
    """pid, started: of the window's process; saved: seconds since 1970."""

    pid: int
    started: float
    saved: float
    document: Document


@dataclass(frozen=True)
class Left:
    """A session that was found. crashed: its window did not end properly."""

    document: Document
    saved: float
    crashed: bool


class Autosave:
    """Give it the document at the end of every frame."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or config_dir()) / "sessions"
        self._path = self.folder / f"{os.getpid()}.json"
        self._started = _started(os.getpid())
        self._written: Document | None = None
        self._at = -EVERY_S
        self.found = self._find()

    def keep(self, doc: Document, now: float) -> None:
        """Write the document where it has changed, at most every two seconds; a disk that refuses is left alone."""
        if doc.checkpoint and doc != self._written and now - self._at >= EVERY_S:
            self._at = now
            self._write(doc)

    def close(self, doc: Document) -> None:
        """The window ends properly."""
        if not doc.checkpoint:
            return
        self._write(doc)
        try:
            os.replace(self._path, self.folder / LAST)
        except OSError:
            return

    def _write(self, doc: Document) -> None:
        saved = SavedSession(pid=os.getpid(), started=self._started, saved=time.time(), document=doc)
        try:
            write_atomically(self._path, "session", lambda file: file.write(saved.model_dump_json().encode()))
        except InputError:
            return
        self._written = doc

    def _find(self) -> Left | None:
        """The newest session that crashed, else the last that ended; files of crashed ones are taken away."""
        crashed: list[SavedSession] = []
        for path in sorted(self.folder.glob("*.json")):
            if path.name == LAST:
                continue
            saved = _read(path)
            if saved is not None and process_alive(saved.pid, saved.started):
                continue
            if saved is not None and time.time() - saved.saved < OLDEST_S:
                crashed.append(saved)
            path.unlink(missing_ok=True)
        if crashed:
            newest = max(crashed, key=lambda s: s.saved)
            return Left(newest.document, newest.saved, crashed=True)
        last = _read(self.folder / LAST)
        return None if last is None else Left(last.document, last.saved, crashed=False)


def _read(path: Path) -> SavedSession | None:
    try:
        return SavedSession.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _started(pid: int) -> float:
    import psutil

    return psutil.Process(pid).create_time()
