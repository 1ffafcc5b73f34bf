"""How long the phases of a step take, without making a GPU wait: events there, the process clock
elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from core_model.ops import devices

_ORIGIN = time.time() - time.monotonic()


def wall_time() -> float:
    """Seconds since 1970 as they were when this process began, and steady from then on.

    What a run writes is subtracted from what it wrote before (rates, time left, axes of charts): a clock that is set meanwhile
    must not come in between.
    """
    return _ORIGIN + time.monotonic()


class PhaseClock:
    """Milliseconds by phase since the last reading."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._spent: dict[str, float] = {}
        self._events: list[tuple[str, torch.Event, torch.Event]] = []

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Times what happens inside under `name`."""
        first, last = devices.timed_event(self._device), devices.timed_event(self._device)
        if first is not None and last is not None:
            first.record()
            yield
            last.record()
            self._events.append((name, first, last))
        else:
            started = time.perf_counter()
            yield
            self.add(name, time.perf_counter() - started)

    def add(self, name: str, seconds: float) -> None:
        self._spent[name] = self._spent.get(name, 0.0) + 1000.0 * seconds

    def read(self) -> dict[str, float]:
        """Milliseconds by phase; starts again at zero. Waits for the GPU."""
        if self._events:
            devices.synchronize(self._device)
            for name, first, last in self._events:
                self.add(name, first.elapsed_time(last) / 1000.0)
        spent, self._spent, self._events = self._spent, {}, []
        return spent
