"""Alarms of all shown runs, newest first, each with a jump to its moment in charts and pictures."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

import dearpygui.dearpygui as dpg

from viewer.monitor.theme import Tag
from viewer.monitor.view import View
from viewer.runs.alarms import Alarm
from viewer.runs.format import in_ranges
from viewer.runs.reader import RunReader
from viewer.runs.run_health import ALARM_COLUMNS, MOST_ALARMS, NO_ALARMS, alarm_cells, alarms_of


class AlarmTab:
    def __init__(self, view: View) -> None:
        self.view = view
        self._key: object = None
        self._body: Tag = 0

    def build(self, parent: Tag) -> None:
        self._body = dpg.add_child_window(parent=parent, border=False, tag="alarm-body")
        dpg.bind_item_theme(self._body, self.view.look.plain)

    def update(self) -> None:
        found = alarms_of(self.view.shown)[:MOST_ALARMS]
        if found == self._key:
            return
        self._key = found
        dpg.delete_item(self._body, children_only=True)
        look = self.view.look
        if not found:
            dpg.add_spacer(height=30, parent=self._body)
            dpg.add_text(NO_ALARMS, parent=self._body, color=look.text_muted, indent=8)
            return
        with dpg.table(
            parent=self._body,
            policy=dpg.mvTable_SizingFixedFit,
            borders_innerH=True,
            row_background=False,
            pad_outerX=True,
        ):
            for name in ("", *ALARM_COLUMNS):
                dpg.add_table_column(label=name, width_stretch=name == ALARM_COLUMNS[-1])
            for run, alarm in found:
                with dpg.table_row(height=30):
                    self._row(run, alarm)

    def _row(self, run: RunReader, alarm: Alarm) -> None:
        look = self.view.look
        dpg.add_button(label="Show", width=58, user_data=(run, alarm), callback=self._jump)
        title = look.level(alarm.severity) if alarm.active else look.text_muted
        detail = look.text if alarm.active else look.text_muted
        inks = (title, self.view.colour(run), look.text, look.text, detail)
        cells = [
            dpg.add_text(in_ranges(text), color=ink)
            for text, ink in zip(alarm_cells(run, alarm), inks, strict=True)
        ]
        dpg.bind_item_font(cells[0], look.faces.bold)

    def _jump(self, sender: Tag, value: object, data: tuple[RunReader, Alarm]) -> None:
        self.view.selection.jump(*data)
