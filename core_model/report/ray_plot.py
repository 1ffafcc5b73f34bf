"""The ray report as a picture: field, distributions, samples and colours over the distance along one ray.

Names and colours of the series are those of the window's ray panel on light ground
(`core_model/schema/ray_look.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image

from core_model.report.charts import SOFT, Chart, Color, Figure
from core_model.schema.inspect import BinSeries, RayReport
from core_model.schema.ray_look import TITLES, ink

SIZE = (1600, 1000)
_CLOSE: Color = (239, 243, 248)
_LEFT, _RIGHT = 136, 1568
_LINE_LETTERS = 220


def ray_figure(report: RayReport) -> Image.Image:
    """A 1600 × 1000 picture of one ray; charts without data are left out with a word that says so."""
    pixel = f"pixel ({report.x}, {report.y}) of {report.width} × {report.height}"
    unit = "distances in world units from the camera"
    subtitle = "  ·  ".join((report.checkpoint, report.family, pixel, unit))
    figure = Figure(*SIZE, title="One ray", subtitle=subtitle)
    span = (report.near, report.far) if report.far > report.near else (0.0, 1.0)
    if not report.hit_box:
        figure.text((_LEFT, 200), "This ray misses the box: nothing was evaluated.", size=16, color=SOFT)
        return figure.image()
    close = closer_range(report, span)
    _field(figure, report, span, close)
    _transmittance(figure, report, span, close)
    _distributions(figure, report, close)
    _samples(figure, report, close)
    _numbers(figure, report)
    return figure.image()


def _chart(
    figure: Figure,
    top: int,
    bottom: int,
    span: tuple[float, float],
    y: tuple[float, float],
    title: str,
    unit: str,
) -> Chart:
    low, high = y
    if high <= low:
        high = low + 1.0
    return Chart(figure, (_LEFT, top, _RIGHT, bottom), span, (low, high), title=title, y_label=unit)


def closer_range(report: RayReport, span: tuple[float, float]) -> tuple[float, float]:
    """The part of the ray that holds every distribution, with a margin; all of it where that is most."""
    low, high = span[1], span[0]
    for pdf in report.pdfs:
        peak = max(pdf.values, default=0.0)
        for edge, following, value in zip(pdf.edges, pdf.edges[1:], pdf.values, strict=False):
            if value > 0.01 * peak:
                low, high = min(low, edge), max(high, following)
    if high <= low:
        return span
    margin = max(0.4 * (high - low), 0.05 * (span[1] - span[0]))
    low, high = max(low - margin, span[0]), min(high + margin, span[1])
    return (low, high) if high - low < 0.6 * (span[1] - span[0]) else span


def _field(figure: Figure, report: RayReport, span: tuple[float, float], close: tuple[float, float]) -> None:
    """Signed distance where the field has one, else density; scaled to its own range."""
    values, name, unit = report.sdf, "Signed distance", "world units, negative inside"
    if not values:
        values, name, unit = report.density, "Density", "per world unit"
    if not values:
        return
    low, high = _extremes(values)
    margin = 0.06 * (high - low or 1.0)
    chart = _chart(figure, 104, 240, span, (low - margin, high + margin), name, unit)
    _mark_close(chart, span, close)
    chart.draw_axes(x_numbers=False)
    if low < 0 < high:
        chart.curve(span, (0.0, 0.0), SOFT, 1.0)
    kind = "sdf" if report.sdf else "density"
    chart.curve(report.t, values, series_color(kind))
    marks = _marks(chart, report)
    chart.legend([(TITLES[kind], series_color(kind)), *marks])


def _transmittance(
    figure: Figure, report: RayReport, span: tuple[float, float], close: tuple[float, float]
) -> None:
    """Transmittance and density (relative to its peak), with the colours of the samples below."""
    chart = _chart(
        figure, 282, 362, span, (0.0, 1.05), "Transmittance and density", "share of light, share of peak"
    )
    _mark_close(chart, span, close)
    chart.draw_axes(y_ticks=2)
    peak = _extremes(report.density)[1]
    items: list[tuple[str, Color]] = []
    if peak > 0:
        chart.curve(report.t, [d / peak for d in report.density], series_color("density"))
        items.append((f"density / {peak:.4g}", series_color("density")))
    if report.transmittance:
        chart.curve(
            report.t[: len(report.transmittance)], report.transmittance, series_color("transmittance")
        )
        items.append((TITLES["transmittance"], series_color("transmittance")))
    _marks(chart, report)
    chart.legend(items)
    for (t0, t1), color in zip(zip(report.t, report.t[1:], strict=False), report.colors, strict=False):
        if all(math.isfinite(c) for c in color):
            red, green, blue = (round(255 * min(max(c, 0.0), 1.0)) for c in color)
            figure.rectangle((chart.x(t0), 388, chart.x(t1), 400), (red, green, blue))


def _distributions(figure: Figure, report: RayReport, span: tuple[float, float]) -> None:
    """Every step function of the report as mass per bin, the robust set shaded."""
    peak = _extremes([v for pdf in report.pdfs for v in pdf.values])[1]
    title = (
        "Distributions"
        if span == (report.near, report.far)
        else "Distributions, in the shaded part of the ray"
    )
    chart = _chart(figure, 446, 664, span, (0.0, 1.06 * peak), title, "mass of a bin")
    robust = _robust_edges(report)
    for low, high in robust:
        chart.band(low, high, _pale("robust", 0.14))
    chart.draw_axes()
    for pdf in report.pdfs:
        chart.steps(pdf.edges, pdf.values, series_color(pdf.name))
    _marks(chart, report)
    items = [(TITLES.get(pdf.name, pdf.name), series_color(pdf.name)) for pdf in report.pdfs]
    chart.legend([(f"robust set (τ = {report.tau:g})", _pale("robust", 0.4)), *items] if robust else items)


def series_color(name: str) -> Color:
    """Colour of a series, of a row of samples or of a marked distance on the white paper."""
    return ink("light", name)


def _pale(name: str, share: float) -> Color:
    """A series' colour thinned with the paper's white."""
    red, green, blue = (round(255 + (c - 255) * share) for c in series_color(name))
    return red, green, blue


def _marks(chart: Chart, report: RayReport) -> list[tuple[str, Color]]:
    """The zero crossing and the expected depth, through the chart; returns what a legend says of them."""
    low, high = chart.x_range
    shown = []
    for name in ("first zero crossing", "expected depth"):
        t = report.numbers.get(name)
        if t is not None and low <= t <= high:
            _, top, _, bottom = chart.frame
            chart.figure.line([(chart.x(t), top), (chart.x(t), bottom)], series_color(name))
            shown.append((name, series_color(name)))
    return shown


def _mark_close(chart: Chart, span: tuple[float, float], close: tuple[float, float]) -> None:
    if close != span:
        chart.band(*close, _CLOSE)


def _robust_edges(report: RayReport) -> list[tuple[float, float]]:
    """Ends of the robust set's bins, read off the distribution that has that many bins."""
    if not report.robust_bins:
        return []
    fitting: list[BinSeries] = [p for p in report.pdfs if len(p.values) > max(report.robust_bins)]
    if not fitting:
        return []
    proposal = next((p for p in fitting if p.name == "prediction"), fitting[-1])
    return [(proposal.edges[i], proposal.edges[i + 1]) for i in report.robust_bins]


