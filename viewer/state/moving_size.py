"""Size of a moving frame: from measured milliseconds to edge and samples per ray, with hysteresis.

The state is one number, the total samples of a moving frame (its *work*). `ladder` turns it into a picture:
starting from the full one, first the samples per ray fall to half, then the edge to the user's minimum, then
the samples to `MIN_SPP`.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median

HYSTERESIS = 0.2
"""Within this share of the target time nothing changes."""
MIN_SPP = 4.0
EDGE_STEP = 8
FIRST_WORK = 128 * 128 * 8
"""Samples of the very first moving frame, before anything was measured."""
LATENT_STAGES = frozenset({"checkpoint", "w", "planes", "skip"})
"""Their cost does not depend on the picture's size: a psi drag must not shrink the picture."""


@dataclass(frozen=True)
class MovingSize:
    """Edge of the square picture in pixels, and samples per ray."""

    edge: int
    spp: float

    @property
    def work(self) -> float:
        return self.edge * self.edge * self.spp


class MovingSizer:
    """Finds the work that takes the target time; one instance per window."""

    def __init__(self, window: int = 3) -> None:
        self.work: float = FIRST_WORK
        self._times: deque[float] = deque(maxlen=window)
        self._size: MovingSize | None = None
        self._limits: tuple[int, float, int] | None = None
        self._skip = 1
        self._measured = False

    def size(self, full_edge: int, full_spp: float, floor: int) -> MovingSize:
        """The moving picture for a full one of `full_edge` pixels and `full_spp` samples."""
        limits = (full_edge, full_spp, floor)
        if self._size is None or limits != self._limits:
            self._limits = limits
            self._adopt(ladder(self.work, full_edge, full_spp, floor))
        assert self._size is not None
        return self._size

    def forget(self) -> None:
        """Another checkpoint was opened: forget the measurements and ignore the next frame, which fills
        caches.
        """
        self.work, self._measured, self._size, self._limits = FIRST_WORK, False, None, None
        self._times.clear()
        self._skip = 1

    def skip_next(self) -> None:
        """Ignore the next frame: it is not typical (latent or sampler changed)."""
        self._times.clear()
        self._skip = max(self._skip, 1)

    def hint(self, ms: float, work: float, target_ms: float) -> None:
        """A frame of another tier took `ms` for `work` samples: the first estimate, where no moving frame was
        measured yet.
        """
        if not self._measured and ms > 0:
            self._set_work(work * target_ms / ms)

    def measured(self, ms: float, size: MovingSize, target_ms: float) -> None:
        """A moving frame of `size` took `ms`; the size changes when that is off by more than ±20 %."""
        if size != self._size:
            return
        if self._skip > 0:
            self._skip -= 1
            return
        self._measured = True
        self._times.append(max(ms, 0.05))
        typical = median(self._times)
        ratio = target_ms / typical
        inside = 1.0 / (1.0 + HYSTERESIS) <= ratio <= 1.0 / (1.0 - HYSTERESIS)
        # Two frames settle a moderate miss; one frame is enough when it is off by half or more.
        if inside or (len(self._times) < 2 and 0.5 < ratio < 2.0):
            return
        self._set_work(size.work * min(max(ratio, 0.1), 6.0))

    def _set_work(self, work: float) -> None:
        if self._limits is None:
            self.work = work
            return
        found = ladder(work, *self._limits)
        self.work = found.work
        if found != self._size:
            self._adopt(found)

    def _adopt(self, size: MovingSize) -> None:
        self._size = size
        self._times.clear()
        self._skip = max(self._skip, 1)


def ladder(work: float, full_edge: int, full_spp: float, floor: int) -> MovingSize:
    """The picture of about `work` samples between (floor, MIN_SPP) and (full_edge, full_spp)."""
    floor = min(floor, full_edge)
    least, half = min(MIN_SPP, full_spp), max(min(MIN_SPP, full_spp), 0.5 * full_spp)
    if work >= full_edge**2 * half:
        return MovingSize(full_edge, _quantised(work / full_edge**2, half, full_spp))
    if work >= floor**2 * half:
        edge = EDGE_STEP * round(math.sqrt(work / half) / EDGE_STEP)
        return MovingSize(min(max(edge, floor), full_edge), half)
    return MovingSize(floor, _quantised(work / floor**2, least, half))


def _quantised(spp: float, low: float, high: float) -> float:
    """Steps of half a sample below 16, of about 3 % above: sizes change visibly or not at all."""
    step = 0.5 if spp < 16 else 2.0 ** math.floor(math.log2(spp / 16.0))
    return min(max(step * round(spp / step), low), high)
