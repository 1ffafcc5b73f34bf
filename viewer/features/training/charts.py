"""The Charts page: toolbar, collapsible groups, a grid of charts that share one x axis, filter by typing."""

from __future__ import annotations

from imgui_bundle import ImVec2, ImVec4, imgui, implot
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.features.training.empty import empty
from viewer.features.training.plot import Frame, PlotCard, style, unstyle
from viewer.features.training.rows import bar, chooser, field, room_for
from viewer.runs.board import ChartBoard
from viewer.runs.chart import ChartKey, place_words
from viewer.runs.format import axis_unit
from viewer.runs.reader import RunReader
from viewer.runs.selection import AXES, MOST_COLUMNS, MOST_SMOOTHING, Scale, Selection
from viewer.widgets import controls
from viewer.widgets.controls import fold
from viewer.widgets.theme import Theme

SCALES: tuple[tuple[Scale, str, str], ...] = (
    ("auto", "Auto y", "Logarithmic where that suits the quantity (R1, gradients, beta)"),
    ("linear", "Linear y", "Every y axis linear"),
    ("log", "Log y", "Every y axis logarithmic; values that are not positive are left out"),
)
COLUMNS = tuple((n, f"{n} columns" if n > 1 else "1 column", "") for n in range(1, MOST_COLUMNS + 1))


class ChartPage:
    """Draws the board of charts; a card is kept for every chart of it."""

    def __init__(self) -> None:
        self.board = ChartBoard()
        self.cards: dict[ChartKey, PlotCard] = {}
        self._low, self._high = implot.BoxedValue(0.0), implot.BoxedValue(1.0)
        self._hover: float | None = None

    def draw(self, theme: Theme, view: Selection, runs: list[RunReader], marked: RunReader | None) -> None:
        """All charts of `runs`; `marked`: the run whose stages and alarms are drawn."""
        if implot.get_current_context() is None:
            implot.create_context()
        self._toolbar(theme, view, marked)
        if self.board.update(view, runs):
            self.cards = {key: PlotCard(chart) for key, chart in self.board.charts.items()}
        if controls.begin_child("chart-body", ImVec2(0.0, 0.0)):
            if self.cards:
                self._grid(theme, view, marked)
            else:
                empty(theme, fa.ICON_FA_CHART_LINE, "No charts", self.board.nothing_words(view))
        imgui.end_child()

    def _toolbar(self, theme: Theme, view: Selection, marked: RunReader | None) -> None:
        em = theme.em
        with bar(theme):
            tip = "Charts whose group, title or series holds every typed word"
            view.words = field("##chart-filter", view.words, "Filter charts", 12 * em, tip)
            axis = chooser(theme, "##chart-axis", view.axis, AXES, 6.4 * em, "What the x axes count")
            view.count_by(axis)
            view.log_scale = chooser(
                theme, "##chart-log", view.log_scale, SCALES, 6.4 * em, "Scale of the y axes"
            )
            self._smoothing(theme, view)
            room_for(9 * em)
            changed, value = imgui.checkbox("min/max band###chart-band", view.envelope)
            view.envelope = value if changed else view.envelope
            controls.tooltip(
                "Where points are closer than pixels: the range of all values of each pixel column, "
                "so that no spike is lost"
            )
            imgui.same_line()
            view.columns = chooser(
                theme,
                "##chart-columns",
                view.columns,
                COLUMNS,
                7 * em,
                "Charts side by side, where there is room",
            )
            room_for(5.5 * em)
            why = (
                ""
                if view.window is not None
                else "Everything is shown: drag or Ctrl + wheel in a chart zooms all of them"
            )
            tip = "The whole run again; a double click in a chart does it too"
            if controls.button(theme, "Show all###chart-reset", tip=tip, why_not=why):
                view.window = None
            self._moment(theme, view, marked)
        imgui.dummy(ImVec2(0.0, 0.1 * em))

    def _moment(self, theme: Theme, view: Selection, marked: RunReader | None) -> None:
        """The place in time that is marked in the charts, which Pictures and Snapshots go to."""
        moment = view.moment
        if marked is None or moment is None or moment.run != marked.path:
            return
        words = f"marked: {place_words(moment.at(view.axis), view.axis)}"
        imgui.same_line()
        room_for(imgui.calc_text_size(words).x + 2.5 * theme.em)
        imgui.align_text_to_frame_padding()
        with controls.text_colour(theme.palette.accent):
            imgui.text_unformatted(words)
        controls.tooltip("Pictures and Snapshots are at this moment too. A click in a chart moves it")
        imgui.same_line()
        if controls.icon_button(theme, fa.ICON_FA_XMARK, "forget-moment", tip="Mark no moment"):
            view.moment = None

    def _smoothing(self, theme: Theme, view: Selection) -> None:
        room_for(9 * theme.em)
        fmt = "smoothing %.3f" if view.smoothing > 0 else "no smoothing"
        imgui.set_next_item_width(9 * theme.em)
        for role in (
            imgui.Col_.slider_grab,
            imgui.Col_.slider_grab_active,
        ):  # its text is read through the grab
            imgui.push_style_color(role, ImVec4(*theme.palette.accent_fill, 0.55))
        changed, value = imgui.slider_float("##chart-smoothing", view.smoothing, 0.0, MOST_SMOOTHING, fmt)
        imgui.pop_style_color(2)
        view.smoothing = min(max(float(value), 0.0), 0.999) if changed else view.smoothing
        controls.tooltip(
            "Weight of the past in the moving average, 0 = off; the raw line or its min/max band stays behind"
        )
        imgui.same_line()

    def _grid(self, theme: Theme, view: Selection, marked: RunReader | None) -> None:
        em, span = theme.em, self.board.span
        scale, _ = axis_unit(view.axis, max(abs(span[0]), abs(span[1])))
        self._low.value, self._high.value = span[0] / scale, span[1] / scale
        put = self._low.value, self._high.value
        hover, self._hover = self._hover, None
        gap = 0.5 * em
        room = imgui.get_content_region_avail().x
        columns = max(1, min(view.columns, int((room + gap) // (15 * em))))
        width = (room - gap * (columns - 1)) / columns
        keys = implot.get_input_map()
        before, keys.zoom_mod = keys.zoom_mod, int(imgui.Key.mod_ctrl)  # the plain wheel scrolls the page
        for group, charts in self.board.groups().items():
            if not self._header(theme, view, group, len(charts)):
                continue
            style(theme)
            for index, chart in enumerate(charts):
                if index % columns:
                    imgui.same_line(0.0, gap)
                frame = Frame(theme, view, marked, span, hover, self.board.is_log(view, chart.key))
                found = self.cards[chart.key].draw(frame, self._low, self._high, width)
                self._hover = found if found is not None else self._hover
            unstyle()
        keys.zoom_mod = before
        now = self._low.value, self._high.value
        moved = max(abs(a - b) for a, b in zip(now, put, strict=True)) > 1e-9 * max(
            abs(put[1] - put[0]), 1e-12
        )
        if moved and now[1] > now[0] and self._hover is not None and not imgui.is_mouse_double_clicked(0):
            view.window = (now[0] * scale, now[1] * scale)

    def _header(self, theme: Theme, view: Selection, group: str, count: int) -> bool:
        """Heading of a group, which folds it; True when it is open."""
        opened = fold(
            theme,
            group,
            f"##group-{group}",
            group not in view.folded,
            tip=f"{count} charts; click to fold or open",
        )
        (view.folded.discard if opened else view.folded.add)(group)
        return opened
