"""Legends of channels whose values are shown as colours directly.

Red, green and blue counts, the ball of normals, the axes of positions.
"""

from __future__ import annotations

import math

from imgui_bundle import ImVec2, imgui

from viewer.state.palette import Rgb
from viewer.widgets.theme import BODY_PX, Theme
from viewer.widgets.ticks import tick_text

_RGB: tuple[Rgb, Rgb, Rgb] = ((0.93, 0.33, 0.31), (0.35, 0.75, 0.38), (0.33, 0.55, 0.96))
BALL_STEPS = 30


def colour_counts(theme: Theme, counts: tuple[tuple[int, ...], ...]) -> None:
    """Outlines of the three histograms over [0, 1], heights as square roots."""
    draw, p, em = imgui.get_window_draw_list(), theme.palette, theme.em
    width, height, corner = imgui.get_content_region_avail().x, 4.2 * em, imgui.get_cursor_screen_pos()
    imgui.dummy(ImVec2(width, height + 1.4 * em))
    if imgui.is_item_hovered():
        imgui.set_tooltip("Pixels by value of red, green and blue (height: square root)")
    end = ImVec2(corner.x + width, corner.y + height)
    draw.add_rect_filled(corner, end, theme.colour(p.field, 0.55), 0.2 * em)
    top = max((max(c) for c in counts), default=0)
    for values, rgb in zip(counts, _RGB, strict=True):
        if not top:
            break
        step = width / len(values)
        heights = [(height - 0.3 * em) * math.sqrt(v / top) for v in values]
        for i, tall in enumerate(heights):
            if tall > 0:
                x = corner.x + i * step
                draw.add_rect_filled(
                    ImVec2(x, end.y - tall), ImVec2(x + step, end.y), theme.colour(rgb, 0.22)
                )
        line = [ImVec2(corner.x + (i + 0.5) * step, end.y - tall) for i, tall in enumerate(heights)]
        draw.add_polyline(line, theme.colour(rgb), 1.4, 0)  # pyright: ignore[reportArgumentType]
    imgui.push_font(theme.fonts.mono, BODY_PX * 0.8)
    for share in (0.0, 0.5, 1.0):
        text = tick_text(share, 0.5)
        size = imgui.calc_text_size(text)
        x = min(max(corner.x + share * width - 0.5 * size.x, corner.x), end.x - size.x)
        draw.add_text(ImVec2(round(x), round(end.y + 0.2 * em)), theme.colour(p.muted), text)
    imgui.pop_font()


def normal_ball(theme: Theme) -> None:
    """A ball in the colours of its normals as the front view shows it, with the axes' names."""
    draw, p, em = imgui.get_window_draw_list(), theme.palette, theme.em
    width, radius, corner = imgui.get_content_region_avail().x, 3.0 * em, imgui.get_cursor_screen_pos()
    imgui.dummy(ImVec2(width, 2 * radius + 2.4 * em))
    centre = ImVec2(corner.x + 0.5 * width, corner.y + radius + 1.2 * em)
    step = 2.0 / BALL_STEPS
    for row in range(BALL_STEPS):
        y = 1.0 - (row + 0.5) * step
        half = math.sqrt(max(1.0 - y * y, 0.0))
        cells = max(round(2 * half / step), 1)
        for i in range(cells):
            x = -half + 2 * half * (i + 0.5) / cells
            z = math.sqrt(max(1.0 - x * x - y * y, 0.0))
            left = centre.x + radius * (-half + 2 * half * i / cells)
            low = ImVec2(left, centre.y - radius * (y + 0.5 * step))
            high = ImVec2(left + radius * 2 * half / cells + 0.5, low.y + radius * step + 0.5)
            draw.add_rect_filled(low, high, theme.colour((0.5 + 0.5 * x, 0.5 + 0.5 * y, 0.5 + 0.5 * z)))
    # A ring in the panel's colour hides the staircase of the cells.
    draw.add_circle(centre, radius + 0.12 * em, theme.colour(p.panel), 64, 0.34 * em)
    imgui.push_font(theme.fonts.mono, BODY_PX * 0.86)
    for text, dx, dy in (("+x", 1, 0), ("-x", -1, 0), ("+y", 0, -1), ("-y", 0, 1)):
        size = imgui.calc_text_size(text)
        x = centre.x + dx * (radius + 1.2 * em) - 0.5 * size.x
        y = centre.y + dy * (radius + 0.75 * em) - 0.5 * size.y
        draw.add_text(ImVec2(round(x), round(y)), theme.colour(p.muted), text)
    imgui.pop_font()


def position_axes(theme: Theme, low: float, high: float, decimals: int) -> None:
    """Three bars: what red, green and blue say of x, y and z over [low, high] world units."""
    draw, p, em = imgui.get_window_draw_list(), theme.palette, theme.em
    for axis, name in enumerate("xyz"):
        width, corner = imgui.get_content_region_avail().x, imgui.get_cursor_screen_pos()
        imgui.dummy(ImVec2(width, 1.2 * em))
        full = theme.colour(tuple(1.0 if i == axis else 0.0 for i in range(3)))  # type: ignore[arg-type]
        none, left, right = theme.colour((0.0, 0.0, 0.0)), corner.x + 5.0 * em, corner.x + width - 4.0 * em
        draw.add_rect_filled_multi_color(
            ImVec2(left, corner.y + 0.3 * em), ImVec2(right, corner.y + 0.95 * em), none, full, full, none
        )
        imgui.push_font(theme.fonts.mono, BODY_PX * 0.84)
        draw.add_text(ImVec2(round(corner.x), round(corner.y + 0.1 * em)), theme.colour(p.text), name)
        text = f"{low:.{decimals}f}"
        draw.add_text(
            ImVec2(round(left - 0.4 * em - imgui.calc_text_size(text).x), round(corner.y + 0.1 * em)),
            theme.colour(p.muted),
            text,
        )
        draw.add_text(
            ImVec2(round(right + 0.4 * em), round(corner.y + 0.1 * em)),
            theme.colour(p.muted),
            f"{high:.{decimals}f}",
        )
        imgui.pop_font()
