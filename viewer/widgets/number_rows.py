"""Property rows of numbers: dragged, or set by a slider, and typed after Ctrl+click."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from imgui_bundle import ImVec2, ImVec4, imgui

from viewer.state.palette import mix
from viewer.widgets import typed
from viewer.widgets.controls import disabled, label, tooltip
from viewer.widgets.theme import Theme


def drag_float(
    theme: Theme,
    text: str,
    key: str,
    value: float,
    *,
    speed: float,
    low: float,
    high: float,
    fmt: str,
    tip: str,
    why_not: str = "",
) -> float:
    """Number that is dragged or typed (double click, Ctrl+click); stays within [low, high]."""
    label(theme, text, tip)
    with disabled(why_not):
        return dragged_float(theme, key, value, speed, low, high, fmt, why_not or tip)


def dragged_float(
    theme: Theme, key: str, value: float, speed: float, low: float, high: float, fmt: str, tip: str
) -> float:
    """The number without a label, in the width that was set for the next item."""
    new = typed.dragged(
        theme, key, value, low, high, fmt,
        lambda: imgui.drag_float(key, value, speed, low, high, fmt, imgui.SliderFlags_.always_clamp),
    )  # fmt: skip
    _drag_cursor()
    tooltip(tip)
    return new


def drag_int(
    theme: Theme,
    text: str,
    key: str,
    value: int,
    *,
    speed: float,
    low: int,
    high: int,
    fmt: str = "%d",
    tip: str,
    why_not: str = "",
) -> int:
    label(theme, text, tip)
    with disabled(why_not):
        new = typed.dragged(
            theme, key, value, low, high, fmt,
            lambda: imgui.drag_int(key, value, speed, low, high, fmt, imgui.SliderFlags_.always_clamp), whole=True,
        )  # fmt: skip
    _drag_cursor()
    tooltip(why_not or tip)
    return int(new)


def slider_float(
    theme: Theme,
    text: str,
    key: str,
    value: float,
    *,
    low: float,
    high: float,
    fmt: str,
    tip: str,
    why_not: str = "",
    limits: tuple[float, float] | None = None,
) -> float:
    """Slider that is filled up to its value.

    Ctrl+click types a number, within `limits` where they are wider than the slider.
    """
    label(theme, text, tip)
    least, most = limits or (low, high)
    with disabled(why_not), _filled(theme, (value - low) / (high - low), not why_not):
        new = typed.dragged(
            theme,
            key,
            value,
            least,
            most,
            fmt,
            lambda: imgui.slider_float(key, value, low, high, fmt),
            double=False,
        )
    tooltip(why_not or tip)
    return new


def slider_int(
    theme: Theme,
    text: str,
    key: str,
    value: int,
    *,
    low: int,
    high: int,
    fmt: str = "%d",
    tip: str,
    why_not: str = "",
) -> int:
    label(theme, text, tip)
    with disabled(why_not), _filled(theme, (value - low) / max(high - low, 1), not why_not):
        new = typed.dragged(
            theme, key, value, low, high, fmt, lambda: imgui.slider_int(key, value, low, high, fmt, imgui.SliderFlags_.always_clamp),
            whole=True, double=False,
        )  # fmt: skip
    tooltip(why_not or tip)
    return int(new)


@contextlib.contextmanager
def _filled(theme: Theme, share: float, enabled: bool) -> Iterator[None]:
    """Draw the slider's field, filled up to `share`; the slider itself is drawn without a background."""
    p, draw = theme.palette, imgui.get_window_draw_list()
    corner = imgui.get_cursor_screen_pos()
    width, height = imgui.calc_item_width(), imgui.get_frame_height()
    rounding = imgui.get_style().frame_rounding
    alpha = 1.0 if enabled else p.faded
    end = ImVec2(corner.x + width, corner.y + height)
    draw.add_rect_filled(corner, end, theme.colour(p.field, alpha), rounding)
    fill = min(max(share, 0.0), 1.0) * width
    if fill >= 1.0:
        draw.push_clip_rect(corner, ImVec2(corner.x + fill, end.y), True)
        draw.add_rect_filled(corner, end, theme.colour(mix(p.field, p.accent_fill, 0.42), alpha), rounding)
        draw.pop_clip_rect()
        draw.add_line(
            ImVec2(corner.x + fill, corner.y + 2),
            ImVec2(corner.x + fill, end.y - 2),
            theme.colour(p.accent, alpha),
            2.0,
        )
    clear = ImVec4(0.0, 0.0, 0.0, 0.0)
    roles = (imgui.Col_.frame_bg, imgui.Col_.slider_grab, imgui.Col_.slider_grab_active)
    veil = ImVec4(*p.text, 0.05)
    for role in roles:
        imgui.push_style_color(role, clear)
    imgui.push_style_color(imgui.Col_.frame_bg_hovered, veil)
    imgui.push_style_color(imgui.Col_.frame_bg_active, veil)
    try:
        yield
    finally:
        imgui.pop_style_color(5)


def _drag_cursor() -> None:
    if imgui.is_item_hovered() and not imgui.is_item_active():
        imgui.set_mouse_cursor(imgui.MouseCursor_.resize_ew)
