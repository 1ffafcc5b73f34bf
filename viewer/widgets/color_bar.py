"""Colour bars: the vertical one beside the picture and the horizontal one with its histogram in a panel."""

from __future__ import annotations

import math

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.channels import ChannelInfo
from core_model.schema.colormaps import colour_table
from viewer.widgets import overlays
from viewer.widgets.histogram import Histogram
from viewer.widgets.shown_picture import ShownRange
from viewer.widgets.theme import BODY_PX, Theme
from viewer.widgets.ticks import nice_ticks, tick_text

STEPS = 64


def gradient(theme: Theme, low: ImVec2, high: ImVec2, name: str, invert: bool, vertical: bool) -> None:
    """Fills the box with a colour map; vertical runs upwards."""
    draw = imgui.get_window_draw_list()
    table = colour_table(name, instead="viridis")
    colours = table[::-1] if invert else table
    stops = np.linspace(0, 255, STEPS + 1).round().astype(int)
    ink = [theme.colour(tuple(float(v) for v in colours[i])) for i in stops]  # type: ignore[arg-type]
    for i in range(STEPS):
        a, b = i / STEPS, (i + 1) / STEPS
        if vertical:
            top, bottom = high.y + (low.y - high.y) * b, high.y + (low.y - high.y) * a
            draw.add_rect_filled_multi_color(
                ImVec2(low.x, top), ImVec2(high.x, bottom), ink[i + 1], ink[i + 1], ink[i], ink[i]
            )
        else:
            left, right = low.x + (high.x - low.x) * a, low.x + (high.x - low.x) * b
            draw.add_rect_filled_multi_color(
                ImVec2(left, low.y), ImVec2(right, high.y), ink[i], ink[i + 1], ink[i + 1], ink[i]
            )


def vertical_bar(
    theme: Theme,
    low: ImVec2,
    high: ImVec2,
    channel: ChannelInfo,
    name: str,
    invert: bool,
    shown: ShownRange,
    histogram: Histogram | None,
    marked: float | None,
    right_end: float,
    plate: bool,
) -> None:
    """Vertical colour bar in the box `low`..`high`.

    Ticks and numbers at its right, histogram at its left, title and unit above.

    marked: value under the cursor, drawn as a pointer. right_end: the titles stay left of it.
    plate: the bar lies over the picture and needs a ground of its own.
    """
    draw, p, em = imgui.get_window_draw_list(), theme.palette, theme.em
    height = high.y - low.y
    if plate:
        overlays.plate(
            theme, ImVec2(low.x - 2.4 * em, low.y - 3.0 * em), ImVec2(right_end, high.y + 0.9 * em)
        )
    if histogram is not None and max(histogram.counts) > 0:
        top, step, reach = max(histogram.counts), height / len(histogram.counts), 1.7 * em
        for i, count in enumerate(histogram.counts):
            if count:
                length = reach * math.sqrt(count / top)
                y = high.y - i * step
                draw.add_rect_filled(
                    ImVec2(low.x - 0.25 * em - length, y - step + 0.5),
                    ImVec2(low.x - 0.25 * em, y),
                    theme.colour(p.canvas_muted, 0.5),
                )
    gradient(theme, low, high, name, invert, vertical=True)
    draw.add_rect(low, high, theme.colour(p.canvas_edge, 0.9))
    ticks = nice_ticks(shown.low, shown.high, 7)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    imgui.push_font(theme.fonts.mono, BODY_PX * 0.82)
    line = imgui.get_text_line_height()
    for tick in ticks:
        y = high.y - height * (tick - shown.low) / (shown.high - shown.low)
        draw.add_line(ImVec2(high.x, y), ImVec2(high.x + 0.3 * em, y), theme.colour(p.canvas_muted), 1.0)
        draw.add_text(
            ImVec2(round(high.x + 0.5 * em), round(y - 0.5 * line)),
            theme.colour(p.canvas_text),
            tick_text(tick, step),
        )
    if marked is not None:
        y = high.y - height * min(max((marked - shown.low) / (shown.high - shown.low), 0.0), 1.0)
        draw.add_triangle_filled(
            ImVec2(low.x - 0.05 * em, y),
            ImVec2(low.x - 0.5 * em, y - 0.3 * em),
            ImVec2(low.x - 0.5 * em, y + 0.3 * em),
            theme.colour(p.canvas_text),
        )
    imgui.pop_font()
    _above(theme, 0.5 * (low.x + high.x), low.y - 0.6 * em, channel, right_end)


