"""One chart of several runs, ready to be drawn: lines, colours, curves, limits, legend, values at the cursor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from viewer.runs.catalogue import Chart
from viewer.runs.format import amount, axis_unit, duration, number
from viewer.runs.pyramid import NO_CURVE, Curve
from viewer.runs.reader import RunReader
from viewer.runs.selection import Selection
from viewer.runs.table import Axis

F8 = NDArray[np.float64]
ChartKey = tuple[str, str, str]
"""Group, title, unit."""
Names = dict[int, dict[str, str]]
"""Run number → label → name of the series in that run."""
NAME_LETTERS = 18
"""Letters of a run's name in legends and beside the cursor."""
MOST_MARKS = 200


@dataclass
class ChartLine:
    """One curve. colour: its number in the palette's list.

    pale: share of the text colour in it, so that the second and third line of a run differ from its first.
    curve: x in the unit of the chart's axis.
    """

    run: RunReader
    label: str
    name: str
    colour: int
    pale: float
    curve: Curve = field(default=NO_CURVE, repr=False)
    newest: float = float("nan")


@dataclass(frozen=True)
class Strokes:
    """How one curve is drawn. raw: pale line behind; band: least, greatest values; line: in full colour."""

    raw: F8 | None
    band: tuple[F8, F8] | None
    line: F8


class ChartModel:
    """A chart that is computed anew by `refresh` only when something has changed.

    scale: x is divided by it. unit: of the x axis afterwards. limits: of the y axis. several: more than one
    run is compared, here or in other charts of the board.
    """

    def __init__(self, chart: Chart, names: Names, runs: dict[int, RunReader], view: Selection) -> None:
        self.chart, self.names = chart, names
        self.key: ChartKey = (chart.group, chart.title, chart.unit)
        self.runs = tuple(runs[number] for number in names)
        self.several = len(runs) > 1
        self.lines = [
            ChartLine(
                runs[i],
                one.label,
                named[one.label],
                view.colour_of(runs[i].path) if self.several else place,
                min(0.55, 0.45 * place) if self.several else 0.0,
            )
            for i, named in names.items()
            for place, one in enumerate(chart.lines)
            if one.label in named
        ]
        self.limits = (0.0, 1.0)
        self.scale, self.unit = 1.0, ""
        self._made: object = None

    def refresh(self, view: Selection, span: tuple[float, float], columns: int, log: bool) -> bool:
        """Curves over `span` (own unit of x) in about `columns` points; True where they are new."""
        made = (tuple(run.version for run in self.runs), span, columns, view.axis, view.smoothing, log)
        if made == self._made:
            return False
        self._made = made
        steps = "ticks" if all(run.is_foreign for run in self.runs) else "steps"
        self.scale, self.unit = axis_unit(view.axis, max(abs(span[0]), abs(span[1])), steps)
        for line in self.lines:
            with line.run.lock:
                table = line.run.table_of(line.name)
                # Evaluations are few: a moving average over them would only lag behind.
                weight = view.smoothing if table is line.run.scalars else 0.0
                curve = table.curve(line.name, view.axis, *span, columns=columns, weight=weight)
                line.newest = table.newest(line.name)
            line.curve = _scaled(curve, self.scale, log)
        self.limits = limits([x.curve.low for x in self.lines], [x.curve.high for x in self.lines], log)
        return True

    def strokes(self, line: ChartLine, view: Selection) -> Strokes:
        """A moving average over its raw line, or over the band where points are closer than pixels."""
        curve = line.curve
        smoothed = view.smoothing > 0 and len(curve.x) > 2
        middle = curve.low if curve.exact else (curve.low + curve.high) / 2
        banded = view.envelope and not curve.exact
        return Strokes(
            middle if smoothed and not banded else None,
            (curve.low, curve.high) if banded else None,
            curve.smooth if smoothed else middle,
        )

    def legend(self, line: ChartLine) -> str:
        """Whose line it is, and its newest value."""
        who = line.run.name if self.several and len(self.chart.lines) == 1 else line.label
        return f"{who[:NAME_LETTERS]} {number(line.newest)}"

    def heading_at(self, x: float, axis: Axis) -> str:
        """First line of the readout at the cursor; x in its own unit."""
        unit = f" [{self.chart.unit}]" if self.chart.unit else ""
        return f"{self.chart.title}{unit} at {place_words(x, axis)}"

    def values_at(self, x: float, smoothed: bool) -> list[tuple[ChartLine, str]]:
        """Every line that has values, and its value nearest to x (own unit): averaged and raw."""
        found = []
        for line in self.lines:
            curve = line.curve
            if not len(curve.x):
                continue
            i = int(np.argmin(np.abs(curve.x - x / self.scale)))
            low, high = curve.low[i], curve.high[i]
            raw = number(low) if low == high else f"{number(low)} to {number(high)}"
            text = f"{number(curve.smooth[i]):>10}   raw {raw}" if smoothed else raw
            who = f"{line.run.name[:NAME_LETTERS]:<{NAME_LETTERS}} " if self.several else ""
            found.append((line, f"{who}{line.label[:16]:<16} {text}"))
        return found

    def marks(self, run: RunReader, axis: Axis, span: tuple[float, float]) -> tuple[F8, F8]:
        """Stage changes and alarms of `run` within `span`, in the unit of the chart's axis."""
        with run.lock:
            places = [m.at(axis) for m in run.marks()], [a.at(axis) for a in run.alarms.alarms]
        stages, alarms = (
            np.array([x / self.scale for x in some if span[0] <= x <= span[1]][:MOST_MARKS])
            for some in places
        )
        return stages, alarms


def limits(lows: list[F8], highs: list[F8], log: bool) -> tuple[float, float]:
    """Ends of a y axis that holds all values, with a little room; log: only positive values count."""
    low = min((v for a in lows if (v := _extreme(a, log, np.min)) == v), default=np.nan)
    high = max((v for a in highs if (v := _extreme(a, log, np.max)) == v), default=np.nan)
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


def place_words(x: float, axis: Axis) -> str:
    """A place on an x axis in words, with its unit."""
    return duration(x) if axis == "time" else f"{amount(x)} {axis}"


def events_near(run: RunReader, axis: Axis, x: float, reach: float) -> list[str]:
    """Stage changes and alarms within `reach` of x, in words."""
    with run.lock:
        marks = [m.text for m in run.marks() if abs(m.at(axis) - x) < reach]
        alarms = [a for a in run.alarms.alarms if abs(a.at(axis) - x) < reach]
    return [f"stage: {text}" for text in marks[:3]] + [
        f"alarm: {a.title}, {a.detail[:70]}" for a in alarms[:3]
    ]


def _extreme(values: F8, only_positive: bool, pick: Callable[[F8], F8]) -> float:
    good = values[np.isfinite(values) & ((values > 0) | (not only_positive))]
    return float(pick(good)) if len(good) else np.nan


def _scaled(curve: Curve, scale: float, log: bool) -> Curve:
    """Contiguous arrays in the unit of the axis; what a logarithmic axis cannot show is nan."""
    kept = np.ascontiguousarray
    low = kept(positive(curve.low) if log else curve.low)
    high = low if curve.exact else kept(positive(curve.high) if log else curve.high)
    return Curve(kept(curve.x / scale), low, high, kept(positive(curve.smooth) if log else curve.smooth))
