"""One tri-plane as a square.

Texels as they are, zoom about the cursor, the chosen cell, the point under the cursor of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import Vec3
from core_model.schema.channels import ChannelInfo
from core_model.schema.conventions import Conventions
from viewer.state.document import ChannelView
from viewer.state.palette import Rgb
from viewer.state.plane_view import AXIS, Cell, box_coordinate, cell_place, texel
from viewer.state.shown_map import ShownMap
from viewer.widgets import controls
from viewer.widgets.shown_picture import Present, ShownRange
from viewer.widgets.theme import BODY_PX, Theme

SLOT = 11
"""Presenters of the three planes: this one and the next two."""
CELL_INK: Rgb = (0.30, 0.88, 0.95)
_WHITE: Rgb = (1.0, 1.0, 1.0)
_BLACK: Rgb = (0.0, 0.0, 0.0)
MAX_ZOOM = 32.0
SLACK_PX = 4.0


@dataclass(frozen=True)
class Window:
    """What a square shows of the box.

    zoom about `centre` (box coordinates of the world axes), kept inside the box.
    """

    zoom: float = 1.0
    centre: Vec3 = (0.0, 0.0, 0.0)

    def span(self, axis: str) -> tuple[float, float]:
        """(low, high) along a world axis, box coordinates in [-1, 1]."""
        half = 1.0 / self.zoom
        middle = min(max(self.centre[AXIS[axis]], -1.0 + half), 1.0 - half)
        return middle - half, middle + half

    def zoomed(self, factor: float, axes: tuple[str, str], at: tuple[float, float]) -> Window:
        """Zoomed by `factor` about the box coordinates `at` of the two axes, which stay in place on the
        screen.
        """
        zoom = min(max(self.zoom * factor, 1.0), MAX_ZOOM)
        centre = list(self.centre)
        for axis, u in zip(axes, at, strict=True):
            low, high = self.span(axis)
            middle = 0.5 * (low + high)
            centre[AXIS[axis]] = u + (middle - u) * self.zoom / zoom
        return Window(zoom, (centre[0], centre[1], centre[2]))

    def moved(self, axes: tuple[str, str], by: tuple[float, float]) -> Window:
        """Shifted by box coordinates along the two axes."""
        centre = list(self.centre)
        half = 1.0 / self.zoom
        for axis, step in zip(axes, by, strict=True):
            low, high = self.span(axis)
            centre[AXIS[axis]] = min(max(0.5 * (low + high) + step, -1.0 + half), 1.0 - half)
        return Window(self.zoom, (centre[0], centre[1], centre[2]))


@dataclass(frozen=True)
class Touched:
    """hover: the cell under the cursor; clicked: it was chosen; window: after zoom and shift."""

    hover: Cell | None
    clicked: bool
    window: Window


def texels(
    picture: np.ndarray, axes: tuple[str, str], window: Window, conv: Conventions, pixels: int
) -> np.ndarray:
    """What a square of `pixels`² shows of a plane [.., H, W]: nearest texels, second axis upwards.

    [.., pixels, pixels].
    """
    height, width = picture.shape[-2:]
    at = (np.arange(pixels) + 0.5) / pixels
    index = []
    for axis, size in zip(axes, (width, height), strict=True):
        low, high = window.span(axis)
        found = np.rint(np.asarray([texel(u, size, conv) for u in low + (high - low) * at])).astype(int)
        index.append(np.clip(found, 0, size - 1))
    return np.ascontiguousarray(picture[..., index[1][::-1][:, None], index[0][None, :]])


class PlanePictures:
    """Keeps the three squares as they are presented.

    Made again when the answer, the window or the size changes.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[object, ShownMap]] = {}
        self._version = 0

    def of(
        self,
        plane: int,
        key: object,
        picture: np.ndarray,
        info: ChannelInfo,
        window: Window,
        conv: Conventions,
        pixels: int,
    ) -> ShownMap:
        """key: identity of `picture`, [H, W], or [3, H, W] as colours in [0, 1]."""
        axes = conv.plane_axes[plane]
        whole = (key, window.zoom, window.span(axes[0]), window.span(axes[1]), pixels, info.name)
        found = self._kept.get(plane)
        if found is None or found[0] != whole:
            self._version += 1
            found = (whole, ShownMap(info, texels(picture, axes, window, conv, pixels), self._version))
            self._kept[plane] = found
        return found[1]


