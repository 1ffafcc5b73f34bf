"""A slider about zero: filled from its middle to its value."""

from __future__ import annotations

from imgui_bundle import ImVec2, ImVec4, imgui

from viewer.state.palette import mix
from viewer.widgets import typed
from viewer.widgets.theme import Theme


def sigma_slider(
    theme: Theme,
    key: str,
    value: float,
    width: float,
    reach: float,
    most: float,
    fmt: str,
    enabled: bool = True,
) -> float:
    """Field `width` pixels wide from -reach to reach; Ctrl+click types a number from -most to most."""
    p, draw = theme.palette, imgui.get_window_draw_list()
    corner, height = imgui.get_cursor_screen_pos(), imgui.get_frame_height()
    rounding, alpha = imgui.get_style().frame_rounding, 1.0 if enabled else 0.45
    end, middle = ImVec2(corner.x + width, corner.y + height), corner.x + 0.5 * width
    at = middle + 0.5 * width * min(max(value / reach, -1.0), 1.0)
    draw.add_rect_filled(corner, end, theme.colour(p.field, alpha), rounding)
    low, high = min(middle, at), max(middle, at)
    if high - low >= 1.0:
        draw.push_clip_rect(ImVec2(low, corner.y), ImVec2(high, end.y), True)
        draw.add_rect_filled(corner, end, theme.colour(mix(p.field, p.accent_fill, 0.42), alpha), rounding)
        draw.pop_clip_rect()
    # two short ticks mark the middle: a whole line would strike the number out
    for y0, y1 in ((corner.y, corner.y + 4), (end.y - 4, end.y)):
        draw.add_line(ImVec2(middle, y0), ImVec2(middle, y1), theme.colour(p.faint, alpha), 1.0)
    if value:
        draw.add_line(ImVec2(at, corner.y + 2), ImVec2(at, end.y - 2), theme.colour(p.accent, alpha), 2.0)
    clear, veil = ImVec4(0.0, 0.0, 0.0, 0.0), ImVec4(*p.text, 0.05)
    for role in (imgui.Col_.frame_bg, imgui.Col_.slider_grab, imgui.Col_.slider_grab_active):
        imgui.push_style_color(role, clear)
    for role in (imgui.Col_.frame_bg_hovered, imgui.Col_.frame_bg_active):
        imgui.push_style_color(role, veil)
    imgui.set_next_item_width(width)
    new = typed.dragged(
        theme,
        key,
        value,
        -most,
        most,
        fmt,
        lambda: imgui.slider_float(key, value, -reach, reach, fmt),
        double=False,
    )
    imgui.pop_style_color(5)
    return new
