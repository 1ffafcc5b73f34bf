"""Fig. A6 of the sampler report: PSNR over the number of samples, for all pixels and for the worst."""

from __future__ import annotations

import math

from PIL import Image

from core_model.report.charts import BLUE, GREEN, INK, ORANGE, SOFT, Chart, Color, Figure
from core_model.report.records import COUNTS, STRATEGIES, SamplerReport

SIZE = (1600, 870)
COLORS: dict[str, Color] = {"unstratified": ORANGE, "stratified": BLUE, "robust": GREEN}
PANELS = (
    ("all", "All pixels"),
    ("foreground", "Foreground (opacity above 0.05)"),
    ("worst_1", "Worst 1 % of the pixels"),
    ("worst_01", "Worst 0.1 % of the pixels"),
)
_LEFT, _GAP, _TOP, _ROW = 84, 110, 150, 380


def a6_figure(report: SamplerReport) -> Image.Image:
    """1600 × 870: four charts, three strategies each, logarithmic axis of samples."""
    subtitle = (
        f"{report.view}  ·  {report.width} × {report.height}  ·  learned sampler, the same number of samples "
        "for every ray, against two-pass importance with 192 + 192"
    )
    figure = Figure(*SIZE, title="A6  PSNR of three sampling strategies", subtitle=subtitle)
    _legend(figure)
    width = (SIZE[0] - _LEFT - 40 - _GAP) / 2
    for i, (key, title) in enumerate(PANELS):
        left = _LEFT + (i % 2) * (width + _GAP)
        top = _TOP + (i // 2) * _ROW
        _panel(figure, (left, top, left + width, top + 270), report, key, title)
    return figure.image()


def _legend(figure: Figure) -> None:
    x = float(_LEFT)
    for name in STRATEGIES:
        figure.line([(x, 92), (x + 30, 92)], COLORS[name], 3)
        _dot(figure, x + 15, 92, COLORS[name])
        x += 40 + figure.text((x + 38, 92), name, size=15, bold=True, anchor="lm") + 34


def _panel(
    figure: Figure, frame: tuple[float, float, float, float], report: SamplerReport, key: str, title: str
) -> None:
    curves = {s: [float(getattr(report.score(s, n).psnr, key)) for n in COUNTS] for s in STRATEGIES}
    values = [v for ys in curves.values() for v in ys]
    low, high = 5.0 * math.floor(min(values) / 5.0 - 0.2), 5.0 * math.ceil(max(values) / 5.0 + 0.2)
    xs = [math.log2(n) for n in COUNTS]
    chart = Chart(figure, frame, (xs[0] - 0.25, xs[-1] + 0.25), (low, high), title=title, y_label="PSNR, dB")
    chart.draw_axes(x_ticks=6, y_ticks=6, x_numbers=False)
    bottom = frame[3]
    for n, x in zip(COUNTS, xs, strict=True):
        figure.text((chart.x(x), bottom + 7), str(n), size=13, color=SOFT, anchor="ma")
    figure.text(((frame[0] + frame[2]) / 2, bottom + 27), "samples per ray", size=13, color=SOFT, anchor="ma")
    for name in STRATEGIES:
        chart.curve(xs, curves[name], COLORS[name], 2.5)
        for x, y in zip(xs, curves[name], strict=True):
            _dot(figure, chart.x(x), chart.y(y), COLORS[name])
    _gain(figure, chart, curves)


def _gain(figure: Figure, chart: Chart, curves: dict[str, list[float]]) -> None:
    """At 8 samples: how much robust gains or loses against the better of the others."""
    i = COUNTS.index(8)
    other = max(curves[s][i] for s in STRATEGIES if s != "robust")
    difference = curves["robust"][i] - other
    sign = "+" if difference >= 0 else "−"
    text = f"at 8 samples robust {sign}{abs(difference):.1f} dB against the better of the others"
    right, bottom = chart.frame[2], chart.frame[3]
    figure.text((right - 10, bottom - 12), text, size=13, bold=True, color=INK, anchor="rs")


def _dot(figure: Figure, x: float, y: float, color: Color) -> None:
    figure.rectangle((x - 4, y - 4, x + 4, y + 4), color)
