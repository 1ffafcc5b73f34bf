"""Means between two ticks, and what a tick says."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from torch import Tensor

from core_model.ops import devices
from core_model.schema.processes import peak_bytes
from core_model.schema.run import TickRecord
from core_model.training.common.clock import PhaseClock, wall_time


class TickMeans:
    """Collects the scalars of steps without waiting for the device; `take` makes the line of stats.jsonl."""

    def __init__(self, device: torch.device, clock: PhaseClock) -> None:
        self._device, self._clock = device, clock
        self._sums: dict[str, Tensor | float] = {}
        self._counts: dict[str, int] = {}
        self._steps = self._images = 0
        self._since = time.perf_counter()

    @property
    def steps(self) -> int:
        """Steps since the last tick."""
        return self._steps

    def add(self, values: Mapping[str, Tensor | float], images: int) -> None:
        """The scalars of one step, which showed `images` images."""
        self._steps += 1
        self._images += images
        for name, value in values.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
            self._counts[name] = self._counts.get(name, 0) + 1

    def restart(self) -> None:
        """Exclude the time since the last tick (a pause, pictures, an evaluation)."""
        self._since = time.perf_counter()
        self._clock.read()

    def take(
        self,
        step: int,
        images: int,
        wall_s: float,
        schedule: Mapping[str, float],
        augment_p: float = 0.0,
        bad_steps: int = 0,
        stage: str = "",
    ) -> TickRecord:
        """The tick after `step` steps and `images` images in all; everything starts again."""
        milliseconds = self._clock.read()
        elapsed = max(time.perf_counter() - self._since, 1e-9)
        record = TickRecord(
            step=step, images=images, kimg=images / 1000.0, wall_s=wall_s, time=wall_time(),
            losses={name: float(total) / self._counts[name] for name, total in self._sums.items()},
            schedule={name: float(value) for name, value in schedule.items()},
            speed={
                "images_s": self._images / elapsed,
                "step_ms": 1000.0 * elapsed / max(1, self._steps),
                **{f"{name}_ms": spent / max(1, self._steps) for name, spent in milliseconds.items()},
            },
            memory=memory_mib(self._device), augment_p=augment_p, bad_steps=bad_steps, stage=stage,
        )  # fmt: skip
        self._sums, self._counts, self._steps, self._images = {}, {}, 0, 0
        self._since = time.perf_counter()
        return record


def memory_mib(device: torch.device) -> dict[str, float]:
    """Largest resident set of this process, and on an accelerator the largest allocation since the last call, MiB."""
    memory = {"process_peak": peak_bytes() / 2**20}
    if device.type != "cpu":
        memory |= {f"gpu_{name}": size / 2**20 for name, size in devices.peak_bytes(device).items()}
    return memory
