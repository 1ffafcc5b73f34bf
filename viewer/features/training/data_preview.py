"""What a data set looks like: sixteen pictures, and their cameras around the box that is trained."""

from __future__ import annotations

import math

import numpy as np
from imgui_bundle import ImVec2, imgui

from viewer.gl.texture import Texture
from viewer.jobs.data_preview import COUNT, EDGE, DataPreview
from viewer.widgets import controls
from viewer.widgets.theme import Theme

SIDE = 4
NARROW_EM = 22.0
"""In less room the cameras stand below the pictures."""
_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
_EDGES = [(i, j) for i in range(8) for j in range(i + 1, 8) if bin(i ^ j).count("1") == 1]
FRUSTUM = 0.16
"""Length of a drawn camera's pyramid, as a share of the cameras' distance."""


class DataPreviewDrawing:
    """yaw, pitch: from where the cameras are looked at, radians; a drag turns them."""

    def __init__(self) -> None:
        self.yaw, self.pitch = 0.6, 0.35
        self._texture: Texture | None = None
        self._of: DataPreview | None = None
        self._hovered = -1

    def draw(self, theme: Theme, found: DataPreview, box: float) -> None:
        """box: edge of the trained cube, world units."""
        if found is not self._of:
            self._of, self._hovered = found, -1
            self._texture = self._texture or Texture()
            self._texture.upload(_sheet(found.tiles))
        em, room = theme.em, imgui.get_content_region_avail().x
        narrow = room < NARROW_EM * em
        edge = min(room, 20 * em) if narrow else min(0.5 * (room - 0.8 * em), 18 * em)
        hovered = self._pictures(theme, found, edge)
        if not narrow:
            imgui.same_line(0.0, 0.8 * em)
        self._cameras(theme, found, ImVec2(edge if narrow else room - edge - 0.8 * em, edge), box)
        self._hovered = hovered

    def _pictures(self, theme: Theme, found: DataPreview, edge: float) -> int:
        """The sheet; returns the number of the picture under the cursor, −1 for none."""
        assert self._texture is not None
        corner = imgui.get_cursor_screen_pos()
        imgui.image(imgui.ImTextureRef(self._texture.handle), ImVec2(edge, edge))
        if not imgui.is_item_hovered():
            return -1
        mouse = imgui.get_mouse_pos()
        column, row = int(SIDE * (mouse.x - corner.x) / edge), int(SIDE * (mouse.y - corner.y) / edge)
        place = min(max(row, 0), SIDE - 1) * SIDE + min(max(column, 0), SIDE - 1)
        if place >= len(found.names):
            return -1
        step = edge / SIDE
        low = ImVec2(corner.x + column * step, corner.y + row * step)
        imgui.get_window_draw_list().add_rect(
            low, ImVec2(low.x + step, low.y + step), theme.colour(theme.palette.accent), 0.0, 2.0
        )
        about = "\nIts camera is drawn in the accent colour" if found.of_pictures else ""
        controls.tooltip(found.names[place] + about)
        return place

    def _cameras(self, theme: Theme, found: DataPreview, size: ImVec2, box: float) -> None:
        corner = imgui.get_cursor_screen_pos()
        imgui.invisible_button("##data-cameras", size)
        if imgui.is_item_active():
            moved = imgui.get_io().mouse_delta
            self.yaw -= 0.01 * moved.x
            self.pitch = min(max(self.pitch + 0.01 * moved.y, -1.5), 1.5)
        p, draw = theme.palette, imgui.get_window_draw_list()
        end = ImVec2(corner.x + size.x, corner.y + size.y)
        draw.add_rect_filled(corner, end, theme.colour(p.field, 0.6), 0.3 * theme.em)
        if not len(found.cameras):
            controls.tooltip("The labels of the set would be drawn here")
            words = "no cameras: each image is taken to be seen from a likely one"
            with controls.font(theme.fonts.body, theme.small()):
                wide = size.x - 1.6 * theme.em
                high = imgui.calc_text_size(words, wrap_width=wide).y
                at = ImVec2(corner.x + 0.8 * theme.em, corner.y + 0.5 * (size.y - high))
                draw.add_text(
                    imgui.get_font(), imgui.get_font_size(), at, theme.colour(p.muted), words, wrap_width=wide
                )
            return
        imgui.push_clip_rect(corner, end, True)
        self._scene(theme, found, corner, size, box)
        imgui.pop_clip_rect()
        controls.tooltip(
            f"{len(found.cameras)} cameras around the box of {box:g} world units that is trained; drag turns them. "
            "x is drawn red, y green, z (towards the front view) blue"
        )

    def _scene(self, theme: Theme, found: DataPreview, corner: ImVec2, size: ImVec2, box: float) -> None:
        p, draw, em = theme.palette, imgui.get_window_draw_list(), theme.em
        eyes = found.cameras[:, :3, 3]
        reach = max(float(np.quantile(np.linalg.norm(eyes, axis=1), 0.98)), 0.9 * box, 1e-6)
        # a sphere about box and cameras stands still while it is turned
        centre = 0.5 * eyes.mean(axis=0)
        around = np.linalg.norm(np.vstack([eyes, box * _CORNERS]) - centre, axis=1)
        scale = 0.47 * min(size.x, size.y) / max(float(np.quantile(around, 0.98)), 1e-6)
        turn = _turn(self.yaw, self.pitch)

        def at(points: np.ndarray) -> list[ImVec2]:
            seen = (points - centre) @ turn.T
            middle = (corner.x + 0.5 * size.x, corner.y + 0.5 * size.y)
            return [ImVec2(middle[0] + scale * x, middle[1] - scale * y) for x, y, _ in seen]

        box_at = at(_CORNERS * box)
        for i, j in _EDGES:
            draw.add_line(box_at[i], box_at[j], theme.colour(p.muted, 0.8), 1.0)
        axes = at(np.vstack([np.zeros(3), 0.75 * box * np.eye(3)]))
        for tip, ink in zip(axes[1:], (p.bad, p.good, p.accent), strict=True):
            draw.add_line(axes[0], tip, theme.colour(ink), 1.6)
        front = len(found.names) if found.of_pictures else 0
        for point in at(eyes[front:]):
            draw.add_circle_filled(point, max(0.09 * em, 1.2), theme.colour(p.muted, 0.7), 6)
        for number in range(front):
            ink = p.accent if number == self._hovered else p.text
            weight = 1.8 if number == self._hovered else 1.0
            points = at(_pyramid(found.cameras[number], float(found.fovs[number]), FRUSTUM * reach))
            for i, j in ((0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4), (4, 1)):
                draw.add_line(points[i], points[j], theme.colour(ink, 0.9), weight)


