"""A track of moments in time: a tick for each, a handle on the present one, dragged, clicked, or stepped by Left and Right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from imgui_bundle import ImVec2, imgui

from viewer.widgets import controls, inputs
from viewer.widgets.theme import Theme

MOST_TICKS = 240
"""More ticks than this would be a solid bar: only the track is drawn."""


def scrubber(
    theme: Theme,
    key: str,
    numbers: Sequence[float],
    place: int,
    *,
    tip: str,
    name: Callable[[int], str],
    why_not: str = "",
    width: float = 0.0,
) -> int:
    """The place in `numbers` (ascending, any unit) that is chosen now; −1 stays where there is none yet.

    Ticks stand where the numbers are, so that gaps in time are seen. name: of a place, for the tooltip. width: pixels,
    0 = the rest of the row.
    """
    em, height = theme.em, imgui.get_frame_height()
    wide = width or max(imgui.get_content_region_avail().x, 4 * em)
    corner = imgui.get_cursor_screen_pos()
    pad = 0.55 * em
    room = max(wide - 2 * pad, 1.0)
    low, high = (numbers[0], numbers[-1]) if numbers else (0.0, 0.0)
    at = [corner.x + pad + room * ((n - low) / (high - low) if high > low else 0.5) for n in numbers]
    with controls.disabled(why_not):
        controls.hit(theme, key, ImVec2(wide, height))
        hovered, active = imgui.is_item_hovered(), imgui.is_item_active()
    mouse = imgui.get_mouse_pos().x
    under = min(range(len(at)), key=lambda i: abs(at[i] - mouse), default=-1) if hovered or active else -1
    if active and under >= 0 and imgui.is_mouse_down(0):
        place = under
    if imgui.is_item_focused() and imgui.get_io().nav_visible and place >= 0 and not why_not:
        place = min(max(place + inputs.left_right(imgui.get_item_id()), 0), len(numbers) - 1)
    p, draw = theme.palette, imgui.get_window_draw_list()
    alpha = p.faded if why_not else 1.0
    middle, half = corner.y + 0.5 * height, 0.14 * em
    ends = ImVec2(corner.x + pad, middle - half), ImVec2(corner.x + pad + room, middle + half)
    draw.add_rect_filled(*ends, theme.colour(p.field_active, alpha), half)
    if 0 <= place < len(at):
        draw.add_rect_filled(
            ends[0], ImVec2(at[place], middle + half), theme.colour(p.accent_fill, alpha), half
        )
    if len(at) <= MOST_TICKS:
        for index, x in enumerate(at):
            tall = 0.42 * em if index == under else 0.28 * em
            ink = p.text if index == under else p.muted
            draw.add_line(
                ImVec2(x, middle - tall), ImVec2(x, middle + tall), theme.colour(ink, 0.8 * alpha), 1.0
            )
    if 0 <= place < len(at):
        draw.add_circle_filled(ImVec2(at[place], middle), 0.4 * em, theme.colour(p.accent, alpha), 24)
        if hovered or active:
            draw.add_circle(ImVec2(at[place], middle), 0.4 * em, theme.colour(p.text), 24, 1.5)
    controls.tooltip(why_not or (f"{name(under)}\n{tip}" if under >= 0 else tip))
    return place
