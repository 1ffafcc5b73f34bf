"""Fig. 4 of the sampler report: one ray's true distribution, prediction, target, robust set and samples."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from core_model.output.images import colour_mapped
from core_model.report.charts import GREEN, GRID, INK, ORANGE, PINK, SOFT, Chart, Color, nice_ticks
from core_model.report.curves import COLORS
from core_model.report.ray_plot import closer_range
from core_model.report.records import STRATEGIES, SamplerReport
from core_model.report.sheet import MARK, Sheet, detail_box, fit, rgb_image, to_image
from core_model.schema.inspect import BinSeries, RayReport

SIZE = (1600, 1010)
_LEFT, _RIGHT = 560, 1568
_SIDE, _EDGE = 24, 400
# name in the ray report → title, colour
ROWS: tuple[tuple[str, str, Color], ...] = (
    ("truth", "True distribution: 192 dense samples of this ray", INK),
    ("prediction", "Prediction of the proposal network", ORANGE),
    (
        "target",
        "Target that the network is trained towards: blurred, small values suppressed, normalised",
        PINK,
    ),
    (
        "robust",
        "q, the robust distribution: equal shares on the smallest set of bins that holds τ of the prediction",
        GREEN,
    ),
)
_TOP, _ROW, _HEIGHT = 116, 168, 104
_PALE: Color = (236, 240, 246)


def fig4_figure(report: SamplerReport, reference: np.ndarray, leftover: np.ndarray) -> Image.Image:
    """1600 × 1010: where the ray is, and what happens on it. reference [3, H, W], leftover [H, W]."""
    ray, pixel = report.ray, report.pixel
    subtitle = (
        f"{report.view}  ·  pixel ({pixel.x}, {pixel.y}) of {report.width} × {report.height}: {pixel.how}"
    )
    sheet = Sheet(*SIZE, title="Fig. 4  One ray through the learned sampler", subtitle=subtitle)
    _place(sheet, report, reference, leftover)
    if not ray.hit_box:
        sheet.text((_LEFT, 200), "This ray misses the box: nothing was evaluated.", size=16, color=SOFT)
        return sheet.image()
    span = closer_range(ray, (ray.near, ray.far))
    by_name = {series.name: series for series in ray.pdfs}
    for i, (name, title, color) in enumerate(ROWS):
        if name in by_name:
            blur = (
                f" (σ = {ray.numbers.get('target blur'):g} {ray.units.get('target blur', 'bins')})"
                if name == "target"
                else ""
            )
            title = title.replace("blurred", f"blurred{blur}")
            _distribution(sheet, _TOP + i * _ROW, by_name[name], span, title, color, truth=by_name["truth"])
    _samples(sheet, _TOP + len(ROWS) * _ROW, ray, span, by_name["truth"])
    return sheet.image()


def _distribution(
    sheet: Sheet,
    top: int,
    series: BinSeries,
    span: tuple[float, float],
    title: str,
    color: Color,
    truth: BinSeries,
) -> None:
    """Bars of one step function; the bins where the truth has its mass are shaded in every row."""
    seen = [
        v
        for e, f, v in zip(series.edges, series.edges[1:], series.values, strict=False)
        if f > span[0] and e < span[1]
    ]
    peak = max(seen, default=0.0) or 1.0
    unit = f"mass of a bin, {len(series.values)} bins on the ray"
    chart = Chart(
        sheet, (_LEFT, top, _RIGHT, top + _HEIGHT), span, (0.0, 1.08 * peak), title=title, y_label=unit
    )
    _shade(chart, truth)
    chart.draw_axes(x_ticks=8, y_ticks=3)
    for edge, following, value in zip(series.edges, series.edges[1:], series.values, strict=False):
        low, high = max(edge, span[0]), min(following, span[1])
        if value > 0 and high > low:
            box = (chart.x(low) + 0.5, chart.y(value), chart.x(high) - 0.5, chart.y(0.0))
            sheet.rectangle(box, color)
    sheet.line([(_LEFT, chart.y(0.0)), (_RIGHT, chart.y(0.0))], SOFT)


def _shade(chart: Chart, truth: BinSeries) -> None:
    """Bins that hold more than a hundredth of the true mass, as pale bands."""
    total = sum(truth.values)
    for edge, following, value in zip(truth.edges, truth.edges[1:], truth.values, strict=False):
        if total > 0 and value > 0.01 * total and following > chart.x_range[0] and edge < chart.x_range[1]:
            chart.band(max(edge, chart.x_range[0]), min(following, chart.x_range[1]), _PALE)


def _samples(sheet: Sheet, top: int, ray: RayReport, span: tuple[float, float], truth: BinSeries) -> None:
    """Samples of the three strategies over the bins where the truth has its mass."""
    ticks = {t.name: t for t in ray.ticks}
    rows = [s for s in STRATEGIES if s in ticks]
    bottom = top + 44 * len(rows)
    chart = Chart(sheet, (_LEFT, top, _RIGHT, bottom), span, (0.0, float(len(rows))))
    _shade(chart, truth)
    sheet.text((_LEFT, top - 8), "Samples of the three strategies", size=13, bold=True, anchor="ls")
    note = "pale: bins with more than 1 % of the true mass"
    sheet.text((_RIGHT, top - 8), note, color=SOFT, anchor="rs")
    for value in nice_ticks(*span, 8):
        sheet.line([(chart.x(value), top), (chart.x(value), bottom)], GRID)
        sheet.text((chart.x(value), bottom + 6), f"{value:.6g}", color=SOFT, anchor="ma")
    for i, name in enumerate(rows):
        y = len(rows) - i - 0.5
        sheet.line([(_LEFT, chart.y(y)), (_RIGHT, chart.y(y))], GRID)
        inside = [t for t in ticks[name].t if span[0] <= t <= span[1]]
        chart.marks(inside, y, COLORS[name], half=13.0)
        outside = len(ticks[name].t) - len(inside)
        label = f"{len(ticks[name].t)} samples" + (f", {outside} not shown" if outside else "")
        sheet.text((_LEFT - 10, chart.y(y) - 8), name, size=13, bold=True, color=COLORS[name], anchor="rm")
        sheet.text((_LEFT - 10, chart.y(y) + 9), label, color=SOFT, anchor="rm")
    sheet.line([(_LEFT, bottom), (_RIGHT, bottom)], SOFT)
    middle = (_LEFT + _RIGHT) / 2
    sheet.text((middle, bottom + 26), "distance along the ray, world units", size=13, color=SOFT, anchor="ma")


def _place(sheet: Sheet, report: SamplerReport, reference: np.ndarray, leftover: np.ndarray) -> None:
    """The picture with the pixel, its surroundings, the leftover mass, and the ray's numbers."""
    picture = rgb_image(reference)
    left, top = _SIDE, 84
    sheet.tile(_pointed(picture, report, _EDGE), (left, top))
    box = detail_box(report.pixel.x, report.pixel.y, report.width, report.height)
    half = (_EDGE - 8) // 2
    y = top + _EDGE + 30
    peak = max(float(leftover.max()), 1e-3)
    sheet.text((left, y - 8), "Detail", size=13, bold=True, anchor="ls")
    sheet.tile(_framed(picture.crop(box), box, report, half), (left, y))
    sheet.text((left + half + 8, y - 8), f"Leftover mass, 0 … {peak:.2g}", size=13, bold=True, anchor="ls")
    mass = to_image(colour_mapped(leftover, "magma", 0.0, peak))
    sheet.tile(_framed(mass.crop(box), box, report, half), (left + half + 8, y))
    y += half + 28
    for name, value in _facts(report.ray):
        sheet.text((left, y), name, size=14, color=SOFT)
        sheet.text((left + _EDGE, y), value, size=14, anchor="ra")
        sheet.line([(left, y + 22), (left + _EDGE, y + 22)], GRID)
        y += 29


