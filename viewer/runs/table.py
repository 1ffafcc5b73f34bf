"""Scalars of one run: rows share three x axes (steps, images, time), every name is a column with its pyramid.

A run resumed from an earlier snapshot writes steps again: the superseded rows are dropped and the place is
marked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core_model.schema.run_lines import Block, Column
from viewer.runs.pyramid import NO_CURVE, Curve, Growing, Pyramid
from viewer.runs.smoothing import Finite, Smoothed

Axis = Literal["images", "steps", "time"]
F8 = NDArray[np.float64]

STEP_NAMES = ("step", "steps", "global_step", "iteration", "Progress/tick", "tick")
IMAGE_NAMES = (("images_seen", 1.0), ("images", 1.0), ("kimg", 1e3), ("Progress/kimg", 1e3), ("nimg", 1.0))
TIME_NAMES = ("time", "timestamp", "wall_time", "unix_time", "wall_s", "seconds", "Timing/total_sec")
AXIS_NAMES = frozenset([*STEP_NAMES, *(n for n, _ in IMAGE_NAMES), *TIME_NAMES])
"""Columns that are x axes and not curves."""


@dataclass(frozen=True)
class Mark:
    """A vertical line in every chart: a new stage of the schedule, or a resume."""

    row: int
    step: float
    images: float
    time: float
    text: str
    kind: Literal["stage", "resume"] = "stage"

    def at(self, axis: Axis) -> float:
        return {"images": self.images, "steps": self.step, "time": self.time}[axis]


class Series:
    """One column. `rows` are table rows, ascending; dense while every row has a value."""

    def __init__(self) -> None:
        self.pyramid = Pyramid()
        self._rows: Growing | None = None
        self._finite = Finite()
        self._smoothed: dict[float, Smoothed] = {}

    def __len__(self) -> int:
        return len(self.pyramid)

    @property
    def values(self) -> F8:
        return self.pyramid.values.view

    @property
    def rows(self) -> NDArray[np.int64]:
        return np.arange(len(self)) if self._rows is None else self._rows.view

    def append(self, rows: NDArray[np.int64], values: F8) -> None:
        count = len(self)
        if self._rows is None and not (rows[0] == count and rows[-1] == count + len(rows) - 1):
            self._rows = Growing(np.int64)
            self._rows.append(np.arange(count))
        if self._rows is not None:
            self._rows.append(rows)
        self.pyramid.append(values)

    def cut(self, row: int) -> None:
        """Forget the values of `row` and later rows."""
        count = self.index_of(row)
        if count < len(self):
            self.pyramid.cut(count)
            if self._rows is not None:
                self._rows.cut(count)
            self._finite = Finite()
            self._smoothed.clear()

    def index_of(self, row: int) -> int:
        """Index of the first value at or after table row `row`."""
        return min(row, len(self)) if self._rows is None else int(np.searchsorted(self._rows.view, row))

    def indices_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.minimum(rows, len(self)) if self._rows is None else np.searchsorted(self._rows.view, rows)

    def rows_at(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        return indices if self._rows is None else self._rows.view[indices]

    def smooth(self, weight: float, indices: NDArray[np.int64]) -> F8:
        """Moving average over all values, at each of `indices`; two weights are kept."""
        if weight not in self._smoothed:
            while len(self._smoothed) > 1:
                self._smoothed.pop(next(iter(self._smoothed)))
            self._smoothed[weight] = Smoothed(weight)
        values = self._finite.extend(self.values)
        self._smoothed[weight].extend(values)
        return self._smoothed[weight].at(values, self._finite.places(indices))


class ScalarTable:
    """All scalars of one file."""

    def __init__(self) -> None:
        self.step, self.images, self.time = Growing(), Growing(), Growing()
        self.series: dict[str, Series] = {}
        self.marks: list[Mark] = []
        self.last_text: dict[str, str] = {}
        self.bad_lines = 0
        self.first_time = float("nan")

    def __len__(self) -> int:
        return self.step.count

    def axis(self, axis: Axis) -> F8:
        """x of every row: images, steps, or seconds since the first row."""
        if axis == "time":
            return self.time.view
        return (self.images if axis == "images" else self.step).view

    def add(self, block: Block, stage_names: tuple[str, ...] = ()) -> None:
        """Append the rows of `block`, superseding rows of the same or later steps."""
        self.bad_lines += block.bad
        if not block.count:
            return
        step, images, time = self._axes(block)
        order = np.concatenate([[self.step.last if len(self) else step[0]], step])
        breaks = np.flatnonzero(np.diff(order) < 0)
        start = 0
        for stop in [*breaks.tolist(), block.count]:
            if start < stop:
                self._append(block, start, stop, step, images, time, stage_names)
            if stop < block.count:
                self._supersede(float(step[stop]))
            start = stop

    def curve(self, name: str, axis: Axis, low: float, high: float, columns: int, weight: float) -> Curve:
        """Series `name` between x = low and high, in at most about 2 · `columns` points.

        Empty where unknown.
        """
        series = self.series.get(name)
        if series is None or not len(series):
            return NO_CURVE
        x = self.axis(axis)
        first = max(0, series.index_of(int(np.searchsorted(x, low, "left"))) - 1)
        last = min(len(series), series.index_of(int(np.searchsorted(x, high, "right"))) + 1)
        if last - first <= 2 * columns:
            span = np.arange(first, last)
            values = series.values[first:last].copy()
            return Curve(x[series.rows_at(span)], values, values, series.smooth(weight, span))
        rows = np.searchsorted(x, np.linspace(low, high, columns + 1)).astype(np.int64)
        edges = np.unique(np.concatenate([[first], np.clip(series.indices_of(rows), first, last), [last]]))
        lows, highs = series.pyramid.envelope(edges)
        ends = edges[1:] - 1
        middle = x[series.rows_at((edges[:-1] + ends) // 2)]
        # The outermost points carry the line to the very ends of what there is.
        middle[0], middle[-1] = x[series.rows_at(edges[:1])][0], x[series.rows_at(ends[-1:])][0]
        return Curve(middle, lows, highs, series.smooth(weight, ends))

    def newest(self, name: str) -> float:
        """Last value of a series; nan where there is none."""
        series = self.series.get(name)
        return series.pyramid.values.last if series is not None else float("nan")

    def _axes(self, block: Block) -> tuple[F8, F8, F8]:
        count, base = block.count, len(self)
        images = next(
            (c * k for n, k in IMAGE_NAMES if (c := _full(block, n, self.images.last / k)) is not None), None
        )
        step = next((c for n in STEP_NAMES if (c := _full(block, n, self.step.last)) is not None), None)
        time = next(
            (c for n in TIME_NAMES if (c := _full(block, n, self.time.last + self.first_time)) is not None),
            None,
        )
        rows = np.arange(base, base + count, dtype=np.float64)
        step = step if step is not None else (images if images is not None else rows)
        images = images if images is not None else step
        time = time if time is not None else rows
        if not np.isfinite(self.first_time):
            self.first_time = float(time[0])
        return step, images, time - self.first_time

    def _append(
        self,
        block: Block,
        start: int,
        stop: int,
        step: F8,
        images: F8,
        time: F8,
        stage_names: tuple[str, ...],
    ) -> None:
        base = len(self)
        for column, fresh in ((self.step, step), (self.images, images), (self.time, time)):
            floor = column.last if base else -np.inf
            column.append(np.maximum.accumulate(np.maximum(fresh[start:stop], floor)))
        for name, found in block.columns.items():
            if name in AXIS_NAMES:
                continue
            a, b = np.searchsorted(found.rows, (start, stop))
            if a < b:
                self.series.setdefault(name, Series()).append(
                    found.rows[a:b] + (base - start), found.values[a:b]
                )
        for name in stage_names:
            for row, text in _changes(block, name, self.last_text.get(name), start, stop):
                if name in self.last_text:
                    self._mark(base + row - start, text)
                self.last_text[name] = text
        for name, texts in block.texts.items():
            if name not in stage_names:
                self.last_text[name] = texts[-1][1]

    def _mark(self, row: int, text: str, kind: Literal["stage", "resume"] = "stage") -> None:
        row = min(row, len(self) - 1)
        here = (float(c.view[row]) for c in (self.step, self.images, self.time))
        self.marks.append(Mark(row, *here, text=text, kind=kind))

    def _supersede(self, step: float) -> None:
        keep = int(np.searchsorted(self.step.view, step, "left"))
        for column in (self.step, self.images, self.time):
            column.cut(keep)
        for series in self.series.values():
            series.cut(keep)
        self.marks = [m for m in self.marks if m.row < keep]
        if keep:
            self._mark(keep - 1, "resumed", "resume")


def _full(block: Block, name: str, before: float) -> F8 | None:
    """A column with a value in every row (gaps take the value before); None where the name is missing."""
    column = block.columns.get(name)
    if column is None:
        return None
    values = np.full(block.count, np.nan)
    values[column.rows] = column.values
    if np.isfinite(values).all():
        return values
    finite = np.isfinite(values)
    if not finite.any():
        return None
    at = np.maximum.accumulate(np.where(finite, np.arange(block.count), -1))
    filled = values[np.maximum(at, 0)]
    first = before if np.isfinite(before) else values[finite][0]
    return np.where(at < 0, first, filled)


def _changes(block: Block, name: str, last: str | None, start: int, stop: int) -> list[tuple[int, str]]:
    """(row, text) wherever the text or number called `name` changes within start…stop."""
    found: list[tuple[int, str]] = [(r, t) for r, t in block.texts.get(name, []) if start <= r < stop]
    if not found and name in block.columns:
        column: Column = block.columns[name]
        inside = (column.rows >= start) & (column.rows < stop)
        rows, values = column.rows[inside], column.values[inside]
        if len(values):
            turn = np.concatenate([[True], values[1:] != values[:-1]])
            found = [
                (int(r), f"{name.rsplit('/', 1)[-1].replace('_', ' ')} {v:g}")
                for r, v in zip(rows[turn], values[turn], strict=True)
            ]
    changed = []
    for row, text in found:
        if text != last:
            changed.append((row, text))
            last = text
    return changed
