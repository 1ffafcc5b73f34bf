"""How long the phases of a step take, without making a GPU wait: CUDA events there, the process clock
elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class PhaseClock:
    """Milliseconds by phase since the last reading."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._spent: dict[str, float] = {}
        self._events: list[tuple[str, torch.cuda.Event, torch.cuda.Event]] = []

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Times what happens inside under `name`."""
        if self._cuda:
            first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
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
            torch.cuda.synchronize()
            for name, first, last in self._events:
                self.add(name, first.elapsed_time(last) / 1000.0)
        spent, self._spent, self._events = self._spent, {}, []
        return spent
