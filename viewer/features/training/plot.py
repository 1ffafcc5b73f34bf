"""One chart of the Training workspace: raw line or min/max band, moving average over it, marks of stages and alarms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, ImVec4, imgui, implot

from viewer.runs import format as words
from viewer.runs.board import ChartKey, Names, chart_of, events_near, limits, place_of, place_words, positive
from viewer.runs.pyramid import Curve
from viewer.runs.reader import RunReader
from viewer.features.training.selection import WatchView
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.state.palette import CURVES, Rgb, mix
from viewer.widgets.theme import BODY_PX, Theme

_FLAGS = int(
    implot.Flags_.no_title | implot.Flags_.no_menus | implot.Flags_.no_box_select | implot.Flags_.no_mouse_text | implot.Flags_.no_legend
)
_QUIET = int(implot.AxisFlags_.no_menus | implot.AxisFlags_.no_highlight | implot.AxisFlags_.no_side_switch)
_SILENT = int(implot.ItemFlags_.no_legend) | int(implot.ItemFlags_.no_fit)
CHART_EM = 14.0
"""Height of a chart with its heading."""
PALE = 0.38


@dataclass(frozen=True)
class Frame:
    """What all charts share in one frame. span: shown part of x in its own unit; scale: what x is divided by; hover: x under
    the cursor, in any chart; runs: number → run; log: whether this chart's y axis is logarithmic.
    """

    theme: Theme
    view: WatchView
    runs: dict[int, RunReader]
    marked: RunReader | None
    span: tuple[float, float]
    scale: float
    unit: str
    hover: float | None
    log: bool


@dataclass
class _Line:
    run: int
    label: str
    name: str
    ink: Rgb
    curve: Curve | None = None
    newest: float = float("nan")


class PlotCard:
    """Keeps the numbers of its last picture; they are made anew when the run, the window or the settings have changed."""

    def __init__(self, key: ChartKey, names: Names) -> None:
        self.key, self.names = key, names
        self.chart = chart_of(key, names)
        self._lines: list[_Line] = []
        self._made: object = None
        self._inked: object = None
        self._limits = (0.0, 1.0)

    def draw(self, frame: Frame, low: implot.BoxedValue, high: implot.BoxedValue, width: float) -> float | None:
        """Draws into `width` pixels; returns x under the cursor (own unit), None when it is elsewhere."""
        theme, em = frame.theme, frame.theme.em
        height = CHART_EM * em
        corner = imgui.get_cursor_screen_pos()
        end = ImVec2(corner.x + width, corner.y + height)
        if not imgui.is_rect_visible(corner, end):
            imgui.dummy(ImVec2(width, height))
            return None
        self._refresh(frame, max(60, int(width - 4 * em)))
        imgui.begin_group()
        draw = imgui.get_window_draw_list()
        draw.add_rect_filled(corner, end, theme.colour(theme.palette.panel), 0.36 * em)
        imgui.set_cursor_screen_pos(ImVec2(corner.x + 0.6 * em, corner.y + 0.4 * em))
        self._heading(frame, width - 1.2 * em)
        top = corner.y + 2.95 * em
        imgui.set_cursor_screen_pos(ImVec2(corner.x + 0.25 * em, top))
        found = self._plot(frame, low, high, ImVec2(width - 0.6 * em, corner.y + height - top - 0.2 * em))
        imgui.set_cursor_screen_pos(corner)
        imgui.dummy(ImVec2(width, height))
        imgui.end_group()
        return found

    def _heading(self, frame: Frame, room: float) -> None:
        """Title with unit, and under it every curve's name in its colour with its newest value."""
        theme = frame.theme
        x, top = imgui.get_cursor_screen_pos().x, imgui.get_cursor_screen_pos().y
        with controls.font(theme.fonts.bold, BODY_PX * 0.95):
            imgui.text_unformatted(controls.ellipsis(self.chart.title, room))
            base = top + imgui.get_font_size()
        with controls.font(theme.fonts.body, theme.small()), controls.text_colour(theme.palette.muted):
            for note in (self.chart.unit, "log" if frame.log else ""):
                if note:
                    imgui.same_line(0.0, 0.5 * theme.em)
                    # on the title's base line, wherever the row of cards has put it
                    imgui.set_cursor_screen_pos(ImVec2(imgui.get_cursor_screen_pos().x, base - 1.08 * imgui.get_font_size()))
                    imgui.text_unformatted(note)
        imgui.set_cursor_screen_pos(ImVec2(x, base + 0.07 * theme.em))
        with controls.font(theme.fonts.body, theme.small()):
            self._legend(frame, x + room)

    def _legend(self, frame: Frame, right: float) -> None:
        theme, left = frame.theme, len(self._lines)
        several = len(frame.runs) > 1
        for index, line in enumerate(self._lines):
            who = frame.runs[line.run].name if several and len(self.chart.lines) == 1 else line.label
            text = f"{who[:18]} {words.number(line.newest)}"
            if index:
                imgui.same_line(0.0, 0.8 * theme.em)
            more = f"+ {left}"
            need = imgui.calc_text_size(text).x + (imgui.calc_text_size(more).x + 0.8 * theme.em if left > 1 else 0.0)
            if imgui.get_cursor_screen_pos().x + need > right and index:
                with controls.text_colour(theme.palette.muted):
                    imgui.text_unformatted(more)
                return
            with controls.text_colour(line.ink):
                imgui.text_unformatted(legible(text))
            left -= 1

    def _refresh(self, frame: Frame, columns: int) -> None:
        view = frame.view
        inked = (frame.theme.palette.name, tuple(frame.runs), tuple(view.colours.items()))
        if inked != self._inked:
            self._inked, self._made = inked, None
            self._lines = self._named(frame)
        made = (tuple(run.version for run in frame.runs.values()), frame.span, columns, view.axis, view.smoothing, frame.log, view.envelope)
        if made == self._made:
            return
        self._made = made
        for line in self._lines:
            run = frame.runs[line.run]
            with run.lock:
                table = run.table_of(line.name)
                # Evaluations are few and each one counts: an average over them would only lag behind.
                weight = view.smoothing if table is run.scalars else 0.0
                curve = table.curve(line.name, view.axis, *frame.span, columns=columns, weight=weight)
                line.newest = table.newest(line.name)
            line.curve = _scaled(curve, frame.scale, frame.log)
        curves = [line.curve for line in self._lines if line.curve is not None]
        self._limits = limits([c.low for c in curves], [c.high for c in curves], frame.log)

    def _named(self, frame: Frame) -> list[_Line]:
        inks = CURVES[frame.theme.palette.name]
        several = len(frame.runs) > 1
        lines = []
        for run, named in self.names.items():
            if run not in frame.runs:
                continue
            for place, one in enumerate(self.chart.lines):
                if one.label not in named:
                    continue
                ink = inks[place % len(inks)]
                if several:
                    own = inks[frame.view.colour_of(frame.runs[run].path) % len(inks)]
                    ink = mix(own, frame.theme.palette.text, min(0.55, 0.45 * place))
                lines.append(_Line(run, one.label, named[one.label], ink))
        return lines

    def _plot(self, frame: Frame, low: implot.BoxedValue, high: implot.BoxedValue, size: ImVec2) -> float | None:
        hovered = None
        if not implot.begin_plot(f"##plot-{'/'.join(self.key)}", size, _FLAGS):
            return None
        implot.setup_axes(frame.unit, "", _QUIET, _QUIET | int(implot.AxisFlags_.lock))
        implot.setup_axis_links(implot.ImAxis_.x1, low, high)
        if frame.log:
            implot.setup_axis_scale(implot.ImAxis_.y1, implot.Scale_.log10)
        implot.setup_axis_limits(implot.ImAxis_.y1, *self._limits, implot.Cond_.always)
        implot.setup_finish()
        self._marks(frame)
        for index, line in enumerate(self._lines):
            if line.curve is not None and len(line.curve.x):
                self._curve(frame, index, line, line.curve)
        if frame.hover is not None:
            spec = implot.Spec(line_color=ImVec4(*frame.theme.palette.muted, 0.55), flags=_SILENT)
            implot.plot_inf_lines("##hover", np.array([frame.hover / frame.scale]), spec)
        if implot.is_plot_hovered():
            hovered = float(implot.get_plot_mouse_pos().x) * frame.scale
            if imgui.is_mouse_double_clicked(0):
                frame.view.window = None
        implot.end_plot()
        if hovered is not None:
            self._tooltip(frame, hovered)
        return hovered

    def _curve(self, frame: Frame, index: int, line: _Line, curve: Curve) -> None:
        thick = frame.theme.scale
        smoothed = frame.view.smoothing > 0 and len(curve.x) > 2
        if curve.exact or not frame.view.envelope:
            middle = curve.low if curve.exact else (curve.low + curve.high) / 2
            if smoothed:
                implot.plot_line(f"##raw{index}", curve.x, middle, implot.Spec(line_color=ImVec4(*line.ink, PALE), line_weight=thick))
        else:
            middle = (curve.low + curve.high) / 2
            implot.plot_shaded(f"##band{index}", curve.x, curve.low, curve.high, implot.Spec(fill_color=ImVec4(*line.ink, 0.25)))
        y = curve.smooth if smoothed else middle
        implot.plot_line(f"##line{index}", curve.x, y, implot.Spec(line_color=ImVec4(*line.ink, 1.0), line_weight=1.8 * thick))
        if len(curve.x) == 1:  # a line of one point cannot be seen
            spec = implot.Spec(marker=int(implot.Marker_.circle), marker_size=3.0 * thick, marker_fill_color=ImVec4(*line.ink, 1.0))
            implot.plot_scatter(f"##dot{index}", curve.x, y, spec)

    def _marks(self, frame: Frame) -> None:
        """Stage changes and alarms of the chosen run as upright lines."""
        run, view, p = frame.marked, frame.view, frame.theme.palette
        if run is None:
            return
        with run.lock:
            stages = [m.at(view.axis) for m in run.marks()]
            alarms = [place_of(a, view.axis) for a in run.alarms.alarms]
        for name, places, ink, alpha in (("stage", stages, p.faint, 0.6), ("alarm", alarms, p.bad, 0.75)):
            inside = np.array([x / frame.scale for x in places if frame.span[0] <= x <= frame.span[1]][:200])
            if len(inside):
                implot.plot_inf_lines(f"##{name}", inside, implot.Spec(line_color=ImVec4(*ink, alpha), flags=_SILENT))

    def _tooltip(self, frame: Frame, x: float) -> None:
        """Values of every curve at x, averaged and raw, and what happened there."""
        theme, view = frame.theme, frame.view
        if not imgui.begin_tooltip():
            return
        with controls.font(theme.fonts.mono, theme.small()):
            with controls.text_colour(theme.palette.muted):
                unit = f" [{self.chart.unit}]" if self.chart.unit else ""
                imgui.text_unformatted(f"{self.chart.title}{unit} at {place_words(x, view.axis)}")
            for line in self._lines:
                text = _value_at(line.curve, x / frame.scale, view.smoothing > 0)
                if text:
                    who = f"{frame.runs[line.run].name[:18]:<18} " if len(frame.runs) > 1 else ""
                    with controls.text_colour(line.ink):
                        imgui.text_unformatted(f"{who}{line.label[:16]:<16} {text}")
            if frame.marked is not None:
                for said in events_near(frame.marked, view.axis, x, 0.012 * (frame.span[1] - frame.span[0])):
                    imgui.text_unformatted(said)
        imgui.end_tooltip()


