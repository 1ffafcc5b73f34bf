"""Saves the view while the user works, so that it can be restored after a crash or on the next day.

One file per window: SESSIONS/PID.json while it runs; a clean end renames it to last.json. A file whose
process is gone belongs to a window that crashed. A thread writes to the disk, never the frame loop.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from core_model.schema.config_dir import config_dir, save_kept
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen
from core_model.schema.processes import process_alive, started_at
from viewer.state.document import Document

EVERY_S = 2.0
LAST = "last.json"
OLDEST_S = 14 * 86400.0


class SavedSession(Frozen):
    """pid, started: of the window's process (as `started_at` tells it); saved: seconds since 1970."""

    pid: int
    started: float
    saved: float
    document: Document


@dataclass(frozen=True)
class Left:
    """A saved session. crashed: its window did not end properly."""

    document: Document
    saved: float
    crashed: bool


class Autosave:
    """Give it the document at the end of every frame."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or config_dir()) / "sessions"
        self._path = self.folder / f"{os.getpid()}.json"
        self._started = started_at(os.getpid())
        self._kept: Document | None = None
        self._at = -EVERY_S
        self._changed = threading.Condition()
        self._waiting: Document | None = None
        self._writing = self._ended = False
        self._thread: threading.Thread | None = None
        self.found = self._find()

    def keep(self, doc: Document, now: float) -> None:
        """Give a changed document to the writing thread, at most every two seconds.

        Where the disk cannot be written the session is not saved, without a message.
        """
        if not doc.checkpoint or doc == self._kept or now - self._at < EVERY_S:
            return
        self._at, self._kept = now, doc
        with self._changed:
            self._waiting = doc
            self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_on, name="autosave", daemon=True)
            self._thread.start()

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until the given document is on the disk; False where that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting is None and not self._writing, timeout_s)

    def close(self, doc: Document) -> None:
        """The window ends properly: the last state is on the disk when this returns."""
        with self._changed:
            self._ended, self._waiting = True, None
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        if not doc.checkpoint or not self._write(doc):
            return
        try:
            os.replace(self._path, self.folder / LAST)
        except OSError:
            return

    def _write_on(self) -> None:
        """The thread: the newest document at each time, until the window ends."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting is not None or self._ended)
                if self._waiting is None:
                    return
                doc, self._waiting, self._writing = self._waiting, None, True
            written = self._write(doc)
            with self._changed:
                self._writing = False
                if not written and self._kept is doc:
                    self._kept = None  # tried again in two seconds, as it is
                self._changed.notify_all()

    def _write(self, doc: Document) -> bool:
        saved = SavedSession(pid=os.getpid(), started=self._started, saved=time.time(), document=doc)
        try:
            save_kept(self._path, "session", saved.model_dump_json().encode())
        except InputError:
            return False
        return True

    def _find(self) -> Left | None:
        """The newest crashed session, else the last that ended; removes the files of crashed ones."""
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
