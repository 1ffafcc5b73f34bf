r"""Characters that a font cannot draw, written as Python writes them (`\u4e2d`): two names never look alike, and none is a row of "?"."""

from __future__ import annotations

MONITOR_RANGES = ((0x20, 0x17F), (0x2010, 0x2027))
"""What the monitor's fonts are loaded with: Latin, dashes and dots. Dear PyGui takes no glyphs later."""


def escaped(character: str) -> str:
    r"""`\u4e2d` or `\U0001f600`."""
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def in_ranges(text: str, ranges: tuple[tuple[int, int], ...] = MONITOR_RANGES) -> str:
    """`text` with every character outside the ranges escaped; ends of lines stay."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() or any(a <= ord(c) <= b for a, b in ranges) else escaped(c) for c in text)
