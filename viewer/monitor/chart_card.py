"""One chart as items of Dear PyGui: raw lines, min/max bands, averages, marks, legend, readout."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from dataclasses import dataclass

import dearpygui.dearpygui as dpg

from viewer.monitor.theme import Tag, faded, lighter, rgba
from viewer.monitor.view import View
from viewer.runs.board import ChartBoard
from viewer.runs.chart import ChartLine, ChartModel, events_near
from viewer.runs.format import in_ranges
from viewer.runs.reader import RunReader

LETTER = 6.7
"""Usual width of a letter in the small face, pixels: what does not fit is counted instead."""
NONE: list[float] = []


@dataclass(frozen=True)
class _Drawn:
    """A line of the chart and its Dear PyGui tags."""

    line: ChartLine
    band: Tag
    raw: Tag
    smooth: Tag
    legend: Tag


class ChartCard:
    """`build` once, `update` every frame."""

    def __init__(self, view: View, board: ChartBoard, model: ChartModel) -> None:
        self.view, self.board, self.model = view, board, model
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
        self._is_log = board.is_log(view.selection, model.key)

    def build(self, parent: Tag, width: int, height: int) -> None:
        look = self.view.look
        with dpg.child_window(
            parent=parent,
            width=width,
            height=height,
            border=True,
            no_scrollbar=True,
            always_use_window_padding=True,
        ) as card:
            dpg.bind_item_theme(card, look.card)
            with dpg.group(horizontal=True, horizontal_spacing=7):
                dpg.bind_item_font(dpg.add_text(self.model.chart.title), look.faces.bold)
                if self.model.chart.unit:
                    dpg.bind_item_font(
                        dpg.add_text(self.model.chart.unit, color=look.text_muted), look.faces.small
                    )
            self._legend_row = dpg.add_group(horizontal=True, horizontal_spacing=14)
            scale = dpg.mvPlotScale_Log10 if self._is_log else dpg.mvPlotScale_Linear
            self.plot = dpg.add_plot(
                width=-1, height=-1, no_menus=True, no_mouse_pos=True, no_title=True, fit_button=4
            )
            self._x = dpg.add_plot_axis(dpg.mvXAxis, parent=self.plot, no_menus=True, no_highlight=True)
            self._y = dpg.add_plot_axis(
                dpg.mvYAxis, parent=self.plot, no_menus=True, no_highlight=True, scale=scale, tick_format="%g"
            )
            self._marks = dpg.add_inf_line_series(NONE, parent=self._y)
            self._alarms = dpg.add_inf_line_series(NONE, parent=self._y)
            dpg.bind_item_theme(self._marks, look.series(rgba(look.palette.faint, 0.55), 1.0))
            dpg.bind_item_theme(self._alarms, look.series(rgba(look.palette.bad, 0.75), 1.5))
            self._drawn = self._lines()
            dpg.bind_item_font(self.plot, look.faces.small)
            with dpg.item_handler_registry() as handlers:
                dpg.add_item_double_clicked_handler(0, callback=self._show_all)
            dpg.bind_item_handler_registry(self.plot, handlers)

    def update(self) -> None:
        """Bring the chart up to date; does nothing while it is scrolled out of view."""
        if not dpg.is_item_visible(self.plot):
            return
        chosen, span = self.view.selection, self.board.span
        if self._hold:
            self._hold -= 1
            if not self._hold:
                dpg.set_axis_limits_auto(self._x)
        elif self._moved_by_hand():
            span = chosen.window or span
        hovered = dpg.is_item_hovered(self.plot)
        width = max(60, int(dpg.get_item_rect_size(self.plot)[0]) - 50)
        made = self.model.refresh(chosen, span, width, self._is_log)
        key = (chosen.envelope, self._marked)
        if made or key != self._key:
            self._key = key
            self._redraw(span, width)
        if hovered:
            self._read_out()

    @property
    def _marked(self) -> RunReader:
        """The run whose stages and alarms are drawn: the chosen one, where it is in the chart."""
        return self.view.run if self.view.run in self.model.runs else self.model.runs[0]

    def _lines(self) -> list[_Drawn]:
        look, drawn = self.view.look, []
        for line in self.model.lines:
            colour = lighter(look.curves[line.colour % len(look.curves)], line.pale, look.text)
            band = dpg.add_shade_series(NONE, NONE, y2=NONE, parent=self._y)
            raw = dpg.add_line_series(NONE, NONE, parent=self._y)
            smooth = dpg.add_line_series(NONE, NONE, parent=self._y)
            dpg.bind_item_theme(band, look.series(faded(colour, 0.20), 1.0, fill=True))
            dpg.bind_item_theme(raw, look.series(faded(colour, 0.38), 1.0))
            dpg.bind_item_theme(smooth, look.series(colour, 2.0))
            legend = dpg.add_text("", color=colour, parent=self._legend_row)
            dpg.bind_item_font(legend, look.faces.small)
            drawn.append(_Drawn(line, band, raw, smooth, legend))
        self._more = dpg.add_text("", color=look.text_muted, parent=self._legend_row)
        dpg.bind_item_font(self._more, look.faces.small)
        return drawn

    def _redraw(self, span: tuple[float, float], width: int) -> None:
        model, chosen = self.model, self.view.selection
        for one in self._drawn:
            x, strokes = one.line.curve.x, model.strokes(one.line, chosen)
            dpg.set_value(one.raw, [NONE, NONE] if strokes.raw is None else [x, strokes.raw])
            low, high = strokes.band or (NONE, NONE)
            dpg.set_value(one.band, [NONE, NONE, NONE] if strokes.band is None else [x, high, low])
            dpg.set_value(one.smooth, [x, strokes.line])
        self._write_legend([in_ranges(model.legend(one.line)) for one in self._drawn], width)
        dpg.configure_item(self._x, label=model.unit)
        dpg.set_axis_limits(self._y, *model.limits)
        self._apply(span)
        for tag, places in zip(
            (self._marks, self._alarms), model.marks(self._marked, chosen.axis, span), strict=True
        ):
            dpg.set_value(tag, [places.tolist()])

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

    def _apply(self, span: tuple[float, float]) -> None:
        """Set the range of the x axis: locked for two frames, then free again for the mouse."""
        limits = (span[0] / self.model.scale, span[1] / self.model.scale)
        if limits != self._applied:
            dpg.set_axis_limits(self._x, *limits)
            self._applied, self._hold = limits, 2

    def _moved_by_hand(self) -> bool:
        """Whether the user has zoomed or panned since `_apply`; then all charts follow."""
        if self._applied is None or not dpg.is_item_hovered(self.plot):
            return False
        low, high = dpg.get_axis_limits(self._x)
        size = self._applied[1] - self._applied[0]
        if abs(low - self._applied[0]) + abs(high - self._applied[1]) <= 1e-6 * abs(size) or high <= low:
            return False
        self.view.selection.window = (low * self.model.scale, high * self.model.scale)
        self._applied = (low, high)
        return True

    def _show_all(self) -> None:
        self.view.selection.window = None

    def _read_out(self) -> None:
        """Values of every curve under the cursor, raw and smoothed, and what happened there."""
        chosen, model = self.view.selection, self.model
        x = dpg.get_plot_mouse_pos()[0] * model.scale
        low, high = dpg.get_axis_limits(self._x)
        said = [model.heading_at(x, chosen.axis)]
        said += [text for _, text in model.values_at(x, chosen.smoothing > 0)]
        said += events_near(self._marked, chosen.axis, x, 0.012 * (high - low) * model.scale)
        self.view.readout.say(in_ranges("\n".join(said)))