def _above(theme: Theme, middle: float, bottom: float, channel: ChannelInfo, right_end: float) -> None:
    """Title in bold and unit in small print, centred over the bar."""
    draw, p = imgui.get_window_draw_list(), theme.palette
    lines = [(channel.unit, theme.fonts.body, p.canvas_muted)] if channel.unit else []
    for text, face, ink in [*lines, (channel.title, theme.fonts.bold, p.canvas_text)]:
        imgui.push_font(face, BODY_PX * 0.84)
        size = imgui.calc_text_size(text)
        bottom -= 1.2 * size.y
        x = min(middle - 0.5 * size.x, right_end - size.x)
        draw.add_text(ImVec2(round(x), round(bottom)), theme.colour(ink), text)
        imgui.pop_font()


def horizontal_bar(
    theme: Theme,
    channel: ChannelInfo,
    name: str,
    invert: bool,
    shown: ShownRange,
    histogram: Histogram | None,
    marked: float | None,
    counted: str = "pixels",
) -> None:
    """Histogram over a bar with ticks below, across the panel; hovering names the bin. counted: what it counts."""
    draw, p, em = imgui.get_window_draw_list(), theme.palette, theme.em
    width, height = imgui.get_content_region_avail().x, 2.9 * em
    corner = imgui.get_cursor_screen_pos()
    imgui.dummy(ImVec2(width, height + 2.1 * em))
    hovered = imgui.is_item_hovered()
    draw.add_rect_filled(
        corner, ImVec2(corner.x + width, corner.y + height), theme.colour(p.field, 0.55), 0.2 * em
    )
    floor = corner.y + height
    if histogram is not None and max(histogram.counts) > 0:
        top, step = max(histogram.counts), width / len(histogram.counts)
        for i, count in enumerate(histogram.counts):
            if count:
                # Square root: a background that fills the picture must not flatten all the rest.
                y = floor - (height - 0.2 * em) * math.sqrt(count / top)
                draw.add_rect_filled(
                    ImVec2(corner.x + i * step, y),
                    ImVec2(corner.x + (i + 1) * step - 0.6, floor),
                    theme.colour(p.accent, 0.75),
                )
        if hovered:
            share = min(max((imgui.get_mouse_pos().x - corner.x) / width, 0.0), 1.0 - 1e-9)
            i = int(share * len(histogram.counts))
            a = shown.low + (shown.high - shown.low) * i / len(histogram.counts)
            b = shown.low + (shown.high - shown.low) * (i + 1) / len(histogram.counts)
            d = channel.decimals
            imgui.set_tooltip(
                f"{a:.{d}f} to {b:.{d}f} {channel.unit}\n{histogram.counts[i]} {counted} (height: square root)"
            )
    bar_low, bar_high = ImVec2(corner.x, floor + 2), ImVec2(corner.x + width, floor + 0.7 * em)
    gradient(theme, bar_low, bar_high, name, invert, vertical=False)
    if marked is not None:
        x = corner.x + width * min(max((marked - shown.low) / (shown.high - shown.low), 0.0), 1.0)
        draw.add_line(ImVec2(x, corner.y), ImVec2(x, bar_high.y), theme.colour(p.text), 1.5)
    _ticks_below(theme, bar_high.y, corner.x, width, shown)


def _ticks_below(theme: Theme, y: float, left: float, width: float, shown: ShownRange) -> None:
    draw, p, em = imgui.get_window_draw_list(), theme.palette, theme.em
    ticks = nice_ticks(shown.low, shown.high, 5)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    imgui.push_font(theme.fonts.mono, BODY_PX * 0.8)
    for tick in ticks:
        x = left + width * (tick - shown.low) / (shown.high - shown.low)
        text = tick_text(tick, step)
        half = 0.5 * imgui.calc_text_size(text).x
        draw.add_line(ImVec2(x, y), ImVec2(x, y + 0.25 * em), theme.colour(p.faint), 1.0)
        at = min(max(x - half, left), left + width - 2 * half)
        draw.add_text(ImVec2(round(at), round(y + 0.3 * em)), theme.colour(p.muted), text)
    imgui.pop_font()


def unit_text(channel: ChannelInfo) -> str:
    """ "Depth [world units]", or the title alone where there is no unit."""
    return f"{channel.title} [{channel.unit}]" if channel.unit else channel.title
