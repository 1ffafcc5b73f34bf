"""Exponential moving average over every point of a series, extended as the series grows.

The average is taken at full resolution and then sampled, so that it does not depend on how many points the screen has
room for. Starts unbiased (divided by the weight seen so far); values that are not finite are passed over.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viewer.runs.pyramid import Growing

F8 = NDArray[np.float64]
BLOCK = 64


class Smoothed:
    """s ← weight · s + (1 − weight) · y, for one series and one weight in [0, 1)."""

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.values = Growing()
        self._sum = 0.0
        self._seen = 0
        steps = np.arange(BLOCK)
        lag = steps[:, None] - steps[None, :]
        with np.errstate(under="ignore"):
            self._kernel = np.where(lag >= 0, (1.0 - weight) * weight ** np.maximum(lag, 0), 0.0)
            self._decay = weight ** (steps + 1.0)

    def extend(self, source: F8) -> F8:
        """The average of the whole `source`, of which all but the new end was given before."""
        fresh = source[self.values.count :]
        if len(fresh):
            finite = np.isfinite(fresh)
            self.values.append(self._average(fresh) if finite.all() else self._with_gaps(fresh, finite))
        return self.values.view

    def _with_gaps(self, fresh: F8, finite: NDArray[np.bool_]) -> F8:
        before = self.values.last
        kept = np.concatenate([[before], self._average(fresh[finite])])
        return kept[np.cumsum(finite)]

    def _average(self, y: F8) -> F8:
        if not len(y):
            return y
        blocks = -(-len(y) // BLOCK)
        padded = np.zeros(blocks * BLOCK)
        padded[: len(y)] = y
        sums = padded.reshape(blocks, BLOCK) @ self._kernel.T
        carry, last = np.empty(blocks), self._sum
        for k, end in enumerate(sums[:, -1].tolist()):
            carry[k] = last
            last = last * float(self._decay[-1]) + end
        flat = (sums + carry[:, None] * self._decay[None, :]).reshape(-1)[: len(y)]
        counts = self._seen + 1.0 + np.arange(len(y))
        self._sum, self._seen = float(flat[-1]), self._seen + len(y)
        with np.errstate(under="ignore"):
            return flat / (1.0 - self.weight**counts) if self.weight else flat