def draw(
    theme: Theme, present: Present, shown: ShownMap, colormap: str, span: ShownRange, plane: int, level: int, size: tuple[int, int],
    conv: Conventions, window: Window, edge: float, chosen: Cell | None, point: Vec3 | None,
) -> Touched:  # fmt: skip
    """The square at the cursor, `edge` logical pixels.

    size: (width, height) of the plane; point: world point to mark.
    """
    corner, io = imgui.get_cursor_screen_pos(), imgui.get_io()
    view = ChannelView(name=shown.channel.name, colormap=colormap)
    texture = present(shown, view, span, int(edge * io.display_framebuffer_scale.x), SLOT + plane)
    draw_list, end = imgui.get_window_draw_list(), ImVec2(corner.x + edge, corner.y + edge)
    draw_list.add_image(imgui.ImTextureRef(texture), corner, end)
    released = imgui.invisible_button(f"##plane-{plane}", ImVec2(edge, edge))
    imgui.set_item_key_owner(imgui.Key.mouse_wheel_y)
    if not imgui.is_item_active():
        controls.tooltip(
            "Click a cell to see the pixels that it feeds. The wheel enlarges, a drag moves, all planes together"
        )
    axes = conv.plane_axes[plane]
    hover = None
    if imgui.is_item_hovered() or imgui.is_item_active():
        at = _under(window, axes, corner, edge)
        hover = _cell_at(at, level, plane, size, conv)
        if imgui.is_item_hovered() and io.mouse_wheel:
            window = window.zoomed(1.25**io.mouse_wheel, axes, at)
        if imgui.is_item_active() and imgui.is_mouse_dragging(0, SLACK_PX) and window.zoom > 1.0:
            per_pixel = 2.0 / (window.zoom * edge)
            window = window.moved(axes, (-io.mouse_delta.x * per_pixel, io.mouse_delta.y * per_pixel))
    drag = imgui.get_mouse_drag_delta(0, 0.0)
    clicked = released and hover is not None and abs(drag.x) + abs(drag.y) <= SLACK_PX
    draw_list.push_clip_rect(corner, end, True)
    if chosen is not None and chosen.level == level:
        _chosen(theme, chosen, plane, size, conv, window, corner, edge)
    if point is not None:
        _cross(theme, tuple(point[AXIS[a]] / conv.box for a in axes), axes, window, corner, edge)
    draw_list.pop_clip_rect()
    _labels(theme, axes, corner, edge)
    draw_list.add_rect(corner, end, theme.colour(theme.palette.line))
    return Touched(hover, clicked, window)


def _under(window: Window, axes: tuple[str, str], corner: ImVec2, edge: float) -> tuple[float, float]:
    mouse = imgui.get_mouse_pos()
    shares = ((mouse.x - corner.x) / edge, 1.0 - (mouse.y - corner.y) / edge)
    (a0, a1), (b0, b1) = (window.span(axis) for axis in axes)
    return a0 + (a1 - a0) * shares[0], b0 + (b1 - b0) * shares[1]


def _cell_at(
    at: tuple[float, float], level: int, plane: int, size: tuple[int, int], conv: Conventions
) -> Cell | None:
    if any(abs(u) > 1.0 for u in at):
        return None
    column, row = (min(max(round(texel(u, n, conv)), 0), n - 1) for u, n in zip(at, size, strict=True))
    return Cell(level=level, plane=plane, column=column, row=row)


