"""One chart of the Training workspace: raw line or min/max band, average, marks of stages and alarms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, ImVec4, imgui, implot

from viewer.runs.chart import ChartLine, ChartModel, events_near
from viewer.runs.moments import moment_at
from viewer.runs.reader import RunReader
from viewer.runs.selection import Selection
from viewer.state.palette import CURVES, Rgb, mix
from viewer.widgets import controls, press
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import BODY_PX, Theme

_FLAGS = int(
    implot.Flags_.no_title
    | implot.Flags_.no_menus
    | implot.Flags_.no_box_select
    | implot.Flags_.no_mouse_text
    | implot.Flags_.no_legend
)
_QUIET = int(implot.AxisFlags_.no_menus | implot.AxisFlags_.no_highlight | implot.AxisFlags_.no_side_switch)
_SILENT = int(implot.ItemFlags_.no_legend) | int(implot.ItemFlags_.no_fit)
CHART_EM = 14.0
"""Height of a chart with its heading."""
PALE = 0.38
PRINT = 0.76
"""Size of the plots' print, as a share of the body's; their own measures count in it."""


@dataclass(frozen=True)
class Frame:
    """What a chart needs in one frame.

    span: displayed range of x in its own unit; hover: x under the cursor, in any chart; marked: the run whose
    stages and alarms are drawn; log: logarithmic y axis.
    """

    theme: Theme
    view: Selection
    marked: RunReader | None
    span: tuple[float, float]
    hover: float | None
    log: bool

    def ink(self, line: ChartLine) -> Rgb:
        inks = CURVES[self.theme.palette.name]
        return mix(inks[line.colour % len(inks)], self.theme.palette.text, line.pale)


class PlotCard:
    """Draws one chart of the board."""

    def __init__(self, model: ChartModel) -> None:
        self.model = model

    def draw(
        self, frame: Frame, low: implot.BoxedValue, high: implot.BoxedValue, width: float
    ) -> float | None:
        """Draws into `width` pixels; returns x under the cursor (own unit), None when it is elsewhere."""
        theme, em = frame.theme, frame.theme.em
        height = CHART_EM * em
        corner = imgui.get_cursor_screen_pos()
        end = ImVec2(corner.x + width, corner.y + height)
        if not imgui.is_rect_visible(corner, end):
            imgui.dummy(ImVec2(width, height))
            return None
        self.model.refresh(frame.view, frame.span, max(60, int(width - 4 * em)), frame.log)
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
            imgui.text_unformatted(controls.ellipsis(self.model.chart.title, room))
            base = top + imgui.get_font_size()
        with controls.font(theme.fonts.body, theme.small()), controls.text_colour(theme.palette.muted):
            for note in (self.model.chart.unit, "log" if frame.log else ""):
                if note:
                    imgui.same_line(0.0, 0.5 * theme.em)
                    # on the base line of the title
                    imgui.set_cursor_screen_pos(
                        ImVec2(imgui.get_cursor_screen_pos().x, base - 1.08 * imgui.get_font_size())
                    )
                    imgui.text_unformatted(note)
        imgui.set_cursor_screen_pos(ImVec2(x, base + 0.07 * theme.em))
        with controls.font(theme.fonts.body, theme.small()):
            self._legend(frame, x + room)

    def _legend(self, frame: Frame, right: float) -> None:
        theme, left = frame.theme, len(self.model.lines)
        for index, line in enumerate(self.model.lines):
            text = self.model.legend(line)
            if index:
                imgui.same_line(0.0, 0.8 * theme.em)
            more = f"+ {left}"
            need = imgui.calc_text_size(text).x + (
                imgui.calc_text_size(more).x + 0.8 * theme.em if left > 1 else 0.0
            )
            if imgui.get_cursor_screen_pos().x + need > right and index:
                with controls.text_colour(theme.palette.muted):
                    imgui.text_unformatted(more)
                return
            with controls.text_colour(frame.ink(line)):
                imgui.text_unformatted(legible(text))
            left -= 1

    def _plot(
        self, frame: Frame, low: implot.BoxedValue, high: implot.BoxedValue, size: ImVec2
    ) -> float | None:
        hovered = None
        if not implot.begin_plot(f"##plot-{'/'.join(self.model.key)}", size, _FLAGS):
            return None
        implot.setup_axes(self.model.unit, "", _QUIET, _QUIET | int(implot.AxisFlags_.lock))
        implot.setup_axis_links(implot.ImAxis_.x1, low, high)
        if frame.log:
            implot.setup_axis_scale(implot.ImAxis_.y1, implot.Scale_.log10)
        implot.setup_axis_limits(implot.ImAxis_.y1, *self.model.limits, implot.Cond_.always)
        implot.setup_finish()
        self._marks(frame)
        for index, line in enumerate(self.model.lines):
            if len(line.curve.x):
                self._curve(frame, index, line)
        if frame.hover is not None:
            spec = implot.Spec(line_color=ImVec4(*frame.theme.palette.muted, 0.55), flags=_SILENT)
            implot.plot_inf_lines("##hover", np.array([frame.hover / self.model.scale]), spec)
        if implot.is_plot_hovered():
            hovered = float(implot.get_plot_mouse_pos().x) * self.model.scale
            if imgui.is_mouse_double_clicked(0):
                frame.view.window = None
            elif frame.marked is not None and _clicked():
                frame.view.moment = moment_at(frame.marked, frame.view.axis, hovered)
        implot.end_plot()
        if hovered is not None:
            self._tooltip(frame, hovered)
        return hovered

    def _curve(self, frame: Frame, index: int, line: ChartLine) -> None:
        thick, ink, x = frame.theme.scale, frame.ink(line), line.curve.x
        strokes = self.model.strokes(line, frame.view)
        if strokes.raw is not None:
            pale = implot.Spec(line_color=ImVec4(*ink, PALE), line_weight=thick)
            implot.plot_line(f"##raw{index}", x, strokes.raw, pale)
        if strokes.band is not None:
            shade = implot.Spec(fill_color=ImVec4(*ink, 0.25))
            implot.plot_shaded(f"##band{index}", x, *strokes.band, shade)
        full = implot.Spec(line_color=ImVec4(*ink, 1.0), line_weight=1.8 * thick)
        implot.plot_line(f"##line{index}", x, strokes.line, full)
        if len(x) == 1:  # a line of one point cannot be seen
            spec = implot.Spec(
                marker=int(implot.Marker_.circle),
                marker_size=3.0 * thick,
                marker_fill_color=ImVec4(*ink, 1.0),
            )
            implot.plot_scatter(f"##dot{index}", x, strokes.line, spec)

    def _marks(self, frame: Frame) -> None:
        """Stage changes, alarms and the marked moment of the chosen run as upright lines."""
        run, p = frame.marked, frame.theme.palette
        if run is None:
            return
        stages, alarms = self.model.marks(run, frame.view.axis, frame.span)
        for name, places, ink, alpha in (("stage", stages, p.faint, 0.6), ("alarm", alarms, p.bad, 0.75)):
            if len(places):
                spec = implot.Spec(line_color=ImVec4(*ink, alpha), flags=_SILENT)
                implot.plot_inf_lines(f"##{name}", places, spec)
        moment = frame.view.moment
        if moment is not None and moment.run == run.path:
            spec = implot.Spec(
                line_color=ImVec4(*p.accent, 1.0), line_weight=1.6 * frame.theme.scale, flags=_SILENT
            )
            implot.plot_inf_lines("##moment", np.array([moment.at(frame.view.axis) / self.model.scale]), spec)

    def _tooltip(self, frame: Frame, x: float) -> None:
        """Values of every curve at x, averaged and raw, and what happened there."""
        theme, view = frame.theme, frame.view
        if not imgui.begin_tooltip():
            return
        with controls.font(theme.fonts.mono, theme.small()):
            with controls.text_colour(theme.palette.muted):
                imgui.text_unformatted(self.model.heading_at(x, view.axis))
            for line, text in self.model.values_at(x, view.smoothing > 0):
                with controls.text_colour(frame.ink(line)):
                    imgui.text_unformatted(legible(text))
            if frame.marked is not None:
                for said in events_near(frame.marked, view.axis, x, 0.012 * (frame.span[1] - frame.span[0])):
                    imgui.text_unformatted(said)
        imgui.end_tooltip()


def _clicked() -> bool:
    """Whether the left button came up where it had gone down."""
    return imgui.is_mouse_released(press.LEFT) and not press.dragged(press.LEFT, press.SLACK_PX)


def style(theme: Theme) -> None:
    """Colours and sizes of the plots; `unstyle` after the last one."""
    p, em, c, v = theme.palette, theme.em, implot.Col_, implot.StyleVar_
    imgui.push_font(theme.fonts.mono, BODY_PX * PRINT)
    for role, ink, alpha in (
        (c.frame_bg, p.panel, 0.0),
        (c.plot_bg, p.field, 0.4),
        (c.plot_border, p.line, 1.0),
        (c.axis_grid, p.muted, 0.2),
        (c.axis_text, p.muted, 1.0),
    ):
        implot.push_style_color(role, ImVec4(*ink, alpha))
    implot.push_style_var(v.plot_padding, ImVec2(0.25 * em, 0.2 * em))
    implot.push_style_var(v.label_padding, ImVec2(0.25 * em, 0.1 * em))
    implot.push_style_var(v.plot_min_size, ImVec2(4 * em, 3 * em))


def unstyle() -> None:
    implot.pop_style_color(5)
    implot.pop_style_var(3)
    imgui.pop_font()
