"""A value that changes while a GAN trains: piecewise linear over the images the discriminator has seen."""

from __future__ import annotations

import math
from bisect import bisect_right

from pydantic import field_validator, model_serializer, model_validator

from core_model.schema.frozen import Frozen

_UNITS = {"k": 1e3, "m": 1e6}


def _parse(text: str) -> tuple[tuple[float, float], ...]:
    parts = [part for part in text.replace(";", ",").split(",") if part.strip()]
    if len(parts) == 1 and ":" not in parts[0]:
        return ((0.0, _value(parts[0])),)
    points = []
    for part in parts:
        images, colon, value = part.partition(":")
        if not colon:
            raise ValueError(f"points are written images:value, got {part.strip()!r}")
        points.append((_value(images), _value(value)))
    return tuple(points)


def _value(text: str) -> float:
    word = text.strip()
    unit = _UNITS.get(word[-1:].lower(), 1.0)
    try:
        return float(word[:-1] if unit != 1.0 else word) * unit
    except ValueError:
        raise ValueError(f"not a number: {word!r}") from None


def _number(value: float) -> str:
    return f"{value:.10g}"


def _images(value: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size and round(value / size * 1e4) / 1e4 * size == value:
            return f"{value / size:.10g}{unit}"
    return _number(value)


class Curve(Frozen):
    """Straight lines between (images, value) points, flat before the first and after the last.

    Two points at the same number of images make a jump; the later value holds from there on.
    Written as text: `0:64, 10M:64, 11M:128` (k = thousand, M = million), or one number for a constant.
    """

    points: tuple[tuple[float, float], ...]

    @model_validator(mode="before")
    @classmethod
    def _from_short_forms(cls, value: object) -> object:
        if isinstance(value, bool):
            value = float(value)
        if isinstance(value, int | float):
            return {"points": ((0.0, float(value)),)}
        if isinstance(value, str):
            return {"points": _parse(value)}
        if isinstance(value, list | tuple):
            return {"points": value}
        return value

    @model_serializer
    def _as_pairs(self) -> list[list[float]]:
        return [list(point) for point in self.points]

    @field_validator("points")
    @classmethod
    def _ordered(cls, points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if not points:
            raise ValueError("a curve needs at least one point, as images:value")
        if not all(math.isfinite(x) and math.isfinite(y) for x, y in points):
            raise ValueError("points must be finite")
        if points[0][0] < 0 or any(b[0] < a[0] for a, b in zip(points[:-1], points[1:], strict=True)):
            raise ValueError("images must not be negative and must not fall from point to point")
        return points

    def at(self, images: float) -> float:
        """The value after `images` images."""
        right = bisect_right(self.points, images, key=lambda p: p[0])
        if right == 0:
            return self.points[0][1]
        x0, y0 = self.points[right - 1]
        if right == len(self.points):
            return y0
        x1, y1 = self.points[right]
        return y0 + (y1 - y0) * (images - x0) / (x1 - x0)

    def text(self) -> str:
        """The short form that the command line takes."""
        if len(self.points) == 1:
            return _number(self.points[0][1])
        return ",".join(f"{_images(x)}:{_number(y)}" for x, y in self.points)

    @property
    def top(self) -> float:
        return max(y for _, y in self.points)
