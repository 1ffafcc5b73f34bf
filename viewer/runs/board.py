"""The charts that several runs share: which charts, in which groups, over which range of x."""

from __future__ import annotations

from collections.abc import Sequence

from viewer.runs.catalogue import GROUPS, Chart, Line, charts
from viewer.runs.chart import ChartKey, ChartModel, Names
from viewer.runs.reader import RunReader
from viewer.runs.selection import Selection
from viewer.runs.table import Axis


class ChartBoard:
    """`update` once per frame; the charts are kept while the set of series and runs stays the same."""

    def __init__(self) -> None:
        self.charts: dict[ChartKey, ChartModel] = {}
        self.runs: tuple[RunReader, ...] = ()
        self.span = (0.0, 1.0)
        self._key: object = None
        self._log: frozenset[ChartKey] = frozenset()

    def update(self, view: Selection, runs: Sequence[RunReader]) -> bool:
        """Charts of the compared runs that pass the filter; True where the set of charts changed."""
        self.runs = tuple(runs)
        self.span = view.window or whole_span(runs, view.axis)
        numbered = list(enumerate(runs))
        wanted = shared_charts(numbered, view.words)
        key = (repr(wanted), tuple(map(id, runs)))
        if key == self._key:
            return False
        self._key = key
        self._log = logarithmic(numbered)
        self.charts = {
            key: ChartModel(chart_of(key, names), names, dict(numbered), view)
            for key, names in wanted.items()
        }
        return True

    def groups(self) -> dict[str, list[ChartModel]]:
        """The charts under their headings, in order."""
        found: dict[str, list[ChartModel]] = {}
        for key, chart in self.charts.items():
            found.setdefault(key[0], []).append(chart)
        return found

    def is_log(self, view: Selection, key: ChartKey) -> bool:
        """Whether a chart has a logarithmic y axis: as the user chose, else as suits the quantity."""
        return view.log_scale == "log" or (view.log_scale == "auto" and key in self._log)

    def nothing_words(self, view: Selection) -> str:
        """Why there are no charts."""
        if not self.runs:
            return "Choose a run at the left, or tick several to compare them."
        if view.words:
            return f"No chart fits “{view.words}”."
        if any(run.catching_up for run in self.runs):
            return f"Reading … {min(run.share_read for run in self.runs):.0%}"
        return "No statistics yet: charts appear with the first line of stats.jsonl."


def shared_charts(runs: Sequence[tuple[int, RunReader]], words_typed: str = "") -> dict[ChartKey, Names]:
    """Charts of several numbered runs by group, title and unit, for what passes the filter."""
    merged: dict[ChartKey, Names] = {}
    for i, run in runs:
        with run.lock:
            names = run.names()
            metrics = frozenset(n for table in run.metrics.values() for n in table.series)
        for chart in _charts(tuple(names), metrics):
            if chart.fits(words_typed):
                merged.setdefault((chart.group, chart.title, chart.unit), {})[i] = {
                    line.label: line.name for line in chart.lines
                }
    return {key: merged[key] for key in sorted(merged, key=lambda key: GROUPS.index(key[0]))}


def chart_of(key: ChartKey, names: Names) -> Chart:
    """The chart whose lines are named by their labels: what they are called in a run, `names` tells."""
    labels = dict.fromkeys(label for named in names.values() for label in named)
    return Chart(*key, lines=tuple(Line(label, label) for label in labels))


def logarithmic(runs: Sequence[tuple[int, RunReader]]) -> frozenset[ChartKey]:
    """Charts that a logarithmic y axis suits, by what is known of their series."""
    found: set[ChartKey] = set()
    for _, run in runs:
        with run.lock:
            names = run.names()
        found |= {(c.group, c.title, c.unit) for c in _charts(tuple(names), frozenset()) if c.log}
    return frozenset(found)


def whole_span(runs: Sequence[RunReader], axis: Axis) -> tuple[float, float]:
    """From 0 to the end of the longest run, in the unit of the axis."""
    tops = []
    for run in runs:
        with run.lock:
            x = run.scalars.axis(axis)
            tops += [float(x[-1])] if len(x) else []
    return 0.0, max(tops, default=1.0) or 1.0


_CACHE: dict[tuple[tuple[str, ...], frozenset[str]], tuple[Chart, ...]] = {}


def _charts(names: tuple[str, ...], metrics: frozenset[str]) -> tuple[Chart, ...]:
    if (names, metrics) not in _CACHE:
        if len(_CACHE) > 64:
            _CACHE.clear()
        _CACHE[names, metrics] = charts(list(names), metrics)
    return _CACHE[names, metrics]
