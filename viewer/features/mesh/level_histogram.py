"""Histogram of the field's values with the level as a line that is dragged."""

from __future__ import annotations

import math

import numpy as np
from imgui_bundle import ImVec2, imgui

from viewer.widgets import controls
from viewer.widgets.theme import BODY_PX, Theme
from viewer.widgets.ticks import nice_ticks, tick_text

HEIGHT_EM = 3.4


def span_of(counts: np.ndarray, edges: np.ndarray, level: float) -> tuple[float, float]:
    """Range that is drawn: all values but the outermost 0.1 % or so, and the level with a margin."""
    total = max(float(counts.sum()), 1.0)
    share = np.cumsum(counts) / total
    low = float(edges[int(np.searchsorted(share, 0.001))])
    high = float(edges[min(int(np.searchsorted(share, 0.999)) + 1, len(edges) - 1)])
    low, high = min(low, level), max(high, level)
    room = 0.04 * max(high - low, 1e-9)
    return low - room, high + room


class LevelHistogram:
    """Keeps its axis while the line is dragged, so that the plot does not move during a drag."""

    def __init__(self) -> None:
        self._held: tuple[float, float] | None = None

    def draw(
        self, theme: Theme, counts: np.ndarray, edges: np.ndarray, level: float, inside_low: bool, unit: str
    ) -> float:
        """Draws across the panel; returns the level, dragged or not.

        Values inside the surface are drawn in the accent colour. counts [B], edges [B + 1]; inside_low: the
        inside lies below the level (distances), else above it (densities).
        """
        em = theme.em
        width, height = max(imgui.get_content_region_avail().x, 4 * em), HEIGHT_EM * em
        corner = imgui.get_cursor_screen_pos()
        imgui.invisible_button("##level-histogram", ImVec2(width, height + 1.3 * em))
        held, hovered = imgui.is_item_active(), imgui.is_item_hovered()
        self._held = (self._held or span_of(counts, edges, level)) if held else None
        low, high = self._held or span_of(counts, edges, level)
        floor, scale = corner.y + height, width / (high - low)
        at = low + (imgui.get_mouse_pos().x - corner.x) / scale
        if held:
            level = float(np.clip(at, float(edges[0]), float(edges[-1])))
            if abs(level) < 1.5 / scale:
                level = 0.0  # zero is within a pixel or two: that is what is meant
        _bars(theme, corner, ImVec2(corner.x + width, floor), (low, high), counts, edges, level, inside_low)
        _line(theme, corner, corner.x + (level - low) * scale, floor, held or hovered)
        _ticks(theme, floor, corner.x, width, low, high)
        if hovered or held:
            imgui.set_mouse_cursor(imgui.MouseCursor_.resize_ew)
        if not held:
            side = "inside" if (at < level) == inside_low else "outside"
            value = f"{at:.4g} {unit}".rstrip()
            controls.tooltip(
                f"{value}, {side}. Drag to set the level. Height: square root of the number of grid nodes"
            )
        return level


def _bars(
    theme: Theme, corner: ImVec2, end: ImVec2, span: tuple[float, float], counts: np.ndarray, edges: np.ndarray, level: float,
    inside_low: bool,
) -> None:  # fmt: skip
    draw, p, em = imgui.get_window_draw_list(), theme.palette, theme.em
    draw.add_rect_filled(corner, end, theme.colour(p.field, 0.55), 0.2 * em)
    x = corner.x + (edges.astype(np.float64) - span[0]) * (end.x - corner.x) / (span[1] - span[0])
    x = np.clip(x, corner.x, end.x)
    top = max(float(counts.max()), 1.0)
    for i in np.flatnonzero((counts > 0) & (x[1:] > x[:-1])).tolist():
        # square root: the empty space around the head must not flatten all the rest
        y = end.y - (end.y - corner.y - 0.25 * em) * math.sqrt(float(counts[i]) / top)
        middle = 0.5 * float(edges[i] + edges[i + 1])
        inside = middle < level if inside_low else middle > level
        gap = 0.6 if x[i + 1] - x[i] > 2.0 else 0.0
        draw.add_rect_filled(
            ImVec2(x[i], y), ImVec2(x[i + 1] - gap, end.y), theme.colour(p.accent if inside else p.faint, 0.8)
        )


def _line(theme: Theme, corner: ImVec2, x: float, floor: float, hot: bool) -> None:
    draw, p, em = imgui.get_window_draw_list(), theme.palette, theme.em
    ink = theme.colour(p.text if hot else p.accent)
    draw.add_line(ImVec2(x, corner.y), ImVec2(x, floor), theme.colour(p.panel), 4.0)
    draw.add_line(ImVec2(x, corner.y), ImVec2(x, floor), ink, 2.0)
    grip = 0.32 * em
    draw.add_triangle_filled(
        ImVec2(x - grip, corner.y), ImVec2(x + grip, corner.y), ImVec2(x, corner.y + 1.3 * grip), ink
    )


def _ticks(theme: Theme, y: float, left: float, width: float, low: float, high: float) -> None:
    draw, p, em = imgui.get_window_draw_list(), theme.palette, theme.em
    ticks = nice_ticks(low, high, 5)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    imgui.push_font(theme.fonts.mono, BODY_PX * 0.8)
    for tick in ticks:
        x, text = left + width * (tick - low) / (high - low), tick_text(tick, step)
        half = 0.5 * imgui.calc_text_size(text).x
        draw.add_line(ImVec2(x, y), ImVec2(x, y + 0.25 * em), theme.colour(p.faint), 1.0)
        at = min(max(x - half, left), left + width - 2 * half)
        draw.add_text(ImVec2(round(at), round(y + 0.3 * em)), theme.colour(p.muted), text)
    imgui.pop_font()
