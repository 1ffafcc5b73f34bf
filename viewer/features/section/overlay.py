"""The cutting plane over the picture.

Its outline in the box, and on its border a handle that drags it along its normal. The handle is not in the
plane's middle: that is the middle of the picture, where drags that turn the camera begin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import MatrixCamera, OrbitPose, Vec3
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.question_planes import box_section, offset_reach, slice_frame
from viewer.state.document import Document
from viewer.state.palette import Rgb
from viewer.state.screen import hidden, line_pieces, project_points
from viewer.state.section import dragged_offset
from viewer.widgets import controls, press
from viewer.widgets.feature import Layer
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.split import Squares
from viewer.widgets.theme import Theme

INK: Rgb = (0.98, 0.76, 0.25)
_BLACK: Rgb = (0.0, 0.0, 0.0)
CUT_SLACK = 0.02
"""The cut lies on the surface itself: depth is known no better than this there, world units."""
EDGE, FAR = 0.06, 0.3
"""In picture widths: how near to the picture's border the handle may come, and how far from the middle is far
enough."""
ARM = 0.16
"""Length of the arrows beside the handle, in half boxes."""


@dataclass
class SectionLink:
    """What the panel and the picture share while the mouse moves, outside the document and its undo.

    frame: number of the GUI frame in which the panel last drew itself.
    slice_point: world point under the cursor on the slice.
    cut: segments [M, 2, 3] in the world where the slice meets the surface.
    answered: whether the panel shows what it asked for, not an earlier answer.
    handle: place of the section's handle [3] from the plane's middle; it stays while handle_held, whatever
        the picture shows.
    """

    frame: int = -9
    slice_point: Vec3 | None = None
    cut: np.ndarray = field(default_factory=lambda: np.zeros((0, 2, 3)))
    answered: bool = False
    handle: np.ndarray = field(default_factory=lambda: np.zeros(3))
    handle_held: bool = False

    @property
    def in_sight(self) -> bool:
        """Whether the panel was drawn in this GUI frame or the one before."""
        return imgui.get_frame_count() - self.frame <= 1


class SectionLayer(Layer):
    """Outline, cut and handle, while the panel is in sight and wants them."""

    def __init__(self, link: SectionLink) -> None:
        self._link = link

    def over(
        self, doc: Document, theme: Theme, info: CheckpointInfo | None, picture: ShownPicture, where: Squares
    ) -> Document:
        """Draws in the square of A."""
        result, origin, edge = picture.result, where.a, where.edge
        if not doc.section.outline or not self._link.in_sight:
            return doc
        if info is None or result is None or result.request is None:
            return doc
        camera, box, normal = result.request.camera, info.header.conventions.box, doc.section.direction
        polygon = box_section(normal, doc.section.offset, box)
        draw_list = imgui.get_window_draw_list()
        draw_list.push_clip_rect(origin, ImVec2(origin.x + edge, origin.y + edge), True)
        depth = picture.frames.arrays.get("depth")
        if len(polygon) >= 3:
            _outline(theme, camera, polygon, depth, origin, edge)
        _cut(theme, camera, self._link.cut, depth, origin, edge)
        if self._link.slice_point is not None:
            _point(theme, camera, self._link.slice_point, origin, edge)
        draw_list.pop_clip_rect()
        link = self._link
        if not link.handle_held:
            link.handle = handle_place(camera, polygon, normal, doc.section.offset, box)
        held, link.handle_held = link.handle_held, False
        at = np.asarray(normal) * doc.section.offset + link.handle
        return _handle(doc, theme, link, camera, at, np.asarray(normal), box, origin, edge, held)


def handle_place(
    camera: OrbitPose | MatrixCamera, polygon: np.ndarray, normal: Vec3, offset: float, box: float
) -> np.ndarray:
    """Where the handle is [3], from the plane's middle.

    On the way to the left side of `polygon` [K, 3] (left as the slice is drawn; else up, to the right or
    down) as far out as the picture shows it. The middle itself where the plane misses the box.
    """
    best, reach = np.zeros(3), 0.0
    if len(polygon) < 3:
        return best
    frame, sides = slice_frame(normal, offset, box), 0.5 * (polygon + np.roll(polygon, -1, axis=0))
    right, up = frame.local(sides)
    for away in (-right, up, right, -up):  # marks and banners are least in the way at the left
        path = np.linspace(0.0, 1.0, 97)[:, None] * (sides[int(np.argmax(away))] - frame.middle)
        seen = project_points(camera, frame.middle + path)
        out = np.abs(seen.uv - 0.5).max(axis=-1)
        inside = np.flatnonzero(seen.ahead & (out < 0.5 - EDGE))
        if len(inside) and out[inside[-1]] > reach:
            best, reach = path[inside[-1]], float(out[inside[-1]])
        if reach > FAR:
            break
    return best


def _outline(
    theme: Theme,
    camera: OrbitPose | MatrixCamera,
    polygon: np.ndarray,
    depth: np.ndarray | None,
    origin: ImVec2,
    edge: float,
) -> None:
    draw_list = imgui.get_window_draw_list()
    on_screen = project_points(camera, polygon)
    if on_screen.ahead.all():
        corners = [ImVec2(origin.x + edge * float(u), origin.y + edge * float(v)) for u, v in on_screen.uv]
        draw_list.add_convex_poly_filled(corners, theme.colour(INK, 0.05))  # pyright: ignore[reportArgumentType]
    for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        for piece in line_pieces(camera, start, end, depth):
            a, b = (ImVec2(origin.x + edge * u, origin.y + edge * v) for u, v in (piece.a, piece.b))
            if not piece.hidden:
                draw_list.add_line(a, b, theme.colour(_BLACK, 0.5), 3.4)
            draw_list.add_line(a, b, theme.colour(INK, 0.3 if piece.hidden else 1.0), 1.6)


def _cut(
    theme: Theme,
    camera: OrbitPose | MatrixCamera,
    cut: np.ndarray,
    depth: np.ndarray | None,
    origin: ImVec2,
    edge: float,
) -> None:
    """The line in which the plane cuts the surface; faint where the picture hides it."""
    if not len(cut):
        return
    seen = project_points(camera, cut.reshape(-1, 3))
    uv, ahead = seen.uv.reshape(-1, 2, 2), seen.ahead.reshape(-1, 2).all(axis=1)
    behind = hidden(seen, depth, CUT_SLACK).reshape(-1, 2).any(axis=1)
    draw_list = imgui.get_window_draw_list()
    for want_hidden, weight, ink in (
        (True, 1.2, theme.colour(INK, 0.28)), (False, 3.2, theme.colour(_BLACK, 0.5)), (False, 1.6, theme.colour(INK)),
    ):  # fmt: skip
        for (u0, v0), (u1, v1) in uv[ahead & (behind == want_hidden)].tolist():
            a, b = (
                ImVec2(origin.x + edge * u0, origin.y + edge * v0),
                ImVec2(origin.x + edge * u1, origin.y + edge * v1),
            )
            draw_list.add_line(a, b, ink, weight)


def _point(theme: Theme, camera: OrbitPose | MatrixCamera, point: Vec3, origin: ImVec2, edge: float) -> None:
    """Where the cursor on the slice lies in the picture."""
    on_screen = project_points(camera, np.asarray([point]))
    if not on_screen.ahead[0]:
        return
    c = ImVec2(origin.x + edge * float(on_screen.uv[0, 0]), origin.y + edge * float(on_screen.uv[0, 1]))
    em, draw_list = theme.em, imgui.get_window_draw_list()
    for weight, ink in ((3.6, theme.colour(_BLACK, 0.6)), (1.8, theme.colour(INK))):
        draw_list.add_circle(c, 0.34 * em, ink, 20, weight)


def _handle(
    doc: Document, theme: Theme, link: SectionLink, camera: OrbitPose | MatrixCamera, centre: np.ndarray, normal: np.ndarray, box: float,
    origin: ImVec2, edge: float, held: bool,
) -> Document:  # fmt: skip
    """A disc at `centre` with arrows along the normal; a drag that begins on it moves the plane.

    held: it was in the frame before.
    """
    em, draw_list = theme.em, imgui.get_window_draw_list()
    arm, right = ARM * box, camera.world_from_cam()[:3, 0]
    seen = project_points(
        camera, np.stack([centre, centre + arm * normal, centre - arm * normal, centre + arm * right])
    )
    if not seen.ahead.all():
        return doc
    at, forth, back, across = (
        ImVec2(origin.x + edge * float(u), origin.y + edge * float(v)) for u, v in seen.uv
    )
    if not held and not (origin.x <= at.x <= origin.x + edge and origin.y <= at.y <= origin.y + edge):
        return doc
    radius = 0.62 * em
    imgui.set_cursor_screen_pos(ImVec2(at.x - radius, at.y - radius))
    press.disc("##section-handle", radius)
    held = link.handle_held = imgui.is_item_active()
    hot = imgui.is_item_hovered() or held
    if not held:
        controls.tooltip("Drag the plane along its normal")
    ink, dark = theme.colour((1.0, 0.9, 0.6) if hot else INK), theme.colour(_BLACK, 0.6)
    for end in (forth, back):
        if math.hypot(end.x - at.x, end.y - at.y) > radius:
            draw_list.add_line(at, end, dark, 4.2)
            draw_list.add_line(at, end, ink, 2.2)
            _head(at, end, em, ink)
    draw_list.add_circle_filled(at, radius + 1.5, dark, 28)
    draw_list.add_circle_filled(at, radius, ink, 28)
    draw_list.add_circle_filled(at, 0.3 * radius, theme.colour(_BLACK, 0.75), 16)
    if hot:
        imgui.set_mouse_cursor(imgui.MouseCursor_.resize_all)
    move = imgui.get_io().mouse_delta
    if not (held or imgui.is_item_deactivated()) or not (move.x or move.y):
        return doc
    along = ((forth.x - at.x) / arm, (forth.y - at.y) / arm)
    view = doc.section
    offset = dragged_offset(
        view.offset,
        (move.x, move.y),
        along,
        math.hypot(across.x - at.x, across.y - at.y) / arm,
        offset_reach(view.direction, box),
    )
    return doc if offset == view.offset else doc.replace(section=view.replace(offset=offset))


def _head(at: ImVec2, end: ImVec2, em: float, ink: int) -> None:
    length = math.hypot(end.x - at.x, end.y - at.y)
    ux, uy = (end.x - at.x) / length, (end.y - at.y) / length
    tip = ImVec2(end.x + 0.45 * em * ux, end.y + 0.45 * em * uy)
    side = ImVec2(-0.32 * em * uy, 0.32 * em * ux)
    imgui.get_window_draw_list().add_triangle_filled(
        tip, ImVec2(end.x + side.x, end.y + side.y), ImVec2(end.x - side.x, end.y - side.y), ink
    )