def _value_at(curve: Curve | None, x: float, smoothed: bool) -> str:
    if curve is None or not len(curve.x):
        return ""
    i = int(np.argmin(np.abs(curve.x - x)))
    low, high = curve.low[i], curve.high[i]
    raw = words.number(low) if low == high else f"{words.number(low)} to {words.number(high)}"
    return f"{words.number(curve.smooth[i]):>10}   raw {raw}" if smoothed else raw


def _scaled(curve: Curve, scale: float, log: bool) -> Curve:
    """Contiguous arrays in the unit of the axis; what a logarithmic axis cannot show is nan."""
    low = positive(curve.low) if log else curve.low
    high = low if curve.exact else (positive(curve.high) if log else curve.high)
    smooth = positive(curve.smooth) if log else curve.smooth
    kept = np.ascontiguousarray
    first = kept(low)
    return Curve(kept(curve.x / scale), first, first if curve.exact else kept(high), kept(smooth))


def style(theme: Theme) -> None:
    """Colours and sizes of the plots; `unstyle` after the last one."""
    p, em, c, v = theme.palette, theme.em, implot.Col_, implot.StyleVar_
    imgui.push_font(theme.fonts.mono, BODY_PX * 0.76)
    for role, ink, alpha in (
        (c.frame_bg, p.panel, 0.0), (c.plot_bg, p.field, 0.4), (c.plot_border, p.line, 1.0), (c.axis_grid, p.muted, 0.2),
        (c.axis_text, p.muted, 1.0),
    ):  # fmt: skip
        implot.push_style_color(role, ImVec4(*ink, alpha))
    implot.push_style_var(v.plot_padding, ImVec2(0.25 * em, 0.2 * em))
    implot.push_style_var(v.label_padding, ImVec2(0.25 * em, 0.1 * em))
    implot.push_style_var(v.plot_min_size, ImVec2(4 * em, 3 * em))


def unstyle() -> None:
    implot.pop_style_color(5)
    implot.pop_style_var(3)
    imgui.pop_font()
