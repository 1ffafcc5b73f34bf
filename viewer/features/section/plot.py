"""The slice as a picture: iso-lines, the rays and the camera's axis on it, the value under the cursor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import Vec3
from core_model.schema.question_planes import SliceFrame
from viewer.state import orbit
from viewer.state.actions import CopyText, Dispatch
from viewer.state.document import ChannelView, Document
from viewer.state.palette import Rgb
from viewer.state.ray_marks import ray_of
from viewer.state.section import clipped_line, ray_meets, value_at
from viewer.state.shown_map import ShownMap
from viewer.widgets import controls
from viewer.widgets.overlays import PIN_INKS
from viewer.widgets.shown_picture import Present, ShownPicture, ShownRange
from viewer.widgets.theme import BODY_PX, Theme
from viewer.widgets.ticks import fixed

SLOT = 10
"""Presenter of the slice; the viewport has the first three."""
AXIS_INK: Rgb = (0.98, 0.76, 0.25)
_WHITE: Rgb = (1.0, 1.0, 1.0)
_BLACK: Rgb = (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Slice:
    """One answered slice: values [N, N], their description, and their plane.

    The plane is the answered one, not one that was requested since.
    """

    shown: ShownMap
    frame: SliceFrame
    normal: Vec3
    offset: float


@dataclass(frozen=True)
class Under:
    """What lies under the cursor: world point, and the value there if it is inside the box."""

    point: Vec3
    value: float | None


def draw(
    doc: Document,
    theme: Theme,
    picture: ShownPicture,
    present: Present,
    dispatch: Dispatch,
    piece: Slice,
    view: ChannelView,
    span: ShownRange,
    edge: float,
) -> Under | None:
    """The picture, `edge` logical pixels square, at the cursor.

    Returns what lies under the mouse; a click copies it.
    """
    corner = imgui.get_cursor_screen_pos()
    density = imgui.get_io().display_framebuffer_scale.x
    texture = present(piece.shown, view, span, int(edge * density), SLOT)
    draw_list, end = imgui.get_window_draw_list(), ImVec2(corner.x + edge, corner.y + edge)
    draw_list.add_image(imgui.ImTextureRef(texture), corner, end)
    clicked = imgui.invisible_button("##slice", ImVec2(edge, edge))
    controls.tooltip("Click copies the value and its position; the point is marked in the picture too")
    under = _under(piece, corner, edge) if imgui.is_item_hovered() else None
    draw_list.push_clip_rect(corner, end, True)
    _camera_axis(theme, picture, piece, corner, edge)
    _rays(doc, theme, picture, piece, corner, edge)
    _labels(theme, piece, corner, edge)
    draw_list.pop_clip_rect()
    draw_list.add_rect(corner, end, theme.colour(theme.palette.line))
    if under is not None:
        imgui.set_mouse_cursor(imgui.MouseCursor_.hand)
        if clicked:
            dispatch(CopyText(under_text(piece, under), "value of the slice"))
    return under


def under_text(piece: Slice, under: Under) -> str:
    """ "Signed distance 0.0123 world units at x 0.1000, y -0.0500, z 0.0000"."""
    info = piece.shown.channel
    value = "no value" if under.value is None else f"{fixed(under.value, info.decimals)} {info.unit}".rstrip()
    x, y, z = (fixed(v, 4) for v in under.point)
    return f"{info.title} {value} at x {x}, y {y}, z {z}"


def readout(theme: Theme, piece: Slice, under: Under | None) -> None:
    """Two lines below the slice that keep their place: value with unit, position in the world."""
    info = piece.shown.channel
    if under is None:
        value, where = "Point at the slice", "Click copies the value and its position"
    else:
        value = (
            "outside the box"
            if under.value is None
            else f"{fixed(under.value, info.decimals)} {info.unit}".rstrip()
        )
        where = "  ".join(f"{axis} {v:+.4f}" for axis, v in zip("xyz", under.point, strict=True))
    p = theme.palette
    with controls.font(theme.fonts.mono, BODY_PX * 0.9):
        for text, ink in ((value, p.text if under is not None else p.muted), (where, p.muted)):
            with controls.text_colour(ink):
                controls.wrapped(text)


def _under(piece: Slice, corner: ImVec2, edge: float) -> Under:
    mouse = imgui.get_mouse_pos()
    a, b = 2.0 * (mouse.x - corner.x) / edge - 1.0, 1.0 - 2.0 * (mouse.y - corner.y) / edge
    x, y, z = (float(v) for v in piece.frame.world(np.asarray(a), np.asarray(b)))
    return Under((x, y, z), value_at(piece.shown.values, a, b))


def _screen(corner: ImVec2, edge: float, a: float, b: float) -> ImVec2:
    return ImVec2(corner.x + (0.5 + 0.5 * a) * edge, corner.y + (0.5 - 0.5 * b) * edge)


def _local(piece: Slice, point: object) -> tuple[float, float]:
    a, b = piece.frame.local(np.asarray(point))
    return float(a), float(b)


def _camera_axis(theme: Theme, picture: ShownPicture, piece: Slice, corner: ImVec2, edge: float) -> None:
    """The optical axis seen along the normal, with an arrow the way the camera looks.

    A ring where it goes through the slice.
    """
    draw_list = imgui.get_window_draw_list()
    pose = picture.result.request.camera if picture.result and picture.result.request else None
    if pose is None:
        return
    m, em = pose.world_from_cam(), theme.em
    start, ahead = _local(piece, m[:3, 3]), piece.frame
    step = (float(m[:3, 2] @ ahead.right), float(m[:3, 2] @ ahead.up))
    dark, ink = theme.colour(_BLACK, 0.55), theme.colour(AXIS_INK)
    line = clipped_line(start, step) if math.hypot(*step) > 1e-3 else None
    if line is not None:
        a, b = (_screen(corner, edge, *p) for p in line)
        for weight, colour in ((3.0, dark), (1.4, ink)):
            draw_list.add_line(a, b, colour, weight)
        if math.hypot(*step) > 0.05:
            _arrow(b, step, em, dark, ink)
    x, y, z = (float(v) for v in m[:3, 3])
    dx, dy, dz = (float(v) for v in m[:3, 2])
    met = ray_meets((x, y, z), (dx, dy, dz), piece.normal, piece.offset)
    if met is not None:
        c = _screen(corner, edge, *_local(piece, met))
        for weight, colour in ((3.6, dark), (1.8, ink)):
            draw_list.add_circle(c, 0.32 * em, colour, 24, weight)


def _arrow(tip: ImVec2, step: tuple[float, float], em: float, dark: int, ink: int) -> None:
    length = math.hypot(*step)
    ux, uy = step[0] / length, -step[1] / length
    tip = ImVec2(tip.x - 0.35 * em * ux, tip.y - 0.35 * em * uy)
    for size, colour in ((0.62, dark), (0.5, ink)):
        back = ImVec2(tip.x - size * 1.5 * em * ux, tip.y - size * 1.5 * em * uy)
        side = ImVec2(-uy * size * 0.7 * em, ux * size * 0.7 * em)
        left, right = ImVec2(back.x + side.x, back.y + side.y), ImVec2(back.x - side.x, back.y - side.y)
        imgui.get_window_draw_list().add_triangle_filled(tip, left, right, colour)


def _rays(
    doc: Document, theme: Theme, picture: ShownPicture, piece: Slice, corner: ImVec2, edge: float
) -> None:
    """Where the inspected ray and the pinned ones meet the plane."""
    camera = picture.result.request.camera if picture.result and picture.result.request else None
    if not isinstance(camera, orbit.OrbitPose):
        return
    draw_list, em = imgui.get_window_draw_list(), theme.em
    inks = {mark: PIN_INKS[i] for i, mark in enumerate(doc.rays.pins)}
    for mark in reversed(doc.rays.all):
        ray = ray_of(mark, camera)
        met = None if ray is None else ray_meets(*ray, piece.normal, piece.offset)
        if met is None:
            continue
        c = _screen(corner, edge, *_local(piece, met))
        if mark not in inks:
            for weight, colour in ((3.4, theme.colour(_BLACK, 0.6)), (1.6, theme.colour(_WHITE))):
                for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                    near, far = 0.25 * em, 0.7 * em
                    draw_list.add_line(
                        ImVec2(c.x + dx * near, c.y + dy * near),
                        ImVec2(c.x + dx * far, c.y + dy * far),
                        colour,
                        weight,
                    )
        else:
            draw_list.add_circle_filled(c, 0.3 * em, theme.colour(_BLACK, 0.6), 20)
            draw_list.add_circle_filled(c, 0.22 * em, theme.colour(inks[mark]), 20)


def _labels(theme: Theme, piece: Slice, corner: ImVec2, edge: float) -> None:
    """World axes along the lower and the left edge, where they lie in the plane."""
    em = theme.em
    for vector, at in (
        (piece.frame.right, (edge - 0.35 * em, edge - 0.3 * em)),
        (piece.frame.up, (0.35 * em, 0.3 * em)),
    ):
        strongest = int(np.abs(vector).argmax())
        if abs(float(vector[strongest])) < 0.999:
            text = "(" + ", ".join(fixed(float(v), 2) for v in vector) + ")"
        else:
            text = f"{'+' if vector[strongest] > 0 else '-'}{'xyz'[strongest]}"
        right = vector is piece.frame.right
        text = f"{text} →" if right else f"↑ {text}"
        with controls.font(theme.fonts.mono, BODY_PX * 0.84):
            size = imgui.calc_text_size(text)
            x = corner.x + at[0] - (size.x if right else 0.0)
            y = corner.y + at[1] - (size.y if right else 0.0)
            plate = ImVec2(x - 0.25 * em, y - 0.1 * em), ImVec2(x + size.x + 0.25 * em, y + size.y + 0.1 * em)
            imgui.get_window_draw_list().add_rect_filled(
                *plate, theme.colour(theme.palette.panel, 0.8), 0.2 * em
            )
            imgui.get_window_draw_list().add_text(
                ImVec2(round(x), round(y)), theme.colour(theme.palette.text), text
            )
