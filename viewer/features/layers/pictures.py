"""The channels of one layer as small pictures with their numbers, and one of them large with the value under the cursor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.channels import ChannelInfo
from core_model.schema.question_layers import LayerInfo
from viewer.features.layers.asking import Looked
from viewer.state.document import ChannelView
from viewer.state.layer_view import LayerView, colour_range, number_text
from viewer.state.shown_map import ShownMap
from viewer.widgets import color_bar, controls
from viewer.widgets.histogram import BINS, Histogram, HistogramCache
from viewer.widgets.shown_picture import Present, ShownRange
from viewer.widgets.theme import Theme

GRID_SLOT, LARGE_SLOT = 20, 21
CELL_EM = 2.7
"""Least edge of a small picture."""
FOLDED = 32
"""Channels per line of the one row of a layer that has no other."""
CHANNEL = ChannelInfo(name="layers", title="Activation", kind="scalar", decimals=4)


def sampled(picture: np.ndarray, wide: int, high: int) -> np.ndarray:
    """[H, W] → [high, wide] by the nearest value: each is a rectangle of one colour."""
    rows = np.minimum((np.arange(high) + 0.5) / high * picture.shape[-2], picture.shape[-2] - 1).astype(int)
    columns = np.minimum((np.arange(wide) + 0.5) / wide * picture.shape[-1], picture.shape[-1] - 1).astype(
        int
    )
    return picture[..., rows[:, None], columns[None, :]]


def mosaic(cells: np.ndarray, columns: int, edge: int) -> np.ndarray:
    """cells [n, h, w] side by side, `columns` in a line, each `edge`² pixels: a square with NaN where none is."""
    lines = -(-len(cells) // columns)
    side = max(columns, lines) * edge
    out = np.full((side, side), np.nan, np.float32)
    for place, cell in enumerate(cells):
        y, x = place // columns * edge, place % columns * edge
        out[y : y + edge, x : x + edge] = sampled(cell, edge, edge)
    return out


def extremes(values: np.ndarray) -> tuple[float, float]:
    """Finite (low, high); (0, 0) where nothing is finite."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def to_own_range(cells: np.ndarray) -> np.ndarray:
    """Each of [n, h, w] from its own extremes to 0 … 1."""
    out = np.empty_like(cells)
    for place, cell in enumerate(cells):
        low, high = extremes(cell)
        out[place] = (cell - low) / (high - low if high > low else 1.0)
    return out


