"""The runs that the Training workspace knows: found by a thread, read in full where ticked or chosen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import PurePath

from core_model.schema.errors import TriscopeError
from viewer.jobs.desk import Desk, LocalDesk
from viewer.jobs.run_rows import RunRow
from viewer.jobs.waiting import Waiting
from viewer.runs.poller import Poller
from viewer.runs.reader import RunReader

LOOK_S = 1.0


class RunIndex:
    """`follow` chooses the runs that are read in full; the searching thread replaces `rows` as a whole.

    wake: called from a thread when there is something new to draw. desk: the machine that trains. faults: folder → why it
    cannot be read. queue: jobs of that machine that run or wait for devices, in their order. trouble: why the machine
    could not be asked when that was tried last; what is shown is then what it said before.
    """

    def __init__(self, wake: Callable[[], None] | None = None, desk: Desk | None = None) -> None:
        self.desk: Desk = desk or LocalDesk()
        self.rows: tuple[RunRow, ...] = ()
        self.faults: dict[str, str] = {}
        self.queue: tuple[Waiting, ...] = ()
        self.looked = 0
        self.trouble = ""
        self._folders: tuple[str, ...] = ()
        self._wake = wake
        self.poller = self._new_poller()
        self._changed = threading.Event()
        self._stop = False
        self._thread: threading.Thread | None = None

    def _new_poller(self) -> Poller:
        source = lambda run: self.desk.source(run)
        return Poller((), wake=self._wake, sources=source, host=self.desk.host())

    def use(self, desk: Desk) -> None:
        """The machine that trains; before `start`."""
        if desk is not self.desk and self._thread is None:
            self.desk = desk
            self.poller.host.close()
            self.poller = self._new_poller()

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

    def follow(self, paths: tuple[PurePath, ...]) -> None:
        self.poller.follow(paths)
        self.poller.host.follow(paths[0] if paths else None)

    def row(self, path: PurePath | None) -> RunRow | None:
        return next((row for row in self.rows if row.path == path), None)

    def reader(self, path: PurePath | None) -> RunReader | None:
        return self.poller.of(path)

    @property
    def live(self) -> bool:
        """Whether any run goes on."""
        return any(row.alive for row in self.rows)

    def look(self) -> None:
        """Read the list once; one that cannot be read leaves what was known."""
        try:
            found = self.desk.list_runs(self._folders)
        except (TriscopeError, OSError) as error:
            self.trouble = self.desk.trouble or str(error)
            return
        self.rows, self.faults, self.queue = found.rows, found.faults, found.queue
        self.trouble = ""
        self.looked += 1

    def _work(self) -> None:
        while not self._stop:
            began = time.monotonic()
            before = self.rows, self.faults, self.queue, self.trouble
            self.look()
            if self._wake is not None and before != (self.rows, self.faults, self.queue, self.trouble):
                self._wake()
            self._changed.wait(max(LOOK_S, 4 * min(time.monotonic() - began, 5.0)))
            self._changed.clear()
