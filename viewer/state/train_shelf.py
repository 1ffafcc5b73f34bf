"""The runs that the Training workspace knows: found in folders by a thread, followed in full where they are ticked or chosen."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core_model.schema.errors import TriscopeError
from core_model.schema.run import RunRecord
from viewer.jobs import desk, waiting
from viewer.runs.discover import runs_in
from viewer.runs.job_record import ENDED, JobRecord, ShownState
from viewer.runs.poller import Poller
from viewer.runs.reader import RunReader

LOOK_S = 1.0
MOST_RUNS = 400


@dataclass(frozen=True)
class RunRow:
    """One line of the list. place: 1 = next in the queue of its devices, 0 = it does not wait. foreign: of the EG3D family."""

    path: Path
    folder: str
    state: ShownState | None
    job: JobRecord | None
    record: RunRecord | None
    place: int = 0

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def foreign(self) -> bool:
        return self.job is None and self.record is None

    @property
    def share(self) -> float:
        """0 … 1 of the images that were asked for; 0 where unknown."""
        record = self.record
        return min(1.0, record.images / record.images_total) if record is not None and record.images_total else 0.0

    @property
    def alive(self) -> bool:
        return self.state is not None and self.state not in ENDED

    @property
    def begun(self) -> float:
        """Seconds since 1970 by which the list is ordered."""
        return max(self.job.submitted if self.job else 0.0, self.record.started if self.record else 0.0)


class Shelf:
    """`follow` says what is read in full; `rows` is replaced as a whole by the thread that looks.

    wake: called from a thread when there is something new to draw. faults: folder → why it cannot be read.
    """

    def __init__(self, wake: Callable[[], None] | None = None) -> None:
        self.rows: tuple[RunRow, ...] = ()
        self.faults: dict[str, str] = {}
        self.looked = 0
        self.poller = Poller((), wake=wake)
        self._folders: tuple[str, ...] = ()
        self._wake = wake
        self._changed = threading.Event()
        self._stop = False
        self._thread: threading.Thread | None = None

    def start(self, folders: tuple[str, ...]) -> None:
        """Begin looking; once."""
        self._folders = folders
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="run-list", daemon=True)
            self._thread.start()
            self.poller.start()

    def stop(self) -> None:
        self._stop = True
        self._changed.set()
        self.poller.stop()
        self.poller.host.close()

    def look_in(self, folders: tuple[str, ...]) -> None:
        """Look in these folders from now on."""
        if folders != self._folders:
            self._folders = folders
            self._changed.set()

    def look_again(self) -> None:
        """A run was started or steered: look at once."""
        self._changed.set()

    def follow(self, paths: tuple[Path, ...]) -> None:
        self.poller.follow(paths)

    def row(self, path: Path | None) -> RunRow | None:
        return next((row for row in self.rows if row.path == path), None)

    def reader(self, path: Path | None) -> RunReader | None:
        return self.poller.of(path)

    @property
    def live(self) -> bool:
        """Whether any run goes on."""
        return any(row.alive for row in self.rows)

    def look(self) -> None:
        """Read the list once."""
        faults: dict[str, str] = {}
        found: dict[Path, RunRow] = {}
        for folder in self._folders:
            try:
                paths = runs_in(Path(folder).expanduser())
            except (TriscopeError, OSError) as error:
                faults[folder] = str(error)
                continue
            for path in paths[:MOST_RUNS]:
                if path not in found and _is_run(path):
                    found[path] = _row(path, folder)
        places = waiting.places()
        rows = [row if not (n := places.get(str(row.path), 0)) else RunRow(row.path, row.folder, row.state, row.job, row.record, n)
                for row in found.values()]  # fmt: skip
        rows.sort(key=lambda row: (-row.begun, row.name))
        self.rows, self.faults = tuple(rows), faults
        self.looked += 1

    def _work(self) -> None:
        while not self._stop:
            began = time.monotonic()
            before = self.rows, self.faults
            self.look()
            if self._wake is not None and before != (self.rows, self.faults):
                self._wake()
            self._changed.wait(max(LOOK_S, 4 * (time.monotonic() - began)))
            self._changed.clear()


def _is_run(path: Path) -> bool:
    """An empty folder may become a run, but it is not one to be listed yet."""
    try:
        return any(not name.startswith(".") for name in os.listdir(path))
    except OSError:
        return False


def _row(path: Path, folder: str) -> RunRow:
    try:
        found = desk.find(path)
    except (TriscopeError, OSError):
        found = None
    if found is None:
        return RunRow(path, folder, None, None, None)
    return RunRow(path, folder, found.state, found.job, found.record)
