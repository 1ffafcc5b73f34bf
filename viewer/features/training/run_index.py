"""The runs that the Training workspace knows: found by a thread, read in full where ticked or chosen."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from core_model.schema.errors import TriscopeError
from core_model.schema.run import RunRecord
from viewer.jobs import job_service, waiting
from viewer.jobs.waiting import Waiting
from viewer.runs.files import runs_in
from viewer.runs.glance import Glance, Glances
from viewer.runs.job_record import ENDED, JobRecord, ShownState
from viewer.runs.poller import Poller
from viewer.runs.reader import RunReader

LOOK_S = 1.0
MOST_RUNS = 400


@dataclass(frozen=True)
class RunRow:
    """One line of the list.

    place: 1 = next in the queue of its devices, 0 = does not wait. foreign: of the EG3D family, described by
    `glance`.
    """

    path: Path
    folder: str
    state: ShownState | None
    job: JobRecord | None
    record: RunRecord | None
    place: int = 0
    glance: Glance | None = None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def foreign(self) -> bool:
        return self.job is None and self.record is None

    @property
    def ended_by(self) -> str:
        """Who killed it; "" where nobody did, or it is not known."""
        return (self.record.ended_by if self.record else "") or (self.job.ended_by if self.job else "")

    @property
    def share(self) -> float:
        """0 … 1 of the images that were asked for; 0 where unknown."""
        done, total = self.images
        return min(1.0, done / total) if total else 0.0

    @property
    def images(self) -> tuple[float, float]:
        """(seen, asked for); 0 where unknown."""
        told = self.record
        if told is not None:
            return float(told.images), float(told.images_total)
        return (self.glance.images, self.glance.total) if self.glance is not None else (0.0, 0.0)

    @property
    def alive(self) -> bool:
        return self.state is not None and self.state not in ENDED

    @property
    def begun(self) -> float:
        """Seconds since 1970 by which the list is ordered."""
        glance = self.glance.begun if self.glance is not None else 0.0
        return max(
            self.job.submitted if self.job else 0.0, self.record.started if self.record else 0.0, glance
        )


class RunIndex:
    """`follow` chooses the runs that are read in full; the searching thread replaces `rows` as a whole.

    wake: called from a thread when there is something new to draw. faults: folder → why it cannot be read.
    queue: jobs of this machine that run or wait for devices, in their order.
    """

    def __init__(self, wake: Callable[[], None] | None = None) -> None:
        self.rows: tuple[RunRow, ...] = ()
        self.faults: dict[str, str] = {}
        self.queue: tuple[Waiting, ...] = ()
        self.looked = 0
        self._glances = Glances()
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
        self.poller.host.disk = paths[0] if paths else Path.home()

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
                    found[path] = self._row(path, folder)
        queue = waiting.queue()
        places = {one.run: one.before for one in queue if one.before}
        rows = [
            replace(row, place=places[str(row.path)]) if str(row.path) in places else row
            for row in found.values()
        ]
        rows.sort(key=lambda row: (-row.begun, row.name))
        self.rows, self.faults, self.queue = tuple(rows), faults, queue
        self.looked += 1

    def _work(self) -> None:
        while not self._stop:
            began = time.monotonic()
            before = self.rows, self.faults, self.queue
            self.look()
            if self._wake is not None and before != (self.rows, self.faults, self.queue):
                self._wake()
            self._changed.wait(max(LOOK_S, 4 * (time.monotonic() - began)))
            self._changed.clear()

    def _row(self, path: Path, folder: str) -> RunRow:
        try:
            found = job_service.find(path)
        except (TriscopeError, OSError):
            found = None
        if found is not None:
            return RunRow(path, folder, found.state, found.job, found.record)
        glance = self._glances.of(path)
        return RunRow(path, folder, glance.state, None, None, glance=glance)


def _is_run(path: Path) -> bool:
    """Whether to list a folder: an empty one may become a run, but is not listed yet."""
    try:
        return any(not name.startswith(".") for name in os.listdir(path))
    except OSError:
        return False
