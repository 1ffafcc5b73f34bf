"""What runs were asked for and have not carried out yet: one request of a run at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import PurePath

from core_model.schema.run import ControlRequest, RunRecord
from viewer.runs.job_record import ENDED, ShownState

FOREIGN = "A run of another program: it can be watched, not steered"
PATIENCE_S = 120.0
"""A trainer looks for requests after every step; who has not answered by then may never, as the copy of a run does not."""


class Wishes:
    """The last request to each run, until its trainer has carried it out or the run has ended.

    clock: seconds, as of `time.monotonic`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_run: dict[PurePath, tuple[ControlRequest, float]] = {}

    def note(self, run: PurePath, wish: ControlRequest) -> None:
        self._by_run[run] = wish, self._clock()

    def waiting(self, run: PurePath, record: RunRecord | None, state: ShownState | None) -> str:
        """The action that is waited for; "" = none, or none any more: it can be asked for again."""
        wish = self._open(run, record, state)
        return "" if wish is None or self._late(run) else wish.action

    def note_of(self, run: PurePath, record: RunRecord | None, state: ShownState | None) -> str:
        """What to say beside the buttons about a request that has not been carried out; "" = nothing is open."""
        wish = self._open(run, record, state)
        if wish is None:
            return ""
        if not self._late(run):
            return f"asked to {wish.action} …"
        minutes = int((self._clock() - self._by_run[run][1]) / 60.0)
        return f"asked to {wish.action} {minutes} min ago, no answer: its trainer is busy, or this is a copy"

    def _open(
        self, run: PurePath, record: RunRecord | None, state: ShownState | None
    ) -> ControlRequest | None:
        found = self._by_run.get(run)
        if found is None:
            return None
        if state in ENDED or (record is not None and record.last_control == found[0].id):
            del self._by_run[run]
            return None
        return found[0]

    def _late(self, run: PurePath) -> bool:
        return self._clock() - self._by_run[run][1] > PATIENCE_S
