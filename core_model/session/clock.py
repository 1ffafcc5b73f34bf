"""Times by stage, as a render goes along."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from core_model.fields.base import Field, FieldSample
from core_model.ops.devices import synchronize, timed_event
from core_model.schema.render import STAGES, StageTime


class StageClock:
    """Adds up milliseconds per stage.

    On an accelerator that has timed events these are recorded in its stream and read at the end, so that nothing waits between
    stages; on others each stage waits for the device, so that times belong to the stage they are under.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._events: list[tuple[str, torch.Event, torch.Event, float, bool]] = []
        self._ms: dict[str, float] = {}
        self._cached: dict[str, bool] = {}
        self._start = time.perf_counter()
        self._here = threading.local()  # the stage that this thread is in
        self._guard = threading.Lock()
        self._share = 1.0
        self._paused = self._start

    def pause(self) -> None:
        """The work gives way; the time until `resume` is not its own."""
        self._paused = time.perf_counter()

    def resume(self) -> None:
        self._start += time.perf_counter() - self._paused

    @contextmanager
    def shared(self, workers: int) -> Iterator[None]:
        """While so many workers work side by side, each books its share, so that the stages still add up to the time that passed."""
        self._share = 1.0 / max(workers, 1)
        try:
            yield
        finally:
            self._share = 1.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start, outer = self._mark(), self._stage
        self._here.stage = name
        try:
            yield
        finally:
            self._here.stage = outer
            # a second visit (live pixels after the cached grid) does not make a stage uncached
            self._book(name, start, self._mark(), self._share, self._cached.get(name, False))

    @contextmanager
    def field(self) -> Iterator[None]:
        """Books under `field`, and takes the time from the stage it runs in."""
        start = self._mark()
        yield
        end = self._mark()
        self._book("field", start, end, self._share, False)
        if self._stage:
            self._book(self._stage, start, end, -self._share, self._cached.get(self._stage, False))

    @property
    def _stage(self) -> str:
        return getattr(self._here, "stage", "")

    def _mark(self) -> float | torch.Event:
        """Now, in seconds, or as an event in the device's stream."""
        event = timed_event(self._device)
        if event is not None:
            event.record()
            return event
        synchronize(self._device)
        return time.perf_counter()

    def _book(
        self, name: str, start: float | torch.Event, end: float | torch.Event, share: float, cached: bool
    ) -> None:
        """A share of the time between two marks; negative: taken out."""
        if isinstance(start, torch.Event) and isinstance(end, torch.Event):
            with self._guard:
                self._events.append((name, start, end, share, cached))
        elif isinstance(start, float) and isinstance(end, float):
            self.add(name, (end - start) * 1e3 * share, cached)

    def add(self, name: str, ms: float, cached: bool = False) -> None:
        with self._guard:
            self._ms[name] = self._ms.get(name, 0.0) + ms
            self._cached[name] = cached

    def total_ms(self) -> float:
        return (time.perf_counter() - self._start) * 1e3

    def times(self) -> tuple[StageTime, ...]:
        """In the order of the stages; the field's share is taken out of the stages that called it."""
        if self._events:
            synchronize(self._device)
            for name, start, end, share, cached in self._events:
                self.add(name, start.elapsed_time(end) * share, cached)
            self._events = []
        return tuple(
            StageTime(stage=s, ms=round(max(self._ms[s], 0.0), 3), cached=self._cached.get(s, False))
            for s in STAGES
            if s in self._ms
        )


class TimedField:
    """A field whose evaluations are booked under the stage `field`."""

    def __init__(self, field: Field, clock: StageClock) -> None:
        self._field, self._clock = field, clock
        self.is_sdf = field.is_sdf

    def geometry(self, points: Tensor) -> FieldSample:
        with self._clock.field():
            return self._field.geometry(points)

    def colour(self, sample: FieldSample, points: Tensor, dirs: Tensor) -> Tensor:
        with self._clock.field():
            return self._field.colour(sample, points, dirs)