def _samples(figure: Figure, report: RayReport, span: tuple[float, float]) -> None:
    """One row of strokes for each strategy."""
    rows = report.ticks
    if not rows:
        return
    chart = Chart(figure, (_LEFT, 730, _RIGHT, 730 + 32 * len(rows)), span, (0.0, float(len(rows))))
    figure.text((_LEFT, 724), "Samples", size=13, bold=True, anchor="ls")
    for i, ticks in enumerate(rows):
        height = len(rows) - i - 0.5
        color = series_color(ticks.name)
        figure.line([(_LEFT, chart.y(height)), (_RIGHT, chart.y(height))], (226, 229, 234))
        inside = [t for t in ticks.t if span[0] <= t <= span[1]]
        chart.marks(inside, height, color)
        label = f"{ticks.name}, {len(ticks.t)}"
        figure.text((_LEFT - 8, chart.y(height)), label, color=color, anchor="rm")


def _numbers(figure: Figure, report: RayReport) -> None:
    """The scalar results at the foot, on as many lines as they need."""
    parts = []
    for name, value in report.numbers.items():
        if value is not None:
            unit = report.units.get(name, "")
            parts.append(f"{name} {value:.5g}{' ' + unit if unit else ''}")
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) < _LINE_LETTERS:
            lines[-1] += f"   ·   {part}"
        else:
            lines.append(part)
    for i, line in enumerate(lines):
        figure.text((_LEFT, 910 + 22 * i), line, color=SOFT)


def _extremes(values: Sequence[float]) -> tuple[float, float]:
    finite = [v for v in values if math.isfinite(v)] or [0.0]
    return min(finite), max(finite)
