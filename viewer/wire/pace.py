"""How fast the line is, how much may be under way on it, and how good a moving picture may be.

Bytes under way wait in somebody's buffer (ssh holds megabytes), and every byte there delays the next picture. So no
more is sent than the line holds, plus half: `window` = 1.5 · rate · shortest round trip, the rule by which Cardwell et
al. (BBR, 2016) keep queues short. Pure: times are arguments, in seconds of a monotonic clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

GAIN = 1.5
LEAST_WINDOW = 16_000
FIRST_WINDOW = 48_000
REMEMBER_S = 10.0
"""The shortest round trip is that of the last 10 s: a laptop may change its network."""
PICTURE_S = 0.05
"""What a moving picture may take of the line: at 20 per second it is full."""
PREVIEW_S = 0.2
"""An exact picture that takes longer is preceded by a quick one."""


class Pace:
    """Round trip and rate of one direction, from what was sent and what was acknowledged when."""

    def __init__(self) -> None:
        self.sent = self.acked = 0
        self.rate = 0.0
        self._marks: deque[tuple[int, float]] = deque()
        self._trips: deque[tuple[float, float]] = deque()
        self._round: tuple[int, float, int] | None = None
        self._full = False

    def sending(self, size: int, now: float) -> None:
        """So many bytes go out now."""
        self.sent += size
        self._marks.append((self.sent, now))
        if self._round is None:
            self._round, self._full = (self.sent, now, self.acked), False

    def blocked(self) -> None:
        """More is to be sent than may be under way: what arrives in this round is what the line can carry."""
        self._full = True

    def acknowledged(self, total: int, now: float) -> None:
        """The other side has received `total` bytes."""
        total = min(total, self.sent)
        if total <= self.acked:
            return
        self.acked = total
        at = None
        while self._marks and self._marks[0][0] <= total:
            at = self._marks.popleft()[1]
        if at is not None:
            trip = max(now - at, 1e-5)
            while self._trips and (self._trips[0][0] < now - REMEMBER_S or self._trips[-1][1] >= trip):
                self._trips.popleft() if self._trips[0][0] < now - REMEMBER_S else self._trips.pop()
            self._trips.append((now, trip))
        if self._round is not None and total >= self._round[0]:
            _, begun, before = self._round
            found = (total - before) / max(now - begun, 1e-5)
            if found > self.rate:
                self.rate = found
            elif self._full:
                self.rate = max(found, 0.7 * self.rate)
            self._round = None

    @property
    def round_trip(self) -> float:
        """Shortest of the last seconds; 0 before the first."""
        return self._trips[0][1] if self._trips else 0.0

    @property
    def under_way(self) -> int:
        return self.sent - self.acked

    @property
    def window(self) -> int:
        """Bytes that may be under way."""
        if not self._trips:
            return FIRST_WINDOW
        return max(LEAST_WINDOW, int(GAIN * self.rate * self.round_trip) + 4096)

    def segment(self) -> int:
        """Bytes of a segment: what the line carries in 20 ms."""
        return min(max(int(0.02 * self.rate), 4096), 1 << 16)

    def seconds(self, size: int) -> float:
        """What so many bytes take, at the rate so far; 0 where it is not known."""
        return size / self.rate if self.rate else 0.0


@dataclass(frozen=True)
class Level:
    """How a moving picture is sent. scale: every N-th pixel."""

    how: Literal["jpeg", "webp"]
    quality: int
    scale: int = 1

    def __str__(self) -> str:
        size = f", 1/{self.scale} size" if self.scale > 1 else ""
        return f"{'JPEG' if self.how == 'jpeg' else 'WebP'} {self.quality}{size}"


LEVELS = (
    Level("jpeg", 92), Level("jpeg", 85), Level("jpeg", 75), Level("webp", 75), Level("webp", 55), Level("webp", 60, 2),
    Level("webp", 45, 2), Level("webp", 50, 4),
)  # fmt: skip
"""Best first; each takes about two thirds of the bytes of the one before."""


class Quality:
    """Finds the best level whose pictures fit the line."""

    def __init__(self) -> None:
        self._at = 2

    @property
    def level(self) -> Level:
        return LEVELS[self._at]

    def measured(self, size: int, rate: float) -> None:
        """A picture at the present level took `size` bytes, on a line of `rate` bytes per second (0 = unknown)."""
        if rate <= 0.0:
            return
        share = size / (rate * PICTURE_S)
        if share > 4.0:
            self._at = min(self._at + 3, len(LEVELS) - 1)
        elif share > 1.0:
            self._at = min(self._at + 1, len(LEVELS) - 1)
        elif share < 0.5:
            self._at = max(self._at - 1, 0)
