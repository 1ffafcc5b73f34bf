"""Which charts several runs share, and the numbers that a chart is drawn with: span, limits, words at a place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from viewer.runs import format as words
from viewer.runs.alarms import Alarm
from viewer.runs.catalogue import GROUPS, Chart, Line, charts
from viewer.runs.reader import RunReader
from viewer.runs.table import Axis

F8 = NDArray[np.float64]
ChartKey = tuple[str, str, str]
"""Group, title, unit."""
Names = dict[int, dict[str, str]]
"""Run number → label → name of the series in that run."""


def shared_charts(runs: Sequence[tuple[int, RunReader]], words_typed: str = "") -> dict[ChartKey, Names]:
    """Charts of several numbered runs by group, title and unit, for what passes the filter."""
    merged: dict[ChartKey, Names] = {}
    for i, run in runs:
        with run.lock:
            names = run.names()
            metrics = frozenset(n for table in run.metrics.values() for n in table.series)
        for chart in _charts(tuple(names), metrics):
            if chart.fits(words_typed):
                merged.setdefault((chart.group, chart.title, chart.unit), {})[i] = {line.label: line.name for line in chart.lines}
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


def limits(lows: Sequence[F8], highs: Sequence[F8], log: bool) -> tuple[float, float]:
    """Ends of a y axis that holds all values, with a little room; log: only positive values count."""
    low = min((v for a in lows if (v := _least(a, log)) == v), default=np.nan)
    high = max((v for a in highs if (v := _most(a, log)) == v), default=np.nan)
    if not (np.isfinite(low) and np.isfinite(high)):
        return (0.1, 1.0) if log else (0.0, 1.0)
    if log:
        room = max(0.03, 0.06 * float(np.log10(high / low)))
        return float(low * 10**-room), float(high * 10**room)
    room = 0.07 * (high - low) or max(abs(high) * 0.1, 0.5 if high == 0 else 0.0)
    return float(low - room), float(high + room)


def positive(values: F8) -> F8:
    """What a logarithmic axis can show; nan for the rest."""
    return np.where(values > 0, values, np.nan)


def place_of(alarm: Alarm, axis: Axis) -> float:
    """Where an alarm stands on an x axis."""
    return {"images": alarm.images, "steps": alarm.step, "time": alarm.time}[axis]


def place_words(x: float, axis: Axis) -> str:
    """A place on an x axis in words, with its unit."""
    return {"images": f"{words.amount(x)} images", "steps": f"{words.amount(x)} steps", "time": words.duration(x)}[axis]


def events_near(run: RunReader, axis: Axis, x: float, reach: float) -> list[str]:
    """Stage changes and alarms within `reach` of x, in words."""
    with run.lock:
        marks = [m.text for m in run.marks() if abs(m.at(axis) - x) < reach]
        alarms = [a for a in run.alarms.alarms if abs(place_of(a, axis) - x) < reach]
    return [f"stage: {text}" for text in marks[:3]] + [f"alarm: {a.title}, {a.detail[:70]}" for a in alarms[:3]]


def _least(values: F8, only_positive: bool) -> float:
    good = values[np.isfinite(values) & ((values > 0) | (not only_positive))]
    return float(good.min()) if len(good) else np.nan


def _most(values: F8, only_positive: bool) -> float:
    good = values[np.isfinite(values) & ((values > 0) | (not only_positive))]
    return float(good.max()) if len(good) else np.nan


_CACHE: dict[tuple[tuple[str, ...], frozenset[str]], tuple[Chart, ...]] = {}


def _charts(names: tuple[str, ...], metrics: frozenset[str]) -> tuple[Chart, ...]:
    if (names, metrics) not in _CACHE:
        if len(_CACHE) > 64:
            _CACHE.clear()
        _CACHE[names, metrics] = charts(list(names), metrics)
    return _CACHE[names, metrics]
