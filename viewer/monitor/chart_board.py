"""The charts tab: toolbar, and a grid of chart cards by group that follows typing, width and new series."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from typing import Any, cast

import dearpygui.dearpygui as dpg

from viewer.monitor.chart_card import ChartCard
from viewer.monitor.theme import Tag
from viewer.monitor.view import View
from viewer.runs.catalogue import GROUPS, Chart, Line, charts
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
        wanted = self._wanted()
        key = (repr(wanted), tuple(i for i, _ in view.shown), view.columns, int(width), view.log_scale)
        if key != self._key:
            self._key = key
            self._rebuild(wanted, int(width))
        dpg.set_value(self._smoothing, f"Smoothing {view.smoothing:.3f}" if view.smoothing > 0 else "Smoothing off")
        span = view.window or self._whole()
        dpg.configure_item(self._reset, show=view.window is not None)
        for card in self.cards:
            card.update(span, self._frame)

    def _wanted(self) -> dict[tuple[str, str, str], dict[int, dict[str, str]]]:
        """(group, title, unit) → run → label → series name, for what passes the filter."""
        merged: dict[tuple[str, str, str], dict[int, dict[str, str]]] = {}
        for i, run in self.view.shown:
            with run.lock:
                names = run.names()
                metrics = frozenset(n for table in run.metrics.values() for n in table.series)
            for chart in _charts(tuple(names), metrics):
                if chart.fits(self.view.words):
                    merged.setdefault((chart.group, chart.title, chart.unit), {})[i] = {line.label: line.name for line in chart.lines}
        ordered = sorted(merged, key=lambda key: GROUPS.index(key[0]))
        return {key: merged[key] for key in ordered}

    def _whole(self) -> tuple[float, float]:
        tops = []
        for _, run in self.view.shown:
            with run.lock:
                x = run.scalars.axis(self.view.axis)
                tops += [float(x[-1])] if len(x) else []
        return 0.0, max(tops, default=1.0) or 1.0

    def _rebuild(self, wanted: dict[tuple[str, str, str], dict[int, dict[str, str]]], width: int) -> None:
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
            labels = dict.fromkeys(label for named in names.values() for label in named)
            chart = Chart(*key, lines=tuple(Line(label, label) for label in labels))
            card = ChartCard(self.view, chart, names)
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


_CACHE: dict[tuple[tuple[str, ...], frozenset[str]], tuple[Chart, ...]] = {}


def _charts(names: tuple[str, ...], metrics: frozenset[str]) -> tuple[Chart, ...]:
    if (names, metrics) not in _CACHE:
        if len(_CACHE) > 64:
            _CACHE.clear()
        _CACHE[names, metrics] = charts(list(names), metrics)
    return _CACHE[names, metrics]
