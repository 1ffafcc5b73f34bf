"""Histogram of the shown scalar channel, computed once per frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 64
PERCENTS = (5, 50, 95, 99)


@dataclass(frozen=True)
class Histogram:
    """counts: [BINS] pixels per bin over [low, high]; extremes: finite (min, max) of the data.

    empty_share: of the pixels, those without a value; percentiles: at PERCENTS.
    """

    counts: tuple[int, ...]
    low: float
    high: float
    extremes: tuple[float, float]
    mean: float
    empty_share: float
    percentiles: tuple[float, ...] = ()


def histogram(values: np.ndarray, low: float, high: float) -> Histogram:
    """Histogram of `values` [H, W] in BINS equal bins over [low, high]; NaN and values outside are not
    counted.
    """
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return Histogram(
            counts=(0,) * BINS, low=low, high=high, extremes=(0.0, 0.0), mean=0.0, empty_share=1.0
        )
    scale = BINS / max(high - low, 1e-20)
    index = np.floor((finite - low) * scale).astype(np.int64)
    index[finite == high] = BINS - 1
    counts = np.bincount(index[(index >= 0) & (index < BINS)], minlength=BINS)
    return Histogram(
        counts=tuple(counts.tolist()),
        low=low,
        high=high,
        extremes=(float(finite.min()), float(finite.max())),
        mean=float(finite.mean(dtype=np.float64)),
        empty_share=1.0 - finite.size / max(values.size, 1),
        percentiles=tuple(float(v) for v in np.percentile(finite, PERCENTS)),
    )


def colour_histogram(rgb: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Counts of red, green and blue of `rgb` [3, H, W] in BINS equal bins over [0, 1]; values outside are not
    counted.
    """
    return tuple(histogram(plane, 0.0, 1.0).counts for plane in rgb)


class HistogramCache:
    """Keeps the last histogram under the frame's version, channel and range."""

    def __init__(self) -> None:
        self._key: tuple[int, str, float, float] | None = None
        self._last: Histogram | None = None
        self._colour_version = -1
        self._colours: tuple[tuple[int, ...], ...] = ()

    def colours(self, version: int, rgb: np.ndarray) -> tuple[tuple[int, ...], ...]:
        """Colour histogram of the frame `version`."""
        if version != self._colour_version:
            self._colour_version, self._colours = version, colour_histogram(rgb)
        return self._colours

    def of(self, version: int, channel: str, values: np.ndarray, low: float, high: float) -> Histogram:
        """Histogram of `values`, re-computed only when the key (version, channel, low, high) is new."""
        key = (version, channel, low, high)
        if self._last is None or key != self._key:
            self._key, self._last = key, histogram(values, low, high)
        return self._last
