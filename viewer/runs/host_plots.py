"""The plots of this machine, for both windows: titles, units, curves and the top of each axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viewer.runs.host import GpuSample, HostSample, HostSampler

Pick = Callable[[HostSample], float]
GB = 1e9


@dataclass(frozen=True)
class HostPlot:
    """lines: (label, value of a sample). top: upper end of the axis, nan where unknown."""

    title: str
    unit: str
    lines: tuple[tuple[str, Pick], ...]
    top: Pick

    def series(self, history: Sequence[HostSample]) -> list[tuple[str, NDArray[np.float64]]]:
        """(label, values [len(history)]) of every line."""
        return [(label, np.array([pick(s) for s in history])) for label, pick in self.lines]

    def told(self, history: Sequence[HostSample]) -> list[tuple[NDArray[np.float64], str]]:
        """(values [len(history)], legend with the newest value) of every line."""
        limit = self.top(history[-1]) if len(self.lines) == 1 else math.nan
        return [
            (values, value_words(label, float(values[-1]), self.unit, limit))
            for label, values in self.series(history)
        ]

    def height(self, history: Sequence[HostSample]) -> float:
        """Highest of the told limit and the values seen, above 0."""
        told = self.top(history[-1])
        seen = [float(np.nanmax(v)) for _, v in self.series(history) if np.isfinite(v).any()]
        return max([told if math.isfinite(told) else 0.0, *seen, 1e-6])


COMPUTER: tuple[HostPlot, ...] = (
    HostPlot("Processor", "%", (("used", lambda s: s.cpu),), lambda s: 100.0),
    HostPlot("Memory", "GB", (("used", lambda s: s.ram_used / GB),), lambda s: s.ram_total / GB),
    HostPlot(
        "Disk", "GB", (("used", lambda s: (s.disk_total - s.disk_free) / GB),), lambda s: s.disk_total / GB
    ),
)


def gpu_plots(index: int) -> tuple[HostPlot, ...]:
    """Plots of one GPU; nan in samples that lack it."""

    def figure(name: str, scale: float = 1.0) -> Pick:
        def pick(sample: HostSample) -> float:
            gpu: GpuSample | None = next((g for g in sample.gpus if g.index == index), None)
            return getattr(gpu, name) / scale if gpu is not None else math.nan

        return pick

    heat = (("load", figure("load")), ("temperature", figure("temperature")))
    return (
        HostPlot("Load and temperature", "% and °C", heat, lambda s: 100.0),
        HostPlot("GPU memory", "GB", (("used", figure("memory_used", GB)),), figure("memory_total", GB)),
        HostPlot("Power", "W", (("drawn", figure("power")),), figure("power_limit")),
    )


def no_gpu_words(host: HostSampler) -> str:
    """Why there are no plots of a GPU."""
    return f"No GPU figures on this machine: {host.why_no_gpu or 'none found'}."


def minutes_ago(history: Sequence[HostSample]) -> NDArray[np.float64]:
    """x of every sample: minutes before the newest, ≤ 0."""
    return (np.array([s.time for s in history]) - history[-1].time) / 60.0


def value_words(label: str, value: float, unit: str = "", limit: float = math.nan) -> str:
    """A curve's newest value: "used 12.3 of 64 GB"; – where it is not told."""
    shown = f"{label} {value:.1f}" if math.isfinite(value) else f"{label} –"
    return f"{shown} of {limit:.0f} {unit}" if math.isfinite(limit) and unit else shown
