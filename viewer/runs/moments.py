"""Places in time of a run: from the number of a picture or snapshot, or from a place on an x axis, to all of its counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from viewer.runs.reader import RunReader
from viewer.runs.selection import Moment
from viewer.runs.table import Axis


def moment_of_number(run: RunReader, number: float) -> Moment:
    """The moment of a picture or snapshot by the number in its name: steps, or kimg in a run of the EG3D family."""
    with run.lock:
        axis: Axis = "images" if run.is_foreign else "steps"
    return moment_at(run, axis, 1e3 * number if run.is_foreign else number)


def moment_at(run: RunReader, axis: Axis, x: float) -> Moment:
    """The moment at x of an axis, other counts between the ticks on both sides."""
    with run.lock:
        table = run.scalars
        along = np.array(table.axis(axis))
        counts = {name: np.array(table.axis(name)) for name in ("steps", "images", "time")}
    counts = {
        name: float(np.interp(x, along, values)) if len(along) else 0.0 for name, values in counts.items()
    }
    counts[axis] = x
    return Moment(run.path, counts["steps"], counts["images"], counts["time"])


def nearest(numbers: Sequence[float], number: float) -> int:
    """Place of the number nearest to `number`; −1 of none."""
    return min(range(len(numbers)), key=lambda i: abs(numbers[i] - number), default=-1)
