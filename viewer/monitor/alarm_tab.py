"""Alarms of all shown runs, newest first, each with a jump to its moment in charts and pictures."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

import dearpygui.dearpygui as dpg

from viewer.monitor.theme import Tag
from viewer.monitor.view import Moment, View
from viewer.runs import format as words
from viewer.runs.alarms import Alarm
from viewer.runs.escapes import in_ranges
from viewer.runs.reader import RunReader
from viewer.runs.run_health import standing_alarms

LIMIT = 200


class AlarmTab:
    def __init__(self, view: View) -> None:
        self.view = view
        self._key: object = None
        self._body: Tag = 0

    def build(self, parent: Tag) -> None:
        self._body = dpg.add_child_window(parent=parent, border=False, tag="alarm-body")
        dpg.bind_item_theme(self._body, self.view.look.plain)

    def update(self) -> None:
        found = [(i, run, alarm) for i, run in self.view.shown for alarm in self._of(run)]
        key = tuple((i, alarm) for i, _, alarm in found)
        if key == self._key:
            return
        self._key = key
        dpg.delete_item(self._body, children_only=True)
        look = self.view.look
        if not found:
            dpg.add_spacer(height=30, parent=self._body)
            text = "No alarms. Watched: NaN, skipped gradients, discriminator, beta, depth, sampler entropy, loader, ADA, silence, disk."
            dpg.add_text(text, parent=self._body, color=look.text_muted, indent=8)
            return
        found.sort(key=lambda item: (not item[2].active, item[2].severity != "bad", -item[2].images))
        with dpg.table(parent=self._body, policy=dpg.mvTable_SizingFixedFit, borders_innerH=True, row_background=False, pad_outerX=True):
            for name in ("", "Alarm", "Run", "Images", "Time", "What was seen"):
                dpg.add_table_column(label=name, width_stretch=name == "What was seen")
            for i, run, alarm in found[:LIMIT]:
                with dpg.table_row(height=30):
                    dpg.add_button(label="Show", width=58, user_data=(i, alarm), callback=self._jump, enabled=alarm.row >= 0)
                    title = dpg.add_text(alarm.title, color=look.level(alarm.severity) if alarm.active else look.text_muted)
                    dpg.bind_item_font(title, look.faces.bold)
                    dpg.add_text(in_ranges(run.name)[:30], color=self.view.colour(i))
                    dpg.add_text(words.amount(alarm.images))
                    dpg.add_text(words.duration(alarm.time))
                    dpg.add_text(alarm.detail + ("" if alarm.active else "  (over)"), color=look.text if alarm.active else look.text_muted)

    def _of(self, run: RunReader) -> list[Alarm]:
        with run.lock:
            return [*run.alarms.alarms, *standing_alarms(run)]

    def _jump(self, sender: Tag, value: object, data: tuple[int, Alarm]) -> None:
        index, alarm = data
        view = self.view
        at = {"images": alarm.images, "steps": alarm.step, "time": alarm.time}[view.axis]
        run = view.poller.runs[index]
        with run.lock:
            x = run.scalars.axis(view.axis)
            reach = max(float(x[-1]) * 0.05, 1e-9) if len(x) else 1.0
        view.window, view.chosen, view.moment = (max(0.0, at - reach), at + reach), index, Moment(index, alarm.step, alarm.images)
        view.show_tab("charts")