def _sheet(tiles: np.ndarray) -> np.ndarray:
    """[N, EDGE, EDGE, 3] uint8 → one picture [SIDE·EDGE, SIDE·EDGE, 4] float32 in [0, 1], clear where there is none."""
    sheet = np.zeros((COUNT, EDGE, EDGE, 4), np.float32)
    sheet[: len(tiles), ..., :3] = tiles / 255.0
    sheet[: len(tiles), ..., 3] = 1.0
    rows = sheet.reshape(SIDE, SIDE, EDGE, EDGE, 4).swapaxes(1, 2)
    return rows.reshape(SIDE * EDGE, SIDE * EDGE, 4)


def _turn(yaw: float, pitch: float) -> np.ndarray:
    """Rotation [3, 3] from world (x right, y up) to the picture plane of the little view."""
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    about_y = np.array([[cy, 0.0, -sy], [0.0, 1.0, 0.0], [sy, 0.0, cy]])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cp, -sp], [0.0, sp, cp]])
    return about_x @ about_y


def _pyramid(world_from_cam: np.ndarray, fov: float, length: float) -> np.ndarray:
    """Eye and the four corners of what an OpenCV camera sees at `length` world units: [5, 3]."""
    half = length * math.tan(0.5 * fov)
    corners = [[x * half, y * half, length] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    local = np.array([[0.0, 0.0, 0.0], *corners])
    return local @ world_from_cam[:3, :3].T + world_from_cam[:3, 3]
