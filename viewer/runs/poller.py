"""Reads the followed runs ten times per second in a thread, so that a slow disk never blocks a window."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import PurePath

from core_model.schema.home import home
from viewer.runs.host import HostSampler
from viewer.runs.reader import RunReader
from viewer.runs.source import HERE, RunSource

PERIOD_S = 0.1
HOST_S = 1.0


class Poller:
    """`runs` are drawn while holding their locks; `host` is sampled once per second. `why`: the last
    unexpected error, if any. `away`: why the machine with the runs cannot be asked, "" where it can.

    wake: called from the thread when something new can be drawn. sources: where the files of a run are read.
    """

    def __init__(
        self,
        paths: tuple[PurePath, ...],
        wake: Callable[[], None] | None = None,
        sources: Callable[[PurePath], RunSource] = lambda path: HERE,
        host: HostSampler | None = None,
    ) -> None:
        self._sources = sources
        self.runs = tuple(RunReader(path, sources(path)) for path in paths)
        self.host = host or HostSampler(paths[0] if paths else home())
        self.version = 0
        self.why = self.away = ""
        self._wake = wake
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="run-reader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """End the thread; one that hangs on a disk is a daemon and dies with the process."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def follow(self, paths: tuple[PurePath, ...]) -> None:
        """Follow these runs from now on, in this order; what was read of runs that stay is kept."""
        known = {run.path: run for run in self.runs}
        if tuple(known) != paths:
            self.runs = tuple(known.get(path) or RunReader(path, self._sources(path)) for path in paths)

    def of(self, path: PurePath | None) -> RunReader | None:
        """The reader of a followed run."""
        return next((run for run in self.runs if run.path == path), None)

    def versions(self) -> tuple[int, ...]:
        """Changes whenever anything that could be drawn has changed."""
        return (self.version, *(run.version for run in self.runs))

    def _work(self) -> None:
        next_host = 0.0
        seen: tuple[int, ...] = ()
        while not self._stop.is_set():
            began = time.monotonic()
            more = False
            for run in self.runs:
                try:
                    more |= run.poll()
                except (
                    Exception
                ) as error:  # readers should never raise; if one does, the window shows it and continues
                    self.why = f"{run.name}: {type(error).__name__}: {error}"
            if began >= next_host:
                next_host = began + HOST_S
                try:
                    self.host.sample()
                    self.away = ""
                except OSError as error:
                    self.away = error.strerror or str(error)
                self.version += 1
            now = self.versions()
            if self._wake is not None and now[1:] != seen:
                self._wake()
            seen = now[1:]
            self._stop.wait(0.002 if more else max(0.005, PERIOD_S - (time.monotonic() - began)))
