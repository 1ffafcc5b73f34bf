"""The charts tab: toolbar, and a grid of chart cards by group that follows typing, width and new series."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from typing import Any, cast

import dearpygui.dearpygui as dpg

from viewer.monitor.chart_card import ChartCard
from viewer.monitor.theme import Tag
from viewer.monitor.view import View
from viewer.runs.board import ChartKey, Names, chart_of, shared_charts, whole_span
from viewer.runs.table import Axis

AXES: dict[str, Axis] = {"Images": "images", "Steps": "steps", "Time": "time"}
CARD_HEIGHT = 236
GAP = 8


class ChartBoard:
    """`build` once, `update` every frame."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.cards: list[ChartCard] = []
        self._body: Tag = 0
        self._key: object = None
        self._frame = 0
        self._reset: Tag = 0
        self._smoothing: Tag = 0

    def build(self, parent: Tag) -> None:
        view, look = self.view, self.view.look
        with dpg.group(parent=parent):
            dpg.add_spacer(height=2)
            with dpg.group(horizontal=True, horizontal_spacing=10):
                dpg.add_input_text(hint="Filter charts", width=190, tag="chart-filter", callback=self._set("words"))
                self._label("x axis")
                dpg.add_combo(list(AXES), default_value="Images", width=96, tag="chart-axis", callback=self._set_axis)
                self._smoothing = dpg.add_text("", color=look.text_muted)
                dpg.add_slider_float(
                    default_value=view.smoothing,
                    max_value=0.995,
                    width=150,
                    format="",
                    tag="chart-smoothing",
                    callback=self._set("smoothing"),
                )
                dpg.add_checkbox(label="Log y", tag="chart-log", callback=self._set("log_scale"))
                dpg.add_checkbox(label="Min/max band", default_value=True, tag="chart-band", callback=self._set("envelope"))
                self._label("Columns")
                dpg.add_combo(
                    ["1", "2", "3", "4", "5"], default_value=str(view.columns), width=56, tag="chart-columns", callback=self._set_columns
                )
                self._reset = dpg.add_button(label="Show all", tag="chart-reset", callback=self._show_all)
            dpg.add_spacer(height=1)
            self._body = dpg.add_child_window(border=False, tag="chart-body")
            dpg.bind_item_theme(self._body, look.plain)

    def update(self) -> None:
        """Rebuild the grid where its contents have changed, then bring every visible card up to date."""
        view = self.view
        self._frame += 1
        width = dpg.get_item_rect_size(self._body)[0] or dpg.get_viewport_client_width() - 340
        wanted = shared_charts(view.shown, view.words)
        key = (repr(wanted), tuple(i for i, _ in view.shown), view.columns, int(width), view.log_scale)
        if key != self._key:
            self._key = key
            self._rebuild(wanted, int(width))
        dpg.set_value(self._smoothing, f"Smoothing {view.smoothing:.3f}" if view.smoothing > 0 else "Smoothing off")
        span = view.window or whole_span([run for _, run in view.shown], view.axis)
        dpg.configure_item(self._reset, show=view.window is not None)
        for card in self.cards:
            card.update(span, self._frame)

    def _rebuild(self, wanted: dict[ChartKey, Names], width: int) -> None:
        look = self.view.look
        dpg.delete_item(self._body, children_only=True)
        self.cards = []
        if not wanted:
            text = (
                "No chart fits the filter." if self.view.words else "No statistics yet: charts appear with the first line of stats.jsonl."
            )
            dpg.add_spacer(height=30, parent=self._body)
            dpg.add_text(text, color=look.text_muted, parent=self._body, indent=8)
            return
        columns = max(1, min(self.view.columns, width // 240))
        each = (width - 14 - GAP * (columns - 1)) // columns
        group, row, in_row = "", cast(Tag, 0), 0
        for key, names in wanted.items():
            if key[0] != group:
                group, in_row = key[0], 0
                dpg.add_spacer(height=3, parent=self._body)
                dpg.bind_item_font(dpg.add_text(group.upper(), color=look.text_muted, parent=self._body, indent=2), look.faces.small)
            if in_row % columns == 0:
                row = dpg.add_group(horizontal=True, horizontal_spacing=GAP, parent=self._body)
            in_row += 1
            card = ChartCard(self.view, chart_of(key, names), names)
            card.build(row, each, CARD_HEIGHT)
            self.cards.append(card)

    def _label(self, text: str) -> None:
        dpg.add_text(text, color=self.view.look.text_muted)

    def _set(self, name: str) -> Any:
        return lambda sender, value: setattr(self.view, name, value)

    def _set_axis(self, sender: Tag, value: str) -> None:
        self.view.axis, self.view.window = AXES[value], None

    def _set_columns(self, sender: Tag, value: str) -> None:
        self.view.columns = int(value)

    def _show_all(self) -> None:
        self.view.window = None
