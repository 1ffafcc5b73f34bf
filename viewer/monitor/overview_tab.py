"""The overview: facts of the chosen run with what steers it, and the settings of all shown runs side by side."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

import dearpygui.dearpygui as dpg

from viewer.monitor.steering import Steering
from viewer.monitor.theme import Tag
from viewer.monitor.view import View
from viewer.runs.facts import SettingRow, SettingsPage, command_line, facts
from viewer.runs.format import in_ranges

LABEL = 150


class OverviewTab:
    def __init__(self, view: View, steering: Steering) -> None:
        self.view, self.steering = view, steering
        self._body: Tag = 0
        self._key: object = None
        self.page = SettingsPage(only_different=False)
        self._values: dict[tuple[str, str], Tag] = {}

    def build(self, parent: Tag) -> None:
        self.steering.build(parent)
        self._body = dpg.add_child_window(parent=parent, border=False, tag="overview-body")
        dpg.bind_item_theme(self._body, self.view.look.plain)

    def update(self) -> None:
        """New rows rebuild the page; new values are put in place."""
        self.steering.update()
        run = self.view.run
        with run.lock:
            groups = facts(run)
        shown = self.view.shown
        settings = self.page.rows(shown)
        shape = (run, [(g, [label for label, _ in rows]) for g, rows in groups], shown, settings)
        if shape != self._key:
            self._key = shape
            self._rebuild(groups, settings)
        for group, rows in groups:
            for label, text in rows:
                if (group, label) in self._values:
                    dpg.set_value(self._values[group, label], in_ranges(text))

    def _rebuild(self, groups: list[tuple[str, list[tuple[str, str]]]], settings: list[SettingRow]) -> None:
        look = self.view.look
        dpg.delete_item(self._body, children_only=True)
        self._values = {}
        width = int(dpg.get_item_rect_size(self._body)[0] or 1200)
        left = min(640, width // 2 - 8)
        with dpg.group(horizontal=True, horizontal_spacing=8, parent=self._body):
            with dpg.child_window(width=left, border=True, always_use_window_padding=True) as card:
                dpg.bind_item_theme(card, look.card)
                for group, rows in groups:
                    dpg.bind_item_font(dpg.add_text(group), look.faces.bold)
                    for label, _ in rows:
                        self._row(group, label, left)
                    dpg.add_spacer(height=6)
                dpg.add_button(
                    label="Copy the command",
                    tag="overview-copy",
                    callback=self._copy_command,
                    show=bool(command_line(self.view.run)),
                )
            with dpg.child_window(width=-1, border=True, always_use_window_padding=True) as card:
                dpg.bind_item_theme(card, look.card)
                self._settings(settings)

    def _row(self, group: str, label: str, width: int) -> None:
        with dpg.group(horizontal=True):
            dpg.add_text(label, color=self.view.look.text_muted)
            self._values[group, label] = dpg.add_text("", indent=LABEL, wrap=width - 20)

    def _settings(self, settings: list[SettingRow]) -> None:
        look, runs = self.view.look, self.view.shown
        with dpg.group(horizontal=True, horizontal_spacing=10):
            dpg.bind_item_font(dpg.add_text("Settings"), look.faces.bold)
            dpg.add_input_text(
                hint="Filter settings",
                width=190,
                default_value=self.page.words,
                tag="settings-filter",
                callback=self._set("words"),
            )
            dpg.add_checkbox(
                label="Only what differs",
                default_value=self.page.only_different,
                show=len(runs) > 1,
                callback=self._set("only_different"),
            )
        with dpg.table(
            policy=dpg.mvTable_SizingStretchProp,
            borders_innerH=True,
            scrollY=True,
            freeze_rows=1,
            resizable=True,
            pad_outerX=False,
        ):
            dpg.add_table_column(label="Setting", init_width_or_weight=1.2)
            for run in runs:
                dpg.add_table_column(label=in_ranges(run.name)[:22], init_width_or_weight=1.0)
            for row in settings:
                with dpg.table_row():
                    dpg.add_text(in_ranges(row.name), color=look.text_muted)
                    ink = look.level("warn") if row.contrary else look.text
                    for value in row.values:
                        dpg.add_text(in_ranges(value)[:80], color=ink)

    def _copy_command(self) -> None:
        dpg.set_clipboard_text(command_line(self.view.run))

    def _set(self, name: str):
        return lambda sender, value: setattr(self.page, name, value)
