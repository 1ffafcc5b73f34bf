"""Buttons that steer the chosen run: what they ask for is written into its directory, here or over there."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

import dearpygui.dearpygui as dpg

from core_model.schema.run import Action
from viewer.jobs.errands import Errands
from viewer.jobs.wishes import FOREIGN, Wishes
from viewer.monitor.theme import Tag
from viewer.monitor.view import View
from viewer.runs.format import in_ranges
from viewer.runs.job_record import ENDED
from viewer.runs.reader import RunReader

if TYPE_CHECKING:
    from viewer.jobs.desk import Desk

BUTTONS: tuple[tuple[Action, str, str], ...] = (
    ("stop", "Stop", "Write a snapshot and its resume state, then end"),
    ("pause", "Pause", "Write a snapshot and wait; memory stays taken"),
    ("continue", "Resume", "Let the paused run go on"),
    ("snapshot", "Snapshot", "Write a snapshot and its resume state now"),
)

ROW = 26
"""Height of the row, whatever it shows [pixels]."""


class Steering:
    """One row. Requests are written by threads of their own: a disk, or a line, may be slow."""

    def __init__(self, view: View, desk: Desk | None) -> None:
        """desk: of the machine with the runs; None = this one."""
        self.view, self._desk = view, desk
        self.errands = Errands()
        self._wishes = Wishes()
        self._said = ""
        self._note: Tag = 0

    def build(self, parent: Tag) -> None:
        with dpg.group(horizontal=True, horizontal_spacing=8, parent=parent):
            # a row that begins with a hidden item would go on beside what stands above it
            dpg.add_spacer(width=1, height=ROW)
            for action, title, tip in BUTTONS:
                dpg.add_button(label=title, tag=f"steer-{action}", callback=self._pressed(action), show=False)
                with dpg.tooltip(f"steer-{action}"):
                    dpg.add_text(tip)
            self._note = dpg.add_text("", color=self.view.look.text_muted)

    def update(self) -> None:
        """Shows what the chosen run can be asked for, and what it was asked."""
        for outcome in self.errands.take():
            self._said = outcome.error
        run = self.view.run
        with run.lock:
            record = run.record
        wish = self._wishes.waiting(run.path, record, run.state)
        possible, asking = self.possible(run), bool(self.errands.under_way)
        for action, _, _ in BUTTONS:
            dpg.configure_item(f"steer-{action}", show=action in possible and not wish and not asking)
        told = self._wishes.note_of(run.path, record, run.state)
        text = told or ("asking …" if asking else self._said or self._why(run))
        dpg.set_value(self._note, in_ranges(text))

    def possible(self, run: RunReader) -> tuple[Action, ...]:
        """What a run in this state listens to; a run of another program, and one that has ended, to nothing."""
        if run.is_foreign or run.state in ENDED or run.state == "queued":
            return ()
        return ("stop", "continue", "snapshot") if run.state == "paused" else ("stop", "pause", "snapshot")

    def _why(self, run: RunReader) -> str:
        if run.is_foreign:
            return FOREIGN
        return f"The run is not under way ({run.state})" if not self.possible(run) else ""

    def _pressed(self, action: Action):
        return lambda: self.ask(self.view.run.path, action)

    def ask(self, run: PurePath, action: Action) -> None:
        """Write the request; what goes wrong is shown beside the buttons."""

        def write() -> None:
            from viewer.jobs.desk import LocalDesk

            self._desk = self._desk or LocalDesk()
            self._wishes.note(run, self._desk.request(run, action))

        self._said = ""
        self.errands.run(f"Asking {run.name} to {action}", write)
