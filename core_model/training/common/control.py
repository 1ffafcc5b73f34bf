"""Requests to a running trainer: RUN/control.json, SIGTERM, SIGINT."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core_model.training.common.distributed import Ranks
from core_model.training.common.run_directory import RunDirectory
from core_model.training.common.ticks import TickMeans

NOTHING, STOP, PAUSE, CONTINUE, SNAPSHOT = range(5)
_CODES = {"stop": STOP, "pause": PAUSE, "continue": CONTINUE, "snapshot": SNAPSHOT}


class Requests:
    """Carries out requests between two steps; all processes of a run follow its writer.

    run: only the writer has one. paused_s: seconds that do not count as training time; `means` exclude them.
    """

    def __init__(
        self, run: RunDirectory | None, ranks: Ranks, means: TickMeans, stop_asked: Callable[[], bool]
    ) -> None:
        self.run, self.ranks, self.means, self._stop_asked = run, ranks, means, stop_asked
        self.paused_s = 0.0
        self._pending: str | None = None

    def served(self, step: int, save: Callable[[], None]) -> bool:
        """Carry out the requests since the last call, after `step` steps. True when the trainer must save and
        stop.
        """
        code = self.ranks.from_writer(self._newest(step))
        if code == SNAPSHOT:
            save()
        if code == PAUSE:
            code = self._pause(step, save)
        self._acknowledge()
        return code == STOP

    def _pause(self, step: int, save: Callable[[], None]) -> int:
        """Save, then wait for `continue` or `stop`."""
        if self.run is not None:
            self.run.say(f"paused at step {step}")
        save()
        if self.run is not None:
            self.run.update(state="paused")
        self._acknowledge()
        before, code = time.perf_counter(), NOTHING
        while code not in (CONTINUE, STOP):
            time.sleep(0.2)
            code = self.ranks.from_writer(self._newest(step))
            if code == SNAPSHOT:
                save()
            if code not in (NOTHING, CONTINUE, STOP):
                self._acknowledge()
        self.paused_s += time.perf_counter() - before
        self.means.restart()
        if self.run is not None and code == CONTINUE:
            self.run.update(state="running")
        return code

    def _newest(self, step: int) -> int:
        if self._stop_asked():
            return STOP
        request = self.run.control() if self.run is not None else None
        if request is None or self.run is None:
            return NOTHING
        self._pending = request.id
        self.run.say(f"asked to {request.action} at step {step}")
        return _CODES[request.action]

    def _acknowledge(self) -> None:
        if self._pending is not None and self.run is not None:
            self.run.update(last_control=self._pending)
            self._pending = None


@contextmanager
def stop_flag() -> Iterator[Callable[[], bool]]:
    """Within this context SIGTERM and SIGINT set a flag that requests a clean stop; afterwards the old
    handlers are back.

    Outside the main thread, where Python delivers no signals, the flag is never set.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {
        number: signal.signal(number, lambda *_: asked.set()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
