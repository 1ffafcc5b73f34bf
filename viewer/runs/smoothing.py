"""Exponential moving average of a series, extended as the series grows and evaluated at single places.

The average covers every point, whatever the screen's resolution. Only the places that are drawn are computed,
from the state kept before each block of points, so that a slider over 10⁶ points does not stall a frame. It
starts unbiased (divided by the weight seen so far); values that are not finite are skipped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viewer.runs.pyramid import Growing

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
BLOCK = 64


class Finite:
    """The finite values of a growing column; a column without gaps is not copied."""

    def __init__(self) -> None:
        self._seen = 0
        self._kept: Growing | None = None
        self._upto: Growing | None = None

    def extend(self, source: F8) -> F8:
        """The finite values of the whole `source`, of which all but the new end was given before."""
        fresh = source[self._seen :]
        finite = np.isfinite(fresh)
        if self._kept is None and not finite.all():
            self._kept, self._upto = Growing(), Growing(np.int64)
            self._kept.append(source[: self._seen])
            self._upto.append(np.arange(1, self._seen + 1))
        if self._kept is not None and self._upto is not None and len(fresh):
            self._upto.append(self._kept.count + np.cumsum(finite))
            self._kept.append(fresh[finite])
        self._seen = len(source)
        return source if self._kept is None else self._kept.view

    def places(self, indices: I8) -> I8:
        """For indices of the column: which finite value is the newest there; −1 before the first."""
        return indices if self._upto is None else self._upto.view[indices] - 1


class Smoothed:
    """s ← weight · s + (1 − weight) · y, for one series of finite values and one weight in [0, 1)."""

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self._before = Growing()
        """State before each block, one more than there are whole blocks."""
        self._before.append(np.zeros(1))
        steps = np.arange(BLOCK)
        lag = steps[:, None] - steps[None, :]
        with np.errstate(under="ignore"):
            self._kernel = np.where(lag >= 0, (1.0 - weight) * weight ** np.maximum(lag, 0), 0.0)

    def extend(self, values: F8) -> None:
        """Take in `values`, the whole column so far, of which all but the new end was given before."""
        have, whole = self._before.count - 1, len(values) // BLOCK
        if whole > have:
            ends = values[have * BLOCK : whole * BLOCK].reshape(-1, BLOCK) @ self._kernel[-1]
            with np.errstate(under="ignore"):
                decay = self.weight**BLOCK
            self._before.append(_states(self._before.last, ends, decay))

    def at(self, values: F8, places: I8) -> F8:
        """The average at each of `places`, after `extend(values)`.

        places: indices of `values`; −1 = before the first, where the average is nan.
        """
        if not len(values) or not len(places):
            return np.full(len(places), np.nan)
        place = np.maximum(places, 0)
        block, within = np.divmod(place, BLOCK)
        inside = np.minimum(block[:, None] * BLOCK + np.arange(BLOCK), len(values) - 1)
        sums = (values[inside] * self._kernel[within]).sum(axis=1)  # the kernel is 0 behind the place itself
        with np.errstate(under="ignore"):
            sums += self._before.view[block] * self.weight ** (within + 1.0)
            found = sums / (1.0 - self.weight ** (place + 1.0))
        return np.where(places >= 0, found, np.nan)


def _states(first: float, ends: F8, decay: float) -> F8:
    """s ← decay · s + ends[k] from s = `first`, after each k; vectorised over blocks of BLOCK."""
    if len(ends) <= BLOCK:
        made = np.empty(len(ends))
        for k, end in enumerate(ends.tolist()):
            first = decay * first + end
            made[k] = first
        return made
    strides = -(-len(ends) // BLOCK)
    padded = np.zeros(strides * BLOCK)
    padded[: len(ends)] = ends
    steps = np.arange(BLOCK)
    lag = steps[:, None] - steps[None, :]
    with np.errstate(under="ignore"):
        inner = padded.reshape(strides, BLOCK) @ np.where(lag >= 0, decay ** np.maximum(lag, 0), 0.0).T
        after = _states(first, inner[:, -1].copy(), decay**BLOCK)
        before = np.concatenate([[first], after[:-1]])
        return (inner + before[:, None] * decay ** (steps + 1.0)[None, :]).reshape(-1)[: len(ends)]
