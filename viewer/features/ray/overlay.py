"""Pins in the picture: points that stay on the surface while the camera moves, frozen rays as lines, what is measured."""

from __future__ import annotations

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import MatrixCamera, OrbitPose
from viewer.features.ray.measure import distance_text
from viewer.state import orbit
from viewer.state.document import Document
from viewer.state.palette import Rgb
from viewer.state.ray_marks import Pin
from viewer.state.ray_queries import RayQueries
from viewer.state.screen import hidden, line_pieces, project_points
from viewer.widgets import overlays
from viewer.widgets.feature import Layer
from viewer.widgets.overlays import PIN_INKS
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.split import Squares
from viewer.widgets.theme import Theme

REACH = 0.7
"""Of a frozen ray before and behind the pivot, world units, where nothing is known of it yet."""


class PinLayer(Layer):
    """Keeps which pins were hidden in the last exact picture: while the view moves there is no depth of it."""

    def __init__(self) -> None:
        self._hidden: dict[Pin, bool] = {}

    def over(
        self, doc: Document, theme: Theme, picture: ShownPicture, rays: RayQueries, where: Squares
    ) -> Document:
        """Draws the pins over every picture that is shown."""
        pins, result = doc.rays.pins, picture.result
        if not pins or result is None or result.request is None:
            return doc
        camera, base = result.request.camera, picture.frames.base
        exact = base is not None and base.camera == camera
        depth = picture.frames.arrays.get("depth") if exact else None
        if depth is not None:
            self._hidden = {p: _is_hidden(p, camera, depth) for p in pins}
        if not isinstance(camera, OrbitPose):
            return doc
        draw = imgui.get_window_draw_list()
        for origin in where.tiles:
            end = ImVec2(origin.x + where.edge, origin.y + where.edge)
            draw.push_clip_rect(origin, end, True)
            self._measured(doc, theme, camera, depth, origin, where.edge)
            for index, pin in enumerate(pins):
                ink = PIN_INKS[index]
                if pin.is_ray:
                    self._ray(theme, camera, depth, rays, pin, origin, where.edge, ink)
                mark = _mark(pin, camera)
                if mark is not None:
                    faint, chosen = self._hidden.get(pin, False), pin == doc.rays.selected
                    overlays.ray_pin(
                        theme, origin, where.edge, mark, str(index + 1), ink, faint=faint, chosen=chosen
                    )
            draw.pop_clip_rect()
        return doc

    def _ray(
        self,
        theme: Theme,
        camera: OrbitPose,
        depth: np.ndarray | None,
        rays: RayQueries,
        pin: Pin,
        origin: ImVec2,
        edge: float,
        ink: Rgb,
    ) -> None:
        """The stretch of a frozen ray that lies in the scene; faint where the head hides it."""
        start, direction = (np.asarray(v) for v in orbit.ray(pin.camera, *pin.mark))
        report = rays.report(pin)
        near, far = pin.camera.distance - REACH, pin.camera.distance + REACH
        if report is not None and report.hit_box:
            near, far = report.near, report.far
        for piece in line_pieces(camera, start + near * direction, start + far * direction, depth):
            a, b = (ImVec2(origin.x + p[0] * edge, origin.y + p[1] * edge) for p in (piece.a, piece.b))
            imgui.get_window_draw_list().add_line(
                a, b, theme.colour(ink, 0.3 if piece.hidden else 0.95), 1.6 * theme.scale
            )

    def _measured(
        self,
        doc: Document,
        theme: Theme,
        camera: OrbitPose,
        depth: np.ndarray | None,
        origin: ImVec2,
        edge: float,
    ) -> None:
        pair = doc.rays.measured
        if pair is None or pair[0].point is None or pair[1].point is None:
            return
        draw = imgui.get_window_draw_list()
        ends = np.asarray(pair[0].point), np.asarray(pair[1].point)
        for piece in line_pieces(camera, *ends, depth):
            a, b = (ImVec2(origin.x + p[0] * edge, origin.y + p[1] * edge) for p in (piece.a, piece.b))
            alpha = 0.4 if piece.hidden else 1.0
            draw.add_line(a, b, theme.colour((0.0, 0.0, 0.0), 0.5 * alpha), 3.4 * theme.scale)
            draw.add_line(a, b, theme.colour((1.0, 1.0, 1.0), alpha), 1.5 * theme.scale)
        found = project_points(camera, np.stack(ends))
        if found.ahead.all():
            # below the lower end: on the line it would lie over the pins' numbers where they are near to each other
            u, v = 0.5 * (found.uv[0, 0] + found.uv[1, 0]), max(found.uv[0, 1], found.uv[1, 1])
            text = distance_text(*pair)
            at = ImVec2(origin.x + float(u) * edge, origin.y + float(v) * edge + 0.9 * theme.em)
            overlays.badge(theme, at, [(text, True)], centred=True)


def _mark(pin: Pin, camera: OrbitPose) -> tuple[float, float] | None:
    """Where the disc of a pin stands: its point; a frozen ray without one has it at the pivot's distance."""
    point = pin.point
    if point is None:
        point = orbit.surface_point(pin.camera, *pin.mark, pin.camera.distance)
    found = project_points(camera, np.asarray([point]))
    u, v = (float(x) for x in found.uv[0])
    return (u, v) if found.ahead[0] and 0.0 <= u < 1.0 and 0.0 <= v < 1.0 else None


def _is_hidden(pin: Pin, camera: OrbitPose | MatrixCamera, depth: np.ndarray) -> bool:
    return pin.point is not None and bool(
        hidden(project_points(camera, np.asarray([pin.point])), depth, slack=0.02)[0]
    )
