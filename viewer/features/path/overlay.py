"""The path's cameras in the picture: they are chosen and dragged there."""

from __future__ import annotations

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import OrbitPose
from core_model.schema.camera_path import CameraPath
from viewer.features.path import cameras, edits
from viewer.features.path.panel import PathPanel
from viewer.state.document import Document
from viewer.state.screen import project_points
from viewer.widgets import controls, overlays
from viewer.widgets.feature import FEATURES, Feature, Layer
from viewer.widgets.press import SLACK_PX
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.split import Squares
from viewer.widgets.theme import Theme

_EDGES = ((0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4), (4, 1))


class PathLayer(Layer):
    """Shares the chosen key with the panel; keeps the curve of the path that is shown."""

    def __init__(self, panel: PathPanel) -> None:
        self._panel = panel
        self._curve: tuple[CameraPath, np.ndarray] | None = None

    def over(self, doc: Document, theme: Theme, picture: ShownPicture, where: Squares) -> Document:
        """Draws curve and cameras over the first picture, while the panel says so and the path rests."""
        panel, result = self._panel, picture.result
        if not (panel.cameras and doc.path.keys) or panel.playing or result is None or result.request is None:
            return doc
        seen = result.request.camera
        if not isinstance(seen, OrbitPose):
            return doc
        draw, origin, edge = imgui.get_window_draw_list(), where.a, where.edge
        draw.push_clip_rect(origin, ImVec2(origin.x + edge, origin.y + edge), True)
        self._way(theme, doc.path, seen, origin, edge)
        for index, key in enumerate(doc.path.keys):
            doc = self._camera(doc, theme, index, key.pose, seen, origin, edge)
        draw.pop_clip_rect()
        return doc

    def _way(self, theme: Theme, path: CameraPath, seen: OrbitPose, origin: ImVec2, edge: float) -> None:
        if self._curve is None or self._curve[0] != path:
            self._curve = (path, cameras.curve_of(path))
        found = project_points(seen, self._curve[1])
        points = [ImVec2(origin.x + u * edge, origin.y + v * edge) for u, v in found.uv.tolist()]
        ink = theme.colour(theme.palette.accent, 0.7)
        for i in range(len(points) - 1):
            if found.ahead[i] and found.ahead[i + 1]:
                imgui.get_window_draw_list().add_line(points[i], points[i + 1], ink, 1.6 * theme.scale)

    def _camera(
        self,
        doc: Document,
        theme: Theme,
        index: int,
        pose: OrbitPose,
        seen: OrbitPose,
        origin: ImVec2,
        edge: float,
    ) -> Document:
        found = project_points(seen, cameras.glyph_of(pose))
        # the camera that one looks through, and those behind
        if not found.ahead.all() or float(found.distance[0]) < 0.2 * pose.distance:
            return doc
        points = [ImVec2(origin.x + u * edge, origin.y + v * edge) for u, v in found.uv.tolist()]
        eye, grip = points[0], 0.7 * theme.em
        inside = 0 <= eye.x - origin.x <= edge and 0 <= eye.y - origin.y <= edge
        over = False
        if inside:
            imgui.set_cursor_screen_pos(ImVec2(eye.x - grip, eye.y - grip))
            imgui.invisible_button(f"##path-camera-{index}", ImVec2(2 * grip, 2 * grip))
            over = imgui.is_item_hovered() or imgui.is_item_active()
            if not imgui.is_item_active():
                controls.tooltip(f"Camera of key {index + 1}: drag it on its sphere, click to choose it")
            if imgui.is_item_activated():
                self._panel.choose(doc.path, index)
            if imgui.is_item_active() and imgui.is_mouse_dragging(0, SLACK_PX):
                mouse = imgui.get_io().mouse_pos
                to = cameras.dragged(pose, seen, (mouse.x - origin.x) / edge, (mouse.y - origin.y) / edge)
                doc = doc.replace(path=edits.updated(doc.path, index, to, doc.path.keys[index].latent))
        p, chosen = theme.palette, index == self._panel.chosen
        ink = theme.colour(p.accent if chosen else p.text, 1.0 if chosen or over else 0.75)
        draw = imgui.get_window_draw_list()
        for a, b in _EDGES:
            draw.add_line(points[a], points[b], theme.colour((0.0, 0.0, 0.0), 0.45), 3.2 * theme.scale)
        for a, b in _EDGES:
            draw.add_line(points[a], points[b], ink, (2.0 if chosen or over else 1.4) * theme.scale)
        draw.add_circle_filled(eye, 0.26 * theme.em, ink, 16)
        disc = ImVec2(eye.x + 0.8 * theme.em, eye.y - 0.8 * theme.em)
        overlays.numbered(theme, disc, str(index + 1), p.accent if chosen else p.text)
        return doc


def _path() -> Feature:
    panel = PathPanel()
    return Feature(panel, PathLayer(panel))


FEATURES.add("path", _path)
