"""One chart: raw lines with their min/max band, the moving average over them, marks of the schedule and of alarms."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from dataclasses import dataclass, field

import dearpygui.dearpygui as dpg
import numpy as np

from viewer.monitor.theme import Rgba, Tag, faded, lighter, rgba
from viewer.monitor.view import View
from viewer.runs import format as words
from viewer.runs.board import events_near, limits, place_of, place_words, positive
from viewer.runs.catalogue import Chart
from viewer.runs.escapes import in_ranges
from viewer.runs.pyramid import Curve
from viewer.runs.reader import RunReader

LETTER = 6.7
"""Usual width of a letter in the small face, pixels: what does not fit beside the others is counted instead."""
NONE: list[float] = []


@dataclass
class _Drawn:
    """Items of one curve: run number, series name, colours and Dear PyGui tags."""

    run: int
    name: str
    label: str
    colour: Rgba
    band: Tag
    raw: Tag
    smooth: Tag
    legend: Tag
    curve: Curve | None = field(default=None, repr=False)


class ChartCard:
    """Draws `chart`, whose lines may be named differently in each run (`names[run][label]`)."""

    def __init__(self, view: View, chart: Chart, names: dict[int, dict[str, str]]) -> None:
        self.view, self.chart, self.names = view, chart, names
        self.plot: Tag = 0
        self._x: Tag = 0
        self._y: Tag = 0
        self._marks: Tag = 0
        self._alarms: Tag = 0
        self._more: Tag = 0
        self._legend_row: Tag = 0
        self._drawn: list[_Drawn] = []
        self._key: object = None
        self._applied: tuple[float, float] | None = None
        self._hold = 0
        self._scale = 1.0
        self._is_log = view.log_scale

    def build(self, parent: Tag, width: int, height: int) -> None:
        look = self.view.look
        with dpg.child_window(
            parent=parent, width=width, height=height, border=True, no_scrollbar=True, always_use_window_padding=True
        ) as card:
            dpg.bind_item_theme(card, look.card)
            with dpg.group(horizontal=True, horizontal_spacing=7):
                dpg.bind_item_font(dpg.add_text(self.chart.title), look.faces.bold)
                if self.chart.unit:
                    dpg.bind_item_font(dpg.add_text(self.chart.unit, color=look.text_muted), look.faces.small)
            self._legend_row = dpg.add_group(horizontal=True, horizontal_spacing=14)
            self._is_log = self.view.log_scale
            scale = dpg.mvPlotScale_Log10 if self._is_log else dpg.mvPlotScale_Linear
            self.plot = dpg.add_plot(width=-1, height=-1, no_menus=True, no_mouse_pos=True, no_title=True, fit_button=4)
            self._x = dpg.add_plot_axis(dpg.mvXAxis, parent=self.plot, no_menus=True, no_highlight=True)
            self._y = dpg.add_plot_axis(dpg.mvYAxis, parent=self.plot, no_menus=True, no_highlight=True, scale=scale, tick_format="%g")
            self._marks = dpg.add_inf_line_series(NONE, parent=self._y)
            self._alarms = dpg.add_inf_line_series(NONE, parent=self._y)
            dpg.bind_item_theme(self._marks, look.series(rgba(look.palette.faint, 0.55), 1.0))
            dpg.bind_item_theme(self._alarms, look.series(rgba(look.palette.bad, 0.75), 1.5))
            self._drawn = self._lines()
            dpg.bind_item_font(self.plot, look.faces.small)
            with dpg.item_handler_registry() as handlers:
                dpg.add_item_double_clicked_handler(0, callback=self._show_all)
            dpg.bind_item_handler_registry(self.plot, handlers)

    def update(self, span: tuple[float, float], frame: int) -> None:
        """Bring the picture up to date; span: shown part of x. Does nothing while it is scrolled out of sight."""
        if not dpg.is_item_visible(self.plot):
            return
        if self._hold:
            self._hold -= 1
            if not self._hold:
                dpg.set_axis_limits_auto(self._x)
        elif self._moved_by_hand():
            span = self.view.window or span
        hovered = dpg.is_item_hovered(self.plot)
        width = max(60, int(dpg.get_item_rect_size(self.plot)[0]) - 50)
        view = self.view
        versions = tuple(view.poller.runs[i].version for i in self.names)
        key = (versions, span, width, view.axis, view.smoothing, view.envelope, view.log_scale)
        if key != self._key:
            self._key = key
            self._redraw(span, width)
        if hovered:
            self._read_out()

    def _lines(self) -> list[_Drawn]:
        view, drawn = self.view, []
        labels = [line.label for line in self.chart.lines]
        many = len(view.shown) > 1
        for run, named in self.names.items():
            for place, label in enumerate(labels):
                if label not in named:
                    continue
                base = view.colour(run) if many else view.look.curves[place % len(view.look.curves)]
                colour = lighter(base, min(0.55, 0.45 * place), view.look.text) if many else base
                band = dpg.add_shade_series(NONE, NONE, y2=NONE, parent=self._y)
                raw = dpg.add_line_series(NONE, NONE, parent=self._y)
                smooth = dpg.add_line_series(NONE, NONE, parent=self._y)
                dpg.bind_item_theme(band, view.look.series(faded(colour, 0.20), 1.0, fill=True))
                dpg.bind_item_theme(raw, view.look.series(faded(colour, 0.38), 1.0))
                dpg.bind_item_theme(smooth, view.look.series(colour, 2.0))
                legend = dpg.add_text("", color=colour, parent=self._legend_row)
                dpg.bind_item_font(legend, view.look.faces.small)
                drawn.append(_Drawn(run, named[label], label, colour, band, raw, smooth, legend))
        self._more = dpg.add_text("", color=view.look.text_muted, parent=self._legend_row)
        dpg.bind_item_font(self._more, view.look.faces.small)
        return drawn

    def _redraw(self, span: tuple[float, float], width: int) -> None:
        view = self.view
        top = max(abs(span[0]), abs(span[1]))
        self._scale, label = words.axis_unit(
            view.axis, top, "ticks" if all(view.poller.runs[i].is_foreign for i in self.names) else "steps"
        )
        lows, highs, texts = [], [], []
        for one in self._drawn:
            run = view.poller.runs[one.run]
            with run.lock:
                table = run.table_of(one.name)
                # Evaluations are few and each one counts: an average over them would only lag behind.
                weight = view.smoothing if table is run.scalars else 0.0
                one.curve = table.curve(one.name, view.axis, *span, columns=width, weight=weight)
                newest = table.newest(one.name)
            self._show(one, one.curve)
            lows.append(one.curve.low)
            highs.append(one.curve.high)
            texts.append(self._legend(one, newest, run))
        self._write_legend(texts, width)
        dpg.configure_item(self._x, label=label)
        dpg.set_axis_limits(self._y, *limits(lows, highs, view.log_scale))
        self._apply(span)
        self._lines_at(span)

    def _show(self, one: _Drawn, curve: Curve) -> None:
        view = self.view
        x = curve.x / self._scale
        low, high, smooth = (positive(a) if view.log_scale else a for a in (curve.low, curve.high, curve.smooth))
        smoothed = view.smoothing > 0 and len(x) > 2
        if curve.exact or not view.envelope:
            middle = low if curve.exact else (low + high) / 2
            dpg.set_value(one.raw, [x, middle])
            dpg.set_value(one.band, [NONE, NONE, NONE])
        else:
            dpg.set_value(one.raw, [NONE, NONE])
            dpg.set_value(one.band, [x, high, low])
        dpg.set_value(one.smooth, [x, smooth if smoothed else (low if curve.exact else (low + high) / 2)])

    def _write_legend(self, texts: list[str], width: int) -> None:
        room, left = width + 36.0, len(texts)
        for one, text in zip(self._drawn, texts, strict=True):
            need = len(text) * LETTER + 14
            fits = room >= need + (40 if left > 1 else 0)
            room -= need if fits else room
            left -= fits
            dpg.set_value(one.legend, text)
            dpg.configure_item(one.legend, show=fits)
        dpg.set_value(self._more, f"+ {left}" if left else "")

    def _legend(self, one: _Drawn, newest: float, run: RunReader) -> str:
        if len(self.chart.lines) > 1 or len(self.names) == 1:
            return f"{one.label} {words.number(newest)}"
        name = in_ranges(run.name)
        name = name if len(name) <= 16 else name[:15] + "…"
        return f"{name} {words.number(newest)}"

    def _apply(self, span: tuple[float, float]) -> None:
        """Put the x axis where it belongs: locked for two frames, then free again for the hand."""
        limits = (span[0] / self._scale, span[1] / self._scale)
        if limits != self._applied:
            dpg.set_axis_limits(self._x, *limits)
            self._applied, self._hold = limits, 2

    def _moved_by_hand(self) -> bool:
        """Whether the hand has zoomed or panned since `_apply`; then the window of all charts follows."""
        if self._applied is None or not dpg.is_item_hovered(self.plot):
            return False
        low, high = dpg.get_axis_limits(self._x)
        size = self._applied[1] - self._applied[0]
        if abs(low - self._applied[0]) + abs(high - self._applied[1]) <= 1e-6 * abs(size) or high <= low:
            return False
        self.view.window = (low * self._scale, high * self._scale)
        self._applied = (low, high)
        return True

    def _show_all(self) -> None:
        self.view.window = None

    def _lines_at(self, span: tuple[float, float]) -> None:
        """Stage changes and alarms as upright lines; with several runs those of the chosen one."""
        view = self.view
        run = view.poller.runs[view.chosen if view.chosen in self.names else next(iter(self.names))]
        with run.lock:
            marks = [m.at(view.axis) for m in run.marks()]
            alarms = [place_of(a, view.axis) for a in run.alarms.alarms]
        for tag, places in ((self._marks, marks), (self._alarms, alarms)):
            inside = [p / self._scale for p in places if span[0] <= p <= span[1]]
            dpg.set_value(tag, [inside[:200]])

    def _read_out(self) -> None:
        """Tooltip: values of every curve under the cursor, raw and smoothed, and what happened there."""
        at = dpg.get_plot_mouse_pos()[0]
        x = at * self._scale
        view = self.view
        rows = [place_words(x, view.axis)]
        several = len(self.names) > 1
        for one in self._drawn:
            if one.curve is None or not len(one.curve.x):
                continue
            i = int(np.argmin(np.abs(one.curve.x - x)))
            low, high = one.curve.low[i], one.curve.high[i]
            raw = words.number(low) if low == high else f"{words.number(low)} to {words.number(high)}"
            who = f"{in_ranges(self.view.poller.runs[one.run].name)[:18]:<18} " if several else ""
            rows.append(f"{who}{one.label[:14]:<14} {words.number(one.curve.smooth[i]):>10}   raw {raw}")
        low, high = dpg.get_axis_limits(self._x)
        events = events_near(view.run, view.axis, x, 0.012 * (high - low) * self._scale)
        view.readout.say("\n".join([*rows, *events]))
