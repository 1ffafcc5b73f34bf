"""The photograph with its crop square, the five points and the camera drawn over it; points and square are dragged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.portrait import Convention, Crop
from viewer.features.inversion.alignment import NAMES, Alignment, FoundFace, face_in
from viewer.gl.texture import Texture
from viewer.widgets import controls, press
from viewer.widgets.theme import Theme

MARGIN = 0.06
"""Room around photograph and square, share of the larger edge."""
_WHITE, _BLACK, _POINT = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, 0.85, 0.35)
_LINES = ((0, 2), (1, 2), (0, 1), (3, 4), (0, 3), (1, 4), (2, 3), (2, 4))
"""Between the points of the face, as the camera sees it."""


@dataclass(frozen=True)
class _Frame:
    """Photograph to screen: screen = corner + scale · photograph."""

    corner: ImVec2
    scale: float

    def at(self, x: float, y: float) -> ImVec2:
        return ImVec2(self.corner.x + self.scale * x, self.corner.y + self.scale * y)


class PhotoStage:
    """Keeps the texture, and the frame in which a drag began, so that nothing slides under the hand.

    close_up: the square fills the room instead of the photograph. picked: number of another face that was clicked in this frame.
    """

    def __init__(self) -> None:
        self._texture: Texture | None = None
        self._shown: np.ndarray | None = None
        self._view: tuple[float, float, float, float] | None = None
        self.held = False
        self.close_up = False
        self.picked: int | None = None

    def draw(
        self,
        theme: Theme,
        pixels: np.ndarray,
        alignment: Alignment,
        convention: Convention,
        others: Mapping[int, FoundFace],
        room: ImVec2,
    ) -> Alignment:
        """Into `room` pixels at the cursor. pixels [h, w, 3] float32; convention: the checkpoint's; others: faces by number
        that may be taken instead.
        """
        controls.begin_child("##stage", room)
        moved = self._draw(theme, pixels, alignment, convention, others, room)
        imgui.end_child()
        return moved

    def _draw(
        self,
        theme: Theme,
        pixels: np.ndarray,
        alignment: Alignment,
        convention: Convention,
        others: Mapping[int, FoundFace],
        room: ImVec2,
    ) -> Alignment:
        corner = imgui.get_cursor_screen_pos()
        end = ImVec2(corner.x + room.x, corner.y + room.y)
        frame = self._frame(alignment, corner, room)
        draw = imgui.get_window_draw_list()
        draw.add_rect_filled(
            corner, end, theme.colour(theme.palette.canvas), imgui.get_style().frame_rounding
        )
        self._photo(pixels)
        assert self._texture is not None
        width, height = alignment.size
        draw.add_image(imgui.ImTextureRef(self._texture.handle), frame.at(0, 0), frame.at(width, height))
        self._shade(theme, frame, alignment, corner, end)
        self._face(theme, frame, alignment, convention)
        return self._hands(theme, frame, alignment, convention, others)

    def _photo(self, pixels: np.ndarray) -> None:
        if self._shown is not pixels:
            self._texture = self._texture or Texture()
            self._texture.upload(pixels)
            self._shown = pixels

    def _frame(self, alignment: Alignment, corner: ImVec2, room: ImVec2) -> _Frame:
        """The photograph and its square fill the room, or the square alone; while something is dragged the frame stays."""
        crop, (width, height) = alignment.crop, alignment.size
        if (self._view is None or not self.held) and self.close_up:
            self._view = (crop.left, crop.top, crop.edge, crop.edge)
        elif self._view is None or not self.held:
            low = (min(0.0, crop.left), min(0.0, crop.top))
            high = (max(float(width), crop.left + crop.edge), max(float(height), crop.top + crop.edge))
            self._view = (*low, high[0] - low[0], high[1] - low[1])
        left, top, wide, high_ = self._view
        scale = min(room.x / wide, room.y / high_) * (1.0 - MARGIN)
        return _Frame(
            ImVec2(
                round(corner.x + 0.5 * (room.x - scale * wide) - scale * left),
                round(corner.y + 0.5 * (room.y - scale * high_) - scale * top),
            ),
            scale,
        )

    def _shade(self, theme: Theme, frame: _Frame, alignment: Alignment, low: ImVec2, high: ImVec2) -> None:
        """What the crop leaves out is dimmed."""
        a, b = (ImVec2(round(p.x), round(p.y)) for p in _square(frame, alignment.crop))
        draw, ink = imgui.get_window_draw_list(), theme.colour(_BLACK, 0.5)
        photo = tuple(ImVec2(round(p.x), round(p.y)) for p in (frame.at(0, 0), frame.at(*alignment.size)))
        x0, y0 = max(low.x, photo[0].x), max(low.y, photo[0].y)
        x1, y1 = min(high.x, photo[1].x), min(high.y, photo[1].y)
        left, right = min(max(a.x, x0), x1), max(min(b.x, x1), x0)
        top, bottom = min(max(a.y, y0), y1), max(min(b.y, y1), y0)
        for box in (
            (x0, y0, x1, top),
            (x0, bottom, x1, y1),
            (x0, top, left, bottom),
            (right, top, x1, bottom),
        ):
            if box[2] > box[0] and box[3] > box[1]:
                draw.add_rect_filled(ImVec2(box[0], box[1]), ImVec2(box[2], box[3]), ink)
        draw.add_rect(ImVec2(a.x - 1, a.y - 1), ImVec2(b.x + 1, b.y + 1), theme.colour(_BLACK, 0.7), 0.0, 3.0)
        draw.add_rect(a, b, theme.colour(_WHITE, 0.95), 0.0, 1.5)

    def _face(self, theme: Theme, frame: _Frame, alignment: Alignment, convention: Convention) -> None:
        """A generic face as the camera sees it: it says what yaw, pitch, roll and distance mean in this photograph."""
        seen = [frame.at(x, y) for x, y in face_in(alignment.pose, alignment.crop, convention)]
        draw = imgui.get_window_draw_list()
        for weight, ink in ((3.0, theme.colour(_BLACK, 0.35)), (1.3, theme.colour(_WHITE, 0.75))):
            for i, k in _LINES:
                draw.add_line(seen[i], seen[k], ink, weight)

    def _hands(
        self,
        theme: Theme,
        frame: _Frame,
        alignment: Alignment,
        convention: Convention,
        others: Mapping[int, FoundFace],
    ) -> Alignment:
        """Points first, then the corners, other faces, the square: what lies on top is taken."""
        before, held = alignment, False
        for index, (x, y) in enumerate(before.points):
            move, active = self._disc(
                theme, frame.at(x, y), f"##point-{index}", 0.5, _POINT, f"The {NAMES[index]}: drag it there"
            )
            held |= active
            if move != (0.0, 0.0):
                alignment = alignment.with_point(
                    index, (x + move[0] / frame.scale, y + move[1] / frame.scale), convention
                )
        a, b = _square(frame, before.crop)
        corners = (a, ImVec2(b.x, a.y), ImVec2(a.x, b.y), b)
        for index, at in enumerate(corners):
            move, active = self._disc(
                theme, at, f"##crop-{index}", 0.42, _WHITE, "Drag the corner: the square that is compared"
            )
            held |= active
            if move != (0.0, 0.0):
                alignment = alignment.with_corner(index, move[0] / frame.scale, move[1] / frame.scale)
        self.picked = next((n for n, face in others.items() if self._other(theme, frame, n, face)), None)
        move, active = self._move(a, b)
        if move != (0.0, 0.0):
            crop = before.crop
            alignment = alignment.with_crop(
                crop.left + move[0] / frame.scale, crop.top + move[1] / frame.scale, crop.edge
            )
        self.held = held or active
        return alignment

    def _disc(
        self,
        theme: Theme,
        at: ImVec2,
        ident: str,
        radius_em: float,
        ink: tuple[float, float, float],
        tip: str,
    ) -> tuple[tuple[float, float], bool]:
        """(how far it was dragged in this frame, whether it is held)."""
        radius = radius_em * theme.em
        imgui.set_cursor_screen_pos(ImVec2(at.x - radius, at.y - radius))
        press.disc(ident, radius)
        held = imgui.is_item_active()
        hot = imgui.is_item_hovered() or held
        if not held:
            controls.tooltip(tip)
        draw = imgui.get_window_draw_list()
        size = radius * (0.62 if hot else 0.5)
        draw.add_circle_filled(at, size + 1.5, theme.colour(_BLACK, 0.75), 24)
        draw.add_circle_filled(at, size, theme.colour(ink), 24)
        if hot:
            imgui.set_mouse_cursor(imgui.MouseCursor_.resize_all)
        return self._moved(held), held

    def _other(self, theme: Theme, frame: _Frame, number: int, face: FoundFace) -> bool:
        """The box of another face; True where it was clicked."""
        left, top, right, bottom = face.box
        a, b = frame.at(left, top), frame.at(right, bottom)
        imgui.set_cursor_screen_pos(a)
        clicked = imgui.invisible_button(f"##face-{number}", ImVec2(max(b.x - a.x, 4.0), max(b.y - a.y, 4.0)))
        hovered = imgui.is_item_hovered()
        controls.tooltip("Take this face instead")
        draw = imgui.get_window_draw_list()
        draw.add_rect(a, b, theme.colour(_BLACK, 0.6), 0.2 * theme.em, 3.5)
        draw.add_rect(a, b, theme.colour(_POINT if hovered else _WHITE, 0.9), 0.2 * theme.em, 1.5)
        return clicked

    def _move(self, a: ImVec2, b: ImVec2) -> tuple[tuple[float, float], bool]:
        imgui.set_cursor_screen_pos(a)
        imgui.invisible_button("##crop-move", ImVec2(max(b.x - a.x, 1.0), max(b.y - a.y, 1.0)))
        held = imgui.is_item_active()
        if not held:
            controls.tooltip("Drag the square over the face")
        return self._moved(held), held

    def _moved(self, held: bool) -> tuple[float, float]:
        move = imgui.get_io().mouse_delta
        return (move.x, move.y) if held or imgui.is_item_deactivated() else (0.0, 0.0)

    def close(self) -> None:
        """Frees the texture."""
        if self._texture is not None:
            self._texture.delete()
        self._texture = self._shown = None


def _square(frame: _Frame, crop: Crop) -> tuple[ImVec2, ImVec2]:
    return frame.at(crop.left, crop.top), frame.at(crop.left + crop.edge, crop.top + crop.edge)
