"""The two palettes, and the contrast rule that a test holds them to (WCAG 2: text at least 4.5 : 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Rgb = tuple[float, float, float]
ThemeName = Literal["dark", "light"]


def rgb(text: str) -> Rgb:
    """ "#rrggbb" → three floats in [0, 1]."""
    return tuple(int(text[i : i + 2], 16) / 255.0 for i in (1, 3, 5))  # type: ignore[return-value]


@dataclass(frozen=True)
class Palette:
    """Colours by role. `faint` is for lines and marks only; everything that is read is `text` or `muted`.

    faded: opacity of what is disabled. It has to be read too: `text` keeps 4.5 : 1 at this opacity, `muted`
    would not.
    """

    name: ThemeName
    window: Rgb
    panel: Rgb
    raised: Rgb
    field: Rgb
    field_hover: Rgb
    field_active: Rgb
    line: Rgb
    faint: Rgb
    muted: Rgb
    text: Rgb
    accent: Rgb
    accent_fill: Rgb
    accent_fill_hover: Rgb
    on_accent: Rgb
    good: Rgb
    warn: Rgb
    bad: Rgb
    bad_panel: Rgb
    canvas: Rgb
    canvas_edge: Rgb
    canvas_text: Rgb
    canvas_muted: Rgb
    checker_dark: Rgb
    checker_light: Rgb
    stages: tuple[Rgb, ...]
    faded: float


DARK = Palette(
    name="dark",
    window=rgb("#0c0d10"),
    panel=rgb("#15171c"),
    raised=rgb("#1e2128"),
    field=rgb("#22262e"),
    field_hover=rgb("#2a2f39"),
    field_active=rgb("#333946"),
    line=rgb("#272b33"),
    faint=rgb("#596072"),
    muted=rgb("#a0a8b7"),
    text=rgb("#e8eaf0"),
    accent=rgb("#8b9aff"),
    accent_fill=rgb("#5263e3"),
    accent_fill_hover=rgb("#5969e6"),
    on_accent=rgb("#ffffff"),
    good=rgb("#4fc48d"),
    warn=rgb("#e9b04f"),
    bad=rgb("#ff7b72"),
    bad_panel=rgb("#3a1d20"),
    canvas=rgb("#1a1c22"),
    canvas_edge=rgb("#0f1014"),
    canvas_text=rgb("#f2f4f8"),
    canvas_muted=rgb("#aab2c0"),
    checker_dark=rgb("#1b1d23"),
    checker_light=rgb("#232630"),
    stages=tuple(
        rgb(c)
        for c in (
            "#7f8794",
            "#8b9aff",
            "#5fb0ff",
            "#67d0c8",
            "#f0a35e",
            "#e887b0",
            "#b69cff",
            "#5263e3",
            "#4fc48d",
            "#d9c35a",
            "#9aa2af",
        )
    ),
    faded=0.62,
)

LIGHT = Palette(
    name="light",
    window=rgb("#d9dde4"),
    panel=rgb("#f5f6f9"),
    raised=rgb("#ffffff"),
    field=rgb("#e6e9ef"),
    field_hover=rgb("#dce0e9"),
    field_active=rgb("#cfd5e1"),
    line=rgb("#d3d8e0"),
    faint=rgb("#9aa3b2"),
    muted=rgb("#525b6b"),
    text=rgb("#171a21"),
    accent=rgb("#3f50d6"),
    accent_fill=rgb("#4455dc"),
    accent_fill_hover=rgb("#3546c8"),
    on_accent=rgb("#ffffff"),
    good=rgb("#14784a"),
    warn=rgb("#845500"),
    bad=rgb("#b3261e"),
    bad_panel=rgb("#fbe3e1"),
    canvas=rgb("#c9ced7"),
    canvas_edge=rgb("#b4bac5"),
    canvas_text=rgb("#12141a"),
    canvas_muted=rgb("#3b4250"),
    checker_dark=rgb("#c4c9d2"),
    checker_light=rgb("#d4d8e0"),
    stages=tuple(
        rgb(c)
        for c in (
            "#6b7482",
            "#4455dc",
            "#1f78c8",
            "#12857d",
            "#b5651d",
            "#b0437a",
            "#7650c8",
            "#2c3fb8",
            "#14784a",
            "#8a7300",
            "#525b6b",
        )
    ),
    faded=0.72,
)

PALETTES: dict[ThemeName, Palette] = {"dark": DARK, "light": LIGHT}

CURVES: dict[ThemeName, tuple[Rgb, ...]] = {
    "dark": tuple(
        rgb(c)
        for c in ("#8b9aff", "#f0a35e", "#4fc48d", "#e887b0", "#5fb0ff", "#d9c35a", "#b69cff", "#67d0c8")
    ),
    "light": tuple(
        rgb(c)
        for c in ("#4455dc", "#b5651d", "#14784a", "#b0437a", "#1f78c8", "#8a7300", "#7650c8", "#12857d")
    ),
}
"""Of runs, or of the curves of one run: told apart by lightness too, in each theme."""


def luminance(colour: Rgb) -> float:
    """Relative luminance of an sRGB colour (WCAG 2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: Rgb, b: Rgb) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2)."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def mix(a: Rgb, b: Rgb, share: float) -> Rgb:
    """`a` with `share` of `b` in it."""
    return tuple(x + (y - x) * share for x, y in zip(a, b, strict=True))  # type: ignore[return-value]
