r"""Numbers and names as a person reads them: short, with units; escapes for what a font lacks.

A character that is missing in a font becomes `\u4e2d`: two names never look alike, and none is a row of "?".
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the window's first frame needs texts, not numpy
    from viewer.runs.table import Axis

MONITOR_RANGES = ((0x20, 0x17F), (0x2010, 0x2027))
"""What the monitor's fonts are loaded with: Latin, dashes and dots. Dear PyGui takes no glyphs later."""


def number(value: float) -> str:
    """Four significant digits: 0.0123, 18.42, 1.20e-05; nan and infinities by name."""
    if not math.isfinite(value):
        return "nan" if value != value else ("inf" if value > 0 else "-inf")
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e5 or size < 1e-3:
        return f"{value:.2e}"
    return f"{value:.{max(0, 3 - math.floor(math.log10(size)))}f}"


def amount(value: float) -> str:
    """Counts: 880 k, 1.20 M."""
    if not math.isfinite(value):
        return "–"
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            share = value / size
            return f"{share:.{2 if abs(share) < 10 else (1 if abs(share) < 100 else 0)}f} {unit}"
    return f"{value:g}" if value == int(value) else f"{value:.3g}"


def size(value: float) -> str:
    """Bytes: 17.2 GB (1 GB = 1e9)."""
    if not math.isfinite(value):
        return "–"
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(value) >= scale:
            share = value / scale
            return f"{share:.{0 if abs(share) >= 100 else 1}f} {unit}"
    return f"{value:.0f} B"


def duration(seconds: float) -> str:
    """3 d 4 h, 2 h 05 min, 4 min 10 s, 12 s; – where unknown."""
    if not math.isfinite(seconds):
        return "–"
    whole = max(round(seconds), 0)
    days, hours, minutes, rest = whole // 86400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def time_left(seconds: float) -> str:
    """A short forecast: 42 s left, 5 min left, 3 h left; "" where unknown."""
    if not math.isfinite(seconds):
        return ""
    if seconds < 100:
        return f"{max(round(seconds), 1)} s left"
    return f"{round(seconds / 60)} min left" if seconds < 6000 else f"{round(seconds / 3600)} h left"


def moment(seconds: float) -> str:
    """Date and time on this machine's clock; – for none."""
    return (
        time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
        if seconds > 0 and math.isfinite(seconds)
        else "–"
    )


def axis_unit(axis: Axis, top: float, steps: str = "steps") -> tuple[float, str]:
    """(what to divide an x axis by, its label) for values up to `top`."""
    if axis == "time":
        choices = ((2 * 86400, 86400.0, "days"), (2 * 3600, 3600.0, "hours"), (120, 60.0, "minutes"))
        return next(((by, label) for least, by, label in choices if top >= least), (1.0, "seconds"))
    name = "images" if axis == "images" else steps
    return next(
        ((by, f"{unit} {name}") for least, by, unit in ((2e6, 1e6, "M"), (2e3, 1e3, "k")) if top >= least),
        (1.0, name),
    )


def escaped(character: str) -> str:
    r"""`\u4e2d` or `\U0001f600`."""
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def in_ranges(text: str, ranges: tuple[tuple[int, int], ...] = MONITOR_RANGES) -> str:
    """`text` with every character outside the ranges escaped; ends of lines stay."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() or any(a <= ord(c) <= b for a, b in ranges) else escaped(c) for c in text)
