"""What runs were asked for and have not carried out yet: one request of a run at a time."""

from __future__ import annotations

from pathlib import PurePath

from core_model.schema.run import ControlRequest, RunRecord
from viewer.runs.job_record import ENDED, ShownState

FOREIGN = "A run of another program: it can be watched, not steered"


class Wishes:
    """The last request to each run, until its trainer has carried it out or the run has ended."""

    def __init__(self) -> None:
        self._by_run: dict[PurePath, ControlRequest] = {}

    def note(self, run: PurePath, wish: ControlRequest) -> None:
        self._by_run[run] = wish

    def waiting(self, run: PurePath, record: RunRecord | None, state: ShownState | None) -> str:
        """The action that is waited for; "" = none."""
        wish = self._by_run.get(run)
        if wish is None:
            return ""
        if state in ENDED or (record is not None and record.last_control == wish.id):
            del self._by_run[run]
            return ""
        return wish.action
