"""Several pictures in the viewport: wipe with a draggable divider, side by side, difference, grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.channels import ChannelInfo
from viewer.state.document import ChannelView, Document
from viewer.state.second_view import difference
from viewer.state.shown_map import ShownMap
from viewer.widgets.shown_picture import ShownPicture, ShownRange
from viewer.widgets.theme import Theme

_HALF_GRIP_EM = 0.45


@dataclass(frozen=True)
class Squares:
    """Where the pictures lie: upper left corners of A, B … (one for all where they share it) and their edge, logical pixels.

    taken: width at their right side that is not for labels.
    """

    tiles: tuple[ImVec2, ...]
    edge: float
    taken: float = 0.0

    @property
    def a(self) -> ImVec2:
        return self.tiles[0]

    @property
    def b(self) -> ImVec2:
        """Of B; of the only picture where there is one."""
        return self.tiles[min(1, len(self.tiles) - 1)]

    @property
    def right(self) -> float:
        """Right edge of all of them."""
        return max(t.x for t in self.tiles) + self.edge


def squares(doc: Document, corner: ImVec2, width: float, height: float, margin: float) -> Squares:
    """One centred square, two side by side, or a grid of as many as are compared: as large as they fit."""
    count, columns = 1, (1,)
    if doc.compare.mode == "grid":
        count = len(doc.compare.tiles)
        columns = tuple(range(1, count + 1))
    elif doc.compare.mode == "side" or (doc.mesh.mode == "side" and doc.compare.mode == "off"):
        count, columns = 2, (2,)

    def edge_of(n: int) -> float:
        rows = -(-count // n)
        return min((width - (n + 1) * margin) / n, (height - (rows + 1) * margin) / rows)

    across = max(columns, key=lambda n: (edge_of(n), n))
    down, edge = -(-count // across), max(16.0, float(int(edge_of(across))))
    left = round(corner.x + 0.5 * (width - across * edge - (across - 1) * margin))
    top = round(corner.y + 0.5 * (height - down * edge - (down - 1) * margin))
    places = [divmod(i, across) for i in range(count)]
    return Squares(
        tuple(ImVec2(left + c * (edge + margin), top + r * (edge + margin)) for r, c in places), edge
    )


def tile_range(doc: Document, picture: ShownPicture, shown: ShownMap, a: ShownMap) -> ShownRange:
    """Range of a tile's colours: the view's where both show the same channel, so that equal colours mean equal values."""
    view = doc.view.of(shown.channel.name, shown.channel)
    if shown.channel.name == a.channel.name:
        return picture.shown_range(doc, a.channel)
    low, high = shown.extremes if view.auto_range else (view.low, view.high)
    return ShownRange(low, high if high > low else low + 1e-6)


class Differences:
    """Keeps the last difference map: made once for a pair of frames."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] | None = None
        self._last: ShownMap | None = None
        self._number = 0

    def of(self, a: ShownMap, b: ShownMap) -> ShownMap | None:
        """|A - B| of equal channels and sizes, else None. Its version is negative, so it never equals a
        frame's.
        """
        if (
            a.channel.kind != b.channel.kind
            or a.channel.name != b.channel.name
            or a.values.shape != b.values.shape
        ):
            return None
        key = (a.version, b.version, a.channel.name)
        if key != self._key:
            self._number -= 1
            unit = {"direction": "degrees", "colour": "mean |A - B|"}.get(a.channel.kind, a.channel.unit)
            info = ChannelInfo(
                name="difference", title=f"{a.channel.title}, |A - B|", kind="scalar", unit=unit, colormap="magma", low=0.0,
                decimals=max(a.channel.decimals, 3),
            )  # fmt: skip
            values = difference(a.values, b.values, a.channel.kind).astype(np.float32)
            self._key, self._last = key, ShownMap(info, values, self._number)
        return self._last


def difference_view(shown: ShownMap) -> tuple[ChannelView, ShownRange]:
    """Colours and range of a difference map: 0 to the 99.9th percentile, so that single outliers do not
    darken the rest.
    """
    finite = shown.values[np.isfinite(shown.values)]
    high = float(np.percentile(finite, 99.9)) if finite.size else 1.0
    return ChannelView(name="difference", colormap=shown.channel.colormap), ShownRange(0.0, max(high, 1e-6))


def wipe(doc: Document, theme: Theme, where: Squares, texture_a: int, texture_b: int) -> Document:
    """A left of the divider, B right of it; the divider is dragged."""
    draw, o, edge = imgui.get_window_draw_list(), where.a, where.edge
    split = doc.compare.split
    x = round(o.x + split * edge)
    draw.add_image(imgui.ImTextureRef(texture_a), o, ImVec2(x, o.y + edge), ImVec2(0, 0), ImVec2(split, 1))
    draw.add_image(
        imgui.ImTextureRef(texture_b),
        ImVec2(x, o.y),
        ImVec2(o.x + edge, o.y + edge),
        ImVec2(split, 0),
        ImVec2(1, 1),
    )
    return _divider(doc, theme, where, x)


def _divider(doc: Document, theme: Theme, where: Squares, x: float) -> Document:
    o, edge = where.a, where.edge
    half = _HALF_GRIP_EM * theme.em
    imgui.set_cursor_screen_pos(ImVec2(x - half, o.y))
    imgui.invisible_button("##divider", ImVec2(2 * half, edge))
    hot = imgui.is_item_hovered() or imgui.is_item_active()
    if hot:
        imgui.set_mouse_cursor(imgui.MouseCursor_.resize_ew)
    draw, p = imgui.get_window_draw_list(), theme.palette
    draw.add_line(ImVec2(x, o.y), ImVec2(x, o.y + edge), theme.colour((0.0, 0.0, 0.0), 0.5), 4.0)
    draw.add_line(
        ImVec2(x, o.y),
        ImVec2(x, o.y + edge),
        theme.colour(p.accent_fill_hover if hot else (1.0, 1.0, 1.0)),
        2.0,
    )
    middle = ImVec2(x, o.y + 0.5 * edge)
    draw.add_circle_filled(
        middle, 0.75 * theme.em, theme.colour(p.accent_fill_hover if hot else p.accent_fill), 24
    )
    for side in (-1, 1):
        tip = ImVec2(x + side * 0.48 * theme.em, middle.y)
        base = x + side * 0.16 * theme.em
        corners = ImVec2(base, middle.y - 0.28 * theme.em), ImVec2(base, middle.y + 0.28 * theme.em)
        draw.add_triangle_filled(tip, *corners, theme.colour(p.on_accent))
    if imgui.is_item_active() and imgui.get_io().mouse_delta.x:
        split = (imgui.get_mouse_pos().x - o.x) / edge
        return doc.replace(compare=doc.compare.replace(split=min(max(split, 0.0), 1.0)))
    return doc
