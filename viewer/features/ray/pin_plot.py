"""One curve for each pin and each kept reading, over the distance along their rays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from imgui_bundle import ImVec2, ImVec4, implot

from core_model.schema.inspect import RayReport
from viewer.features.ray.plots import plot_style
from viewer.features.ray.readings import Reading
from viewer.features.ray.series import RaySeries, series_of
from viewer.widgets import choice_rows
from viewer.widgets.overlays import PIN_INKS
from viewer.widgets.theme import Theme

_WHAT = (
    ("weight", "Weight", "True weights of 192 dense samples, per world unit"),
    ("density", "Density", "Volume density along the ray"),
    ("sdf", "SDF", "Signed distance along the ray"),
    ("transmittance", "T", "Transmittance"),
)
_FROM = (
    ("surface", "Surface", "Distance before (−) and behind the surface: rays of different views lie over each other"),
    ("camera", "Camera", "Distance from the camera"),
)  # fmt: skip
SURFACE = ("first zero crossing", "expected depth")
AROUND = 0.12
"""Shown before and behind the surface, world units."""


class PinPlot:
    """Keeps what is plotted, and the arrays of the reports."""

    def __init__(self) -> None:
        self.what, self.origin = "weight", "surface"
        self._series: dict[int, tuple[RayReport, RaySeries]] = {}

    def draw(self, theme: Theme, readings: Sequence[Reading], height: float) -> None:
        """Present readings in full strength, kept ones thin."""
        self.what = choice_rows.segmented(theme, "Plot", "pin-what", self.what, _WHAT, tip="What is plotted")
        self.origin = choice_rows.segmented(
            theme, "From", "pin-from", self.origin, _FROM, tip="Where the distance is measured from"
        )
        self._series = {id(r.report): self._of(r.report) for r in readings}
        with plot_style(theme):
            flags = implot.Flags_.no_title | implot.Flags_.no_menus | implot.Flags_.no_legend | implot.Flags_.no_box_select  # fmt: skip
            if implot.begin_plot("##pins-plot", ImVec2(-1.0, height), int(flags)):
                quiet = int(implot.AxisFlags_.no_menus | implot.AxisFlags_.no_highlight)
                fit = quiet | int(implot.AxisFlags_.auto_fit | implot.AxisFlags_.range_fit)
                implot.setup_axes("distance [world units]", "", quiet, fit)
                low, high = self._span(readings)
                implot.setup_axis_limits(implot.ImAxis_.x1, low, high, implot.Cond_.always)
                for number, reading in enumerate(readings):
                    self._curve(theme, reading, number)
                implot.end_plot()

    def _of(self, report: RayReport) -> tuple[RayReport, RaySeries]:
        return self._series.get(id(report)) or (report, series_of(report))

    def _zero(self, report: RayReport) -> float:
        if self.origin == "camera":
            return 0.0
        return next((float(v) for name in SURFACE if (v := report.numbers.get(name)) is not None), 0.0)

    def _span(self, readings: Sequence[Reading]) -> tuple[float, float]:
        if self.origin == "surface":
            return -AROUND, AROUND
        spans = [self._series[id(r.report)][1].close for r in readings]
        return (min(s[0] for s in spans), max(s[1] for s in spans)) if spans else (0.0, 1.0)

    def _curve(self, theme: Theme, reading: Reading, number: int) -> None:
        series = self._series[id(reading.report)][1]
        x, y = self._values(series)
        if x is None or y is None:
            return
        ink, alpha = PIN_INKS[reading.pin], 1.0 if reading.is_now else 0.55
        spec = implot.Spec(
            line_color=ImVec4(*ink, alpha), line_weight=(2.2 if reading.is_now else 1.1) * theme.scale
        )
        draw = implot.plot_stairs if self.what == "weight" else implot.plot_line
        draw(f"##curve{number}", x - self._zero(reading.report), y, spec)

    def _values(self, series: RaySeries) -> tuple[np.ndarray | None, np.ndarray | None]:
        if self.what == "weight":
            truth = next((s for s in series.steps if s.name == "truth"), None)
            return (None, None) if truth is None else (truth.edges, truth.density)
        y = {"density": series.density, "sdf": series.sdf, "transmittance": series.transmittance}[self.what]
        return series.t, y
