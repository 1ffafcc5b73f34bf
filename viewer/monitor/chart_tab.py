"""The charts tab: toolbar, and a grid of chart cards by group that follows typing, width and new series."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from typing import Any, cast

import dearpygui.dearpygui as dpg

from viewer.monitor.chart_card import ChartCard
from viewer.monitor.theme import Tag
from viewer.monitor.view import View
from viewer.runs.board import ChartBoard
from viewer.runs.selection import AXES, MOST_COLUMNS, MOST_SMOOTHING
from viewer.runs.table import Axis

TITLES: dict[str, Axis] = {title: axis for axis, title, _ in AXES}
CARD_HEIGHT = 236
GAP = 8


class ChartTab:
    """`build` once, `update` every frame."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.board = ChartBoard()
        self.cards: list[ChartCard] = []
        self._body: Tag = 0
        self._key: object = None
        self._reset: Tag = 0
        self._smoothing: Tag = 0

    def build(self, parent: Tag) -> None:
        chosen, look = self.view.selection, self.view.look
        with dpg.group(parent=parent):
            dpg.add_spacer(height=2)
            with dpg.group(horizontal=True, horizontal_spacing=10):
                dpg.add_input_text(
                    hint="Filter charts", width=190, tag="chart-filter", callback=self._set("words")
                )
                self._label("x axis")
                dpg.add_combo(
                    list(TITLES), default_value="Images", width=96, tag="chart-axis", callback=self._set_axis
                )
                self._smoothing = dpg.add_text("", color=look.text_muted)
                dpg.add_slider_float(
                    default_value=chosen.smoothing,
                    max_value=MOST_SMOOTHING,
                    width=150,
                    format="",
                    tag="chart-smoothing",
                    callback=self._set("smoothing"),
                )
                dpg.add_checkbox(label="Log y", tag="chart-log", callback=self._set_log)
                dpg.add_checkbox(
                    label="Min/max band", default_value=True, tag="chart-band", callback=self._set("envelope")
                )
                self._label("Columns")
                dpg.add_combo(
                    [str(n) for n in range(1, MOST_COLUMNS + 1)],
                    default_value=str(chosen.columns),
                    width=56,
                    tag="chart-columns",
                    callback=self._set_columns,
                )
                self._reset = dpg.add_button(label="Show all", tag="chart-reset", callback=self._show_all)
            dpg.add_spacer(height=1)
            self._body = dpg.add_child_window(border=False, tag="chart-body")
            dpg.bind_item_theme(self._body, look.plain)

    def update(self) -> None:
        """Rebuild the grid where its contents have changed, then bring every visible card up to date."""
        chosen, board = self.view.selection, self.board
        width = int(dpg.get_item_rect_size(self._body)[0] or dpg.get_viewport_client_width() - 340)
        others = board.update(chosen, self.view.shown)
        nothing = "" if board.charts else board.nothing_words(chosen)
        key = (nothing, chosen.columns, width, chosen.log_scale)
        if others or key != self._key:
            self._key = key
            self._rebuild(width, nothing)
        dpg.set_value(
            self._smoothing, f"Smoothing {chosen.smoothing:.3f}" if chosen.smoothing > 0 else "Smoothing off"
        )
        dpg.configure_item(self._reset, show=chosen.window is not None)
        for card in self.cards:
            card.update()

    def _rebuild(self, width: int, nothing: str) -> None:
        look = self.view.look
        dpg.delete_item(self._body, children_only=True)
        self.cards = []
        if nothing:
            dpg.add_spacer(height=30, parent=self._body)
            dpg.add_text(nothing, color=look.text_muted, parent=self._body, indent=8)
            return
        columns = max(1, min(self.view.selection.columns, width // 240))
        each = (width - 14 - GAP * (columns - 1)) // columns
        for group, charts in self.board.groups().items():
            dpg.add_spacer(height=3, parent=self._body)
            heading = dpg.add_text(group.upper(), color=look.text_muted, parent=self._body, indent=2)
            dpg.bind_item_font(heading, look.faces.small)
            row = cast(Tag, 0)
            for index, chart in enumerate(charts):
                if index % columns == 0:
                    row = dpg.add_group(horizontal=True, horizontal_spacing=GAP, parent=self._body)
                card = ChartCard(self.view, self.board, chart)
                card.build(row, each, CARD_HEIGHT)
                self.cards.append(card)

    def _label(self, text: str) -> None:
        dpg.add_text(text, color=self.view.look.text_muted)

    def _set(self, name: str) -> Any:
        return lambda sender, value: setattr(self.view.selection, name, value)

    def _set_log(self, sender: Tag, value: bool) -> None:
        self.view.selection.log_scale = "log" if value else "linear"

    def _set_axis(self, sender: Tag, value: str) -> None:
        self.view.selection.count_by(TITLES[value])

    def _set_columns(self, sender: Tag, value: str) -> None:
        self.view.selection.columns = int(value)

    def _show_all(self) -> None:
        self.view.selection.window = None
