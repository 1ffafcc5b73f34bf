"""A few charts of one run beside its snapshots: the losses, with the moment that is shown marked in them."""

from __future__ import annotations

from imgui_bundle import imgui, implot

from viewer.features.training.plot import CHART_EM, PRINT, Frame, PlotCard, style, unstyle
from viewer.runs.board import ChartBoard
from viewer.runs.chart import ChartKey
from viewer.runs.reader import RunReader
from viewer.runs.selection import Selection
from viewer.widgets.theme import Theme

GROUPS = ("Losses", "Metrics")
LEAST_EM = 15.0


class LossStrip:
    """Draws over the whole run, whatever the charts of the other page are zoomed to; `view` keeps that apart."""

    def __init__(self) -> None:
        self.view = Selection()
        self.board = ChartBoard()
        self.cards: dict[ChartKey, PlotCard] = {}
        self._low, self._high = implot.BoxedValue(0.0), implot.BoxedValue(1.0)
        self._hover: float | None = None

    def high(self, theme: Theme) -> float:
        """Pixels that `draw` takes."""
        return CHART_EM * PRINT * theme.em

    def draw(self, theme: Theme, view: Selection, run: RunReader, width: float) -> None:
        """As many charts as `width` pixels hold; a click in one moves `view.moment` there."""
        if implot.get_current_context() is None:
            implot.create_context()
        own = self.view
        own.axis, own.smoothing, own.log_scale, own.envelope = (
            view.axis,
            view.smoothing,
            view.log_scale,
            view.envelope,
        )
        own.moment = view.moment
        if self.board.update(own, [run]):
            charts = [c for group in GROUPS for c in self.board.groups().get(group, [])]
            self.cards = {chart.key: PlotCard(chart) for chart in charts}
        gap = 0.5 * theme.em
        many = max(1, min(len(self.cards), int((width + gap) // (LEAST_EM * theme.em + gap))))
        each = (width - gap * (many - 1)) / many
        hover, self._hover = self._hover, None
        style(theme)
        for index, card in enumerate(list(self.cards.values())[:many]):
            if index:
                imgui.same_line(0.0, gap)
            self._low.value, self._high.value = self._ends(card)
            frame = Frame(theme, own, run, self.board.span, hover, self.board.is_log(own, card.model.key))
            found = card.draw(frame, self._low, self._high, each)
            self._hover = found if found is not None else self._hover
        unstyle()
        view.moment = own.moment

    def _ends(self, card: PlotCard) -> tuple[float, float]:
        span, scale = self.board.span, card.model.scale
        return span[0] / scale, span[1] / scale