def _screen(u: float, v: float, axes: tuple[str, str], window: Window, corner: ImVec2, edge: float) -> ImVec2:
    (a0, a1), (b0, b1) = (window.span(axis) for axis in axes)
    return ImVec2(corner.x + (u - a0) / (a1 - a0) * edge, corner.y + (1.0 - (v - b0) / (b1 - b0)) * edge)


def _chosen(
    theme: Theme,
    cell: Cell,
    plane: int,
    size: tuple[int, int],
    conv: Conventions,
    window: Window,
    corner: ImVec2,
    edge: float,
) -> None:
    """A frame around the chosen cell.

    In the other planes the line of points that it feeds, seen along their own axes.
    """
    axes, draw_list = conv.plane_axes[plane], imgui.get_window_draw_list()
    if cell.plane == plane:
        ends = []
        for add in (-0.5, 0.5):
            u, v = (
                box_coordinate(i + add, n, conv) for i, n in zip((cell.column, cell.row), size, strict=True)
            )
            ends.append(_screen(u, v, axes, window, corner, edge))
        cx, cy = 0.5 * (ends[0].x + ends[1].x), 0.5 * (ends[0].y + ends[1].y)
        half = max(0.5 * abs(ends[1].x - ends[0].x), 0.3 * theme.em)
        for grow, weight, ink in ((1.5, 3.2, theme.colour(_BLACK, 0.6)), (1.5, 1.6, theme.colour(CELL_INK))):
            draw_list.add_rect(
                ImVec2(cx - half - grow, cy - half - grow),
                ImVec2(cx + half + grow, cy + half + grow),
                ink,
                0.0,
                weight,
            )
        return
    fixed = dict(
        zip(conv.plane_axes[cell.plane], (p / conv.box for p in cell_place(cell, size, conv)), strict=True)
    )
    for index, axis in enumerate(axes):
        if axis in fixed:
            a = _screen(
                *((fixed[axis], -1.0) if index == 0 else (-1.0, fixed[axis])), axes, window, corner, edge
            )
            b = _screen(
                *((fixed[axis], 1.0) if index == 0 else (1.0, fixed[axis])), axes, window, corner, edge
            )
            draw_list.add_line(a, b, theme.colour(_BLACK, 0.5), 3.0)
            draw_list.add_line(a, b, theme.colour(CELL_INK), 1.3)


def _cross(
    theme: Theme, at: tuple[float, ...], axes: tuple[str, str], window: Window, corner: ImVec2, edge: float
) -> None:
    c, em, draw_list = (
        _screen(at[0], at[1], axes, window, corner, edge),
        theme.em,
        imgui.get_window_draw_list(),
    )
    for weight, ink in ((3.4, theme.colour(_BLACK, 0.6)), (1.6, theme.colour(_WHITE))):
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            near, far = 0.2 * em, 0.6 * em
            draw_list.add_line(
                ImVec2(c.x + dx * near, c.y + dy * near), ImVec2(c.x + dx * far, c.y + dy * far), ink, weight
            )


def _labels(theme: Theme, axes: tuple[str, str], corner: ImVec2, edge: float) -> None:
    """Which world axis runs to the right and which one upwards."""
    em = theme.em
    with controls.font(theme.fonts.mono, BODY_PX * 0.8):
        for text, right in ((f"{axes[0]} →", True), (f"↑ {axes[1]}", False)):
            size = imgui.calc_text_size(text)
            x = corner.x + (edge - size.x - 0.35 * em if right else 0.35 * em)
            y = corner.y + (edge - size.y - 0.25 * em if right else 0.25 * em)
            plate = ImVec2(x - 0.2 * em, y - 0.05 * em), ImVec2(x + size.x + 0.2 * em, y + size.y + 0.05 * em)
            imgui.get_window_draw_list().add_rect_filled(
                *plate, theme.colour(theme.palette.panel, 0.8), 0.2 * em
            )
            imgui.get_window_draw_list().add_text(
                ImVec2(round(x), round(y)), theme.colour(theme.palette.text), text
            )