def _facts(ray: RayReport) -> list[tuple[str, str]]:
    numbers = ray.numbers

    def value(name: str, digits: int = 4) -> str:
        found = numbers.get(name)
        return "none" if found is None else f"{found:.{digits}g} {ray.units.get(name, '')}".strip()

    hard = "large (a hard ray)" if numbers.get("hard ray") else "ordinary"
    hits = [s for s in STRATEGIES if numbers.get(f"{s} hits the peak")]
    return [
        ("opacity", value("opacity")),
        ("median depth", value("median depth")),
        ("leftover mass of the prediction", value("leftover mass", 3)),
        ("entropy of the prediction", value("proposal entropy", 3)),
        ("overlap of prediction and truth", value("overlap", 3)),
        (f"robust bins (τ = {ray.tau:g})", value("robust bins")),
        ("budget", hard),
        ("a sample in the peak bin", ", ".join(hits) or "none"),
    ]


def _pointed(picture: Image.Image, report: SamplerReport, edge: int) -> Image.Image:
    """The picture with cross hairs that stop short of the pixel."""
    page = fit(picture, edge)
    scale = edge / max(picture.size)
    x, y = (report.pixel.x + 0.5) * scale, (report.pixel.y + 0.5) * scale
    draw = ImageDraw.Draw(page)
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        draw.line((x + 9 * dx, y + 9 * dy, x + 34 * dx, y + 34 * dy), fill=MARK, width=2)
    return page


def _framed(
    crop: Image.Image, box: tuple[int, int, int, int], report: SamplerReport, edge: int
) -> Image.Image:
    """A detail enlarged, with the pixel framed."""
    page = fit(crop, edge)
    scale = edge / max(crop.size)
    x, y = report.pixel.x - box[0], report.pixel.y - box[1]
    corners = (x * scale - 2, y * scale - 2, (x + 1) * scale + 1, (y + 1) * scale + 1)
    ImageDraw.Draw(page).rectangle(tuple(round(v) for v in corners), outline=MARK, width=2)
    return page