def large_picture(looked: Looked) -> np.ndarray:
    """[H, W]: the channel, or rows as lines of channels; a single row is folded."""
    picture = looked.arrays["picture"]
    if looked.info.pictures or len(picture) > 1:
        return picture
    lines = -(-picture.shape[1] // FOLDED)
    out = np.full(lines * min(FOLDED, picture.shape[1]), np.nan, np.float32)
    out[: picture.shape[1]] = picture[0]
    return out.reshape(lines, -1)


@dataclass(frozen=True)
class Under:
    """What lies under the cursor of the large picture."""

    row: int
    column: int
    value: float


def under_text(info: LayerInfo, under: Under) -> str:
    """ "row 3, column 12: 0.5312", "channel 44: 0.1", "row 2, channel 44: 0.1"."""
    if info.pictures:
        place = f"row {under.row}, column {under.column}"
    elif info.shape[0] == 1:
        place = f"channel {under.row * FOLDED + under.column}"
    else:
        place = f"row {under.row}, channel {under.column}"
    value = "no value" if math.isnan(under.value) else f"{under.value:.5g}"
    return f"{place}: {value}"


class LayerPictures:
    """Keeps what was made of the last answer for the textures."""

    def __init__(self) -> None:
        self._grid: tuple[object, ShownMap] | None = None
        self._large: tuple[object, ShownMap] | None = None
        self._version = 0
        self.clicked = False
        self._histograms = HistogramCache()

    def grid(
        self, theme: Theme, present: Present, looked: Looked, view: LayerView, height: float
    ) -> LayerView:
        """The small pictures in a field that scrolls; a click chooses the large one's channel."""
        which, cells = looked.arrays["which"], looked.arrays["cells"]
        em, gap = theme.em, 2.0
        room = imgui.get_content_region_avail().x - imgui.get_style().scrollbar_size
        columns = max(int((room + gap) // (CELL_EM * em + gap)), 1)
        step = float(int((room + gap) / columns))
        lines = -(-len(cells) // columns)
        if not controls.begin_child("##layers-grid", ImVec2(0.0, min(height, lines * step))) or not len(
            cells
        ):
            imgui.end_child()
            return view
        columns = min(columns, len(cells))
        edge = step - gap
        density = imgui.get_io().display_framebuffer_scale.x
        pixels = max(int(edge * density), 4)
        own = view.range == "channel"
        key = (looked.version, own, columns, pixels)
        if self._grid is None or self._grid[0] != key:
            self._version += 1
            made = mosaic(to_own_range(cells) if own else cells, columns, pixels)
            self._grid = (key, ShownMap(CHANNEL.replace(name="layers.grid"), made, self._version))
        shown = self._grid[1]
        low, high = (0.0, 1.0) if own else colour_range(view, looked.info, (0.0, 1.0))
        side = shown.values.shape[0]
        texture = present(shown, _look(view), ShownRange(low, high), side, GRID_SLOT)
        corner = imgui.get_cursor_screen_pos()
        clicked = controls.hit(theme, "##layers-cells", ImVec2(columns * step - gap, lines * step - gap))
        over = self._cell_at(corner, step, columns, len(cells)) if imgui.is_item_hovered() else None
        controls.tooltip(self._about(looked, which, over))
        top, bottom = imgui.get_window_pos().y, imgui.get_window_pos().y + imgui.get_window_height()
        for place in range(len(cells)):
            at = ImVec2(corner.x + place % columns * step, corner.y + place // columns * step)
            if at.y + edge < top or at.y > bottom:
                continue
            u, v = place % columns * pixels / side, place // columns * pixels / side
            self._cell(
                theme, texture, at, edge, (u, v, pixels / side), looked.info.channel_title(int(which[place])),
                int(which[place]) == view.channel, place == over,
            )  # fmt: skip
        imgui.end_child()
        return view.replace(channel=int(which[over])) if clicked and over is not None else view

    @staticmethod
    def _cell_at(corner: ImVec2, step: float, columns: int, count: int) -> int | None:
        mouse = imgui.get_mouse_pos()
        column, line = int((mouse.x - corner.x) // step), int((mouse.y - corner.y) // step)
        place = line * columns + column
        return place if 0 <= column < columns and 0 <= place < count else None

    @staticmethod
    def _about(looked: Looked, which: np.ndarray, over: int | None) -> str:
        if over is None:
            return "A click shows a channel large"
        channel = int(which[over])
        rms = number_text(float(looked.arrays["rms"][channel]))
        return f"Channel {looked.info.channel_title(channel)}, rms {rms}\nA click shows it large"

    @staticmethod
    def _cell(
        theme: Theme, texture: int, at: ImVec2, edge: float, uv: tuple[float, float, float], title: str, chosen: bool, hovered: bool
    ) -> None:  # fmt: skip
        draw, p, end = imgui.get_window_draw_list(), theme.palette, ImVec2(at.x + edge, at.y + edge)
        u, v, size = uv
        draw.add_image(imgui.ImTextureRef(texture), at, end, ImVec2(u, v), ImVec2(u + size, v + size))
        with controls.font(theme.fonts.mono, theme.small() * 0.8):
            text = imgui.calc_text_size(title)
            draw.add_rect_filled(
                at, ImVec2(at.x + text.x + 4, at.y + text.y + 1), theme.colour(p.window, 0.72)
            )
            draw.add_text(ImVec2(at.x + 2, at.y), theme.colour(p.text), title)
        if chosen or hovered:
            draw.add_rect(at, end, theme.colour(p.accent if chosen else p.muted), 0.0, 2.0)

    def large(
        self, theme: Theme, present: Present, looked: Looked, view: LayerView, edge: float
    ) -> Under | None:
        """One channel, `edge` pixels square at most, at the cursor; what lies under the mouse."""
        picture = large_picture(looked)
        high, wide = picture.shape
        if looked.info.pictures:
            size = ImVec2(wide * edge / max(wide, high), high * edge / max(wide, high))
        else:  # the rows across the panel
            edge = imgui.get_content_region_avail().x
            size = ImVec2(edge, min(max(0.9 * high, 3.0), 16.0) * theme.em)
        density = imgui.get_io().display_framebuffer_scale.x
        pixels = max(int(edge * density), 8)
        key = (looked.version, pixels)
        if self._large is None or self._large[0] != key:
            self._version += 1
            made = np.ascontiguousarray(sampled(picture, pixels, pixels))
            self._large = (key, ShownMap(CHANNEL.replace(name="layers.large"), made, self._version))
        span = self.span(looked, view)
        texture = present(self._large[1], _look(view), span, pixels, LARGE_SLOT)
        corner = imgui.get_cursor_screen_pos()
        end = ImVec2(corner.x + size.x, corner.y + size.y)
        imgui.get_window_draw_list().add_image(imgui.ImTextureRef(texture), corner, end)
        self.clicked = controls.hit(theme, "##layers-large", size)
        controls.tooltip("The value under the cursor stands below; a click copies it")
        imgui.get_window_draw_list().add_rect(corner, end, theme.colour(theme.palette.line))
        if not imgui.is_item_hovered():
            return None
        mouse = imgui.get_mouse_pos()
        row = min(max(int((mouse.y - corner.y) / size.y * high), 0), high - 1)
        column = min(max(int((mouse.x - corner.x) / size.x * wide), 0), wide - 1)
        return Under(row, column, float(picture[row, column]))

    def span(self, looked: Looked, view: LayerView) -> ShownRange:
        """Range of the colours of the large picture."""
        return ShownRange(*colour_range(view, looked.info, extremes(looked.arrays["picture"])))

    def bar(self, theme: Theme, looked: Looked, view: LayerView, under: Under | None) -> None:
        """Colour bar with the histogram: of the whole layer, or of the channel where each has its own range."""
        span = self.span(looked, view)
        picture = looked.arrays["picture"]
        if view.range == "channel":
            found = self._histograms.of(looked.version, "large", picture, span.low, span.high)
        else:
            found = layer_histogram(looked, span.low, span.high)
        marked = None if under is None or math.isnan(under.value) else under.value
        color_bar.horizontal_bar(theme, CHANNEL, view.colormap, False, span, found, marked, "values")


def layer_histogram(looked: Looked, low: float, high: float) -> Histogram:
    """Of all values of the layer, over another range than theirs: a bin that is cut gives its share."""
    counts, edges, info = looked.arrays["counts"], looked.arrays["edges"], looked.info
    below = np.concatenate([[0.0], np.cumsum(counts, dtype=np.float64)])
    at = np.interp(np.linspace(low, high, BINS + 1), edges.astype(np.float64), below)
    return Histogram(
        counts=tuple(np.rint(np.diff(at)).astype(int).tolist()), low=low, high=high,
        extremes=(info.low or 0.0, info.high or 0.0), mean=info.mean or 0.0, empty_share=info.nans + info.infs,
    )  # fmt: skip


def _look(view: LayerView) -> ChannelView:
    return ChannelView(name="layers", colormap=view.colormap)
