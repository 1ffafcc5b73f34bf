"""A ray report as arrays to plot: converted once per report, so that a GUI frame only draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.schema.inspect import BinSeries, RayReport
from core_model.schema.ray_look import TITLES


@dataclass(frozen=True, eq=False)
class Steps:
    """A distribution as a step function.

    edges [K+1]; density [K+1]: mass per world unit, the last repeated; mass [K].
    """

    name: str
    title: str
    edges: np.ndarray
    density: np.ndarray
    mass: np.ndarray

    def at(self, t: float) -> float | None:
        """Mass per world unit at distance t; None outside the bins."""
        i = int(np.searchsorted(self.edges, t, side="right")) - 1
        return float(self.density[i]) if 0 <= i < len(self.mass) else None


@dataclass(frozen=True, eq=False)
class RaySeries:
    """Distances t [N] along the unit ray; sdf is None for families without one."""

    t: np.ndarray
    sdf: np.ndarray | None
    density: np.ndarray
    transmittance: np.ndarray
    colours: np.ndarray
    steps: tuple[Steps, ...]
    rows: tuple[tuple[str, np.ndarray], ...]
    threshold: float | None
    near: float
    far: float
    close: tuple[float, float]

    def near_index(self, t: float) -> int:
        return int(np.clip(np.searchsorted(self.t, t), 0, len(self.t) - 1))


def series_of(report: RayReport) -> RaySeries:
    """Everything that the plots of one report need."""
    sdf = np.asarray(report.sdf, dtype=np.float64)
    steps = tuple(_steps(pdf) for pdf in report.pdfs)
    prediction = next((s for s in steps if s.name == "prediction"), None)
    threshold = None
    if report.robust_threshold is not None and prediction is not None:
        threshold = report.robust_threshold / max(float(np.diff(prediction.edges).mean()), 1e-12)
    return RaySeries(
        t=np.asarray(report.t, dtype=np.float64),
        sdf=sdf if np.isfinite(sdf).any() else None,
        density=np.asarray(report.density, dtype=np.float64),
        transmittance=np.asarray(report.transmittance, dtype=np.float64),
        colours=np.asarray(report.colors, dtype=np.float64).reshape(-1, 3),
        steps=steps,
        rows=tuple((row.name, np.asarray(row.t, dtype=np.float64)) for row in report.ticks),
        threshold=threshold,
        near=report.near,
        far=max(report.far, report.near + 1e-6),
        close=_close(steps, report.near, report.far),
    )


def _steps(pdf: BinSeries) -> Steps:
    edges, mass = np.asarray(pdf.edges, dtype=np.float64), np.asarray(pdf.values, dtype=np.float64)
    density = mass / np.maximum(np.diff(edges), 1e-12) if len(mass) else mass
    tail = density[-1:] if len(density) else np.zeros(1)
    return Steps(pdf.name, TITLES.get(pdf.name, pdf.name), edges, np.concatenate([density, tail]), mass)


def _close(steps: tuple[Steps, ...], near: float, far: float) -> tuple[float, float]:
    """The stretch around the surface.

    Where the true weights or the prediction hold 98 % of their mass, with a margin.
    """
    low, high = far, near
    for one in steps:
        total = float(one.mass.sum())
        if one.name not in ("truth", "prediction") or total < 0.05:
            continue
        cumulative = np.cumsum(one.mass) / total
        first, last = np.searchsorted(cumulative, [0.01, 0.99])
        low, high = (
            min(low, float(one.edges[first])),
            max(high, float(one.edges[min(last + 1, len(one.mass))])),
        )
    if high <= low:
        return near, max(far, near + 1e-6)
    margin = max(0.6 * (high - low), 0.02 * (far - near))
    return max(low - margin, near), min(high + margin, far)
