"""Small charts drawn with Pillow: axes with ticks and units, lines, step functions, marks, legends.

Drawn at twice the size and reduced, so that lines are smooth. Coordinates of a chart are data coordinates;
everything else is in pixels of the finished picture.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from core_model.schema.assets import assets_dir

Color = tuple[int, int, int]

INK: Color = (32, 36, 44)
SOFT: Color = (110, 118, 130)
GRID: Color = (226, 229, 234)
PAPER: Color = (255, 255, 255)
# Okabe and Ito's colours: told apart with every kind of colour vision.
BLUE: Color = (0, 114, 178)
ORANGE: Color = (213, 94, 0)
GREEN: Color = (0, 158, 115)
PINK: Color = (204, 121, 167)

_SCALE = 2


@functools.cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    name = "Inter-SemiBold.otf" if bold else "Inter-Regular.otf"
    path = assets_dir() / "fonts" / name
    return (
        ImageFont.truetype(str(path), size * _SCALE)
        if path.is_file()
        else ImageFont.load_default(size * _SCALE)
    )


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers within [low, high] (steps of 1, 2 or 5 times a power of ten)."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low]
    raw = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


class Figure:
    """A white picture of `width` × `height` pixels with a title; charts are added by their frame."""

    def __init__(self, width: int, height: int, title: str, subtitle: str = "") -> None:
        self.width, self.height = width, height
        self._image = Image.new("RGB", (width * _SCALE, height * _SCALE), PAPER)
        self._draw = ImageDraw.Draw(self._image)
        self.text((24, 16), title, size=20, bold=True)
        if subtitle:
            self.text((24, 44), subtitle, size=13, color=SOFT)

    def text(
        self, at: tuple[float, float], text: str, *, size: int = 12, bold: bool = False, color: Color = INK,
        anchor: str = "la",
    ) -> float:  # fmt: skip
        """Write at a pixel (anchor as in Pillow: l, m, r and a, m, s, d); returns the width in pixels."""
        font = _font(size, bold)
        self._draw.text((at[0] * _SCALE, at[1] * _SCALE), text, fill=color, font=font, anchor=anchor)
        return float(font.getlength(text)) / _SCALE

    def line(self, points: Sequence[tuple[float, float]], color: Color, width: float = 1.0) -> None:
        """A polyline through pixels."""
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        if len(scaled) > 1:
            self._draw.line(scaled, fill=color, width=max(1, round(width * _SCALE)), joint="curve")

    def rectangle(self, box: tuple[float, float, float, float], fill: Color) -> None:
        """A filled box left, top, right, bottom in pixels; nothing when it is thinner than half a pixel."""
        left, top, right, bottom = (round(v * _SCALE) for v in box)
        if right > left and bottom > top:
            self._draw.rectangle((left, top, right - 1, bottom - 1), fill=fill)

    def paste(self, image: Image.Image, at: tuple[int, int]) -> None:
        """Put a picture (its pixels are kept, not blurred) at a pixel."""
        big = image.resize((image.width * _SCALE, image.height * _SCALE), Image.Resampling.NEAREST)
        self._image.paste(big, (at[0] * _SCALE, at[1] * _SCALE))

    def image(self) -> Image.Image:
        """The finished picture."""
        return self._image.resize((self.width, self.height), Image.Resampling.LANCZOS)


@dataclass
class Chart:
    """Axes in the pixel frame (left, top, right, bottom) of a figure; `draw_axes` first, then the data."""

    figure: Figure
    frame: tuple[float, float, float, float]
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    title: str = ""
    x_label: str = ""
    y_label: str = ""

    def x(self, value: float) -> float:
        left, _, right, _ = self.frame
        low, high = self.x_range
        return left + (value - low) / (high - low) * (right - left)

    def y(self, value: float) -> float:
        _, top, _, bottom = self.frame
        low, high = self.y_range
        clamped = min(max(value, low), high)
        return bottom - (clamped - low) / (high - low) * (bottom - top)

    def draw_axes(self, x_ticks: int = 8, y_ticks: int = 4, x_numbers: bool = True) -> None:
        """Grid, tick numbers, labels and title."""
        left, top, right, bottom = self.frame
        fig = self.figure
        for value in nice_ticks(*self.y_range, y_ticks):
            y = self.y(value)
            fig.line([(left, y), (right, y)], GRID)
            fig.text((left - 8, y), f"{value:.6g}", color=SOFT, anchor="rm")
        for value in nice_ticks(*self.x_range, x_ticks):
            x = self.x(value)
            fig.line([(x, top), (x, bottom)], GRID)
            if x_numbers:
                fig.text((x, bottom + 6), f"{value:.6g}", color=SOFT, anchor="ma")
        fig.line([(left, top), (left, bottom), (right, bottom)], SOFT)
        if self.title:
            fig.text((left, top - 8), self.title, size=13, bold=True, anchor="ls")
        if self.y_label:
            fig.text((right, top - 8), self.y_label, color=SOFT, anchor="rs")
        if self.x_label:
            fig.text(((left + right) / 2, bottom + 24), self.x_label, color=SOFT, anchor="ma")

    def curve(self, xs: Sequence[float], ys: Sequence[float], color: Color, width: float = 2.0) -> None:
        """A line through points, cut at the frame; it is broken where a value is not finite."""
        part: list[tuple[float, float]] = []
        points = list(zip(xs, ys, strict=True))
        for start, stop in zip(points, points[1:], strict=False):
            inside = self._cut(start, stop)
            if inside is None or (part and part[-1] != inside[0]):
                self.figure.line(part, color, width)
                part = []
            if inside is not None:
                part = [*(part or inside[:1]), inside[1]]
        self.figure.line(part, color, width)

    def _cut(
        self, start: tuple[float, float], stop: tuple[float, float]
    ) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Pixels of the part of a segment within the x range; None: no such part, or not finite."""
        if not all(math.isfinite(v) for v in (*start, *stop)):
            return None
        (x0, y0), (x1, y1) = sorted((start, stop))
        low, high = self.x_range
        if x1 < low or x0 > high:
            return None
        slope = (y1 - y0) / (x1 - x0) if x1 > x0 else 0.0
        if x0 < low:
            x0, y0 = low, y0 + slope * (low - x0)
        if x1 > high:
            x1, y1 = high, y0 + slope * (high - x0)
        ends = (self.x(x0), self.y(y0)), (self.x(x1), self.y(y1))
        return ends if start <= stop else (ends[1], ends[0])

    def steps(
        self, edges: Sequence[float], values: Sequence[float], color: Color, width: float = 2.0
    ) -> None:
        """A step function: `edges` has one number more than `values`."""
        xs = [e for pair in zip(edges[:-1], edges[1:], strict=True) for e in pair]
        self.curve(xs, [v for v in values for _ in (0, 1)], color, width)

    def band(self, low: float, high: float, color: Color) -> None:
        """A vertical band between two x values, over the whole height."""
        _, top, _, bottom = self.frame
        self.figure.rectangle((self.x(low), top, self.x(high), bottom), color)

    def marks(self, xs: Sequence[float], y: float, color: Color, half: float = 7.0) -> None:
        """Short vertical strokes at `xs`, centred on the pixel height of `y`."""
        middle = self.y(y)
        for x in xs:
            self.figure.line([(self.x(x), middle - half), (self.x(x), middle + half)], color, 1.5)

    def legend(self, items: Sequence[tuple[str, Color]]) -> None:
        """Names with colours, over the frame and left of the unit."""
        _, top, right, _ = self.frame
        x = right - (_font(12).getlength(self.y_label) / _SCALE + 32 if self.y_label else 0)
        for name, color in reversed(items):
            width = self.figure.text((x, top - 8), name, anchor="rs")
            self.figure.line([(x - width - 24, top - 12), (x - width - 6, top - 12)], color, 3)
            x -= width + 40
