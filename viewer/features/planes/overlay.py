"""What the tri-plane panel shows in the picture.

The pixels that the chosen cell feeds, and which planes are taken out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import Vec3
from core_model.schema.checkpoint import CheckpointInfo
from viewer.features.planes.fed_pixels import FedPixels
from viewer.features.planes.plot import CELL_INK
from viewer.state.document import Document
from viewer.state.plane_view import ablation_text, cell_column
from viewer.state.ray_marks import Pin
from viewer.state.screen import PicturePlace, line_pieces
from viewer.widgets import overlays
from viewer.widgets.feature import Layer
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.split import Squares
from viewer.widgets.theme import Theme


@dataclass
class PlanesLink:
    """What the panel and the picture share while the mouse moves, outside the document and its undo.

    frame: number of the GUI frame in which the panel last drew itself.
    answered: whether the panel shows what it asked for, not an earlier answer.
    plane_size: (width, height) of the shown planes, (0, 0) before there are any.
    """

    frame: int = -9
    answered: bool = False
    plane_size: tuple[int, int] = (0, 0)
    levels: int = 1
    fed: FedPixels = field(default_factory=FedPixels)

    @property
    def in_sight(self) -> bool:
        """Whether the panel was drawn in this GUI frame or the one before."""
        return imgui.get_frame_count() - self.frame <= 1


class PlanesLayer(Layer):
    """The pixels that the chosen cell feeds, and a warning while planes are taken out."""

    def __init__(self, link: PlanesLink) -> None:
        self.link = link

    def over(
        self, doc: Document, theme: Theme, info: CheckpointInfo | None, picture: ShownPicture, where: Squares
    ) -> Document:
        """Draws in the square of A, while the panel is in sight and a cell is chosen."""
        origin, edge = where.a, where.edge
        cell, result = doc.planes.cell, picture.result
        if (
            cell is None
            or info is None
            or result is None
            or result.request is None
            or 0 in self.link.plane_size
        ):
            return doc
        if not self.link.in_sight or cell.level != doc.planes.level:
            return doc
        camera, depth, conv = (
            result.request.camera,
            picture.frames.arrays.get("depth"),
            info.header.conventions,
        )
        draw_list = imgui.get_window_draw_list()
        draw_list.push_clip_rect(origin, ImVec2(origin.x + edge, origin.y + edge), True)
        start, end = cell_column(cell, self.link.plane_size, conv)
        for piece in line_pieces(camera, np.asarray(start), np.asarray(end), depth):
            a, b = (ImVec2(origin.x + edge * u, origin.y + edge * v) for u, v in (piece.a, piece.b))
            draw_list.add_line(a, b, theme.colour(CELL_INK, 0.22 if piece.hidden else 0.75), 1.2)
        if depth is not None:
            step_x, step_y = edge / depth.shape[1], edge / depth.shape[0]
            runs = self.link.fed.runs(picture.frames.version, depth, camera, cell, self.link.plane_size, conv)
            for run in runs:
                low = ImVec2(origin.x + run.first * step_x - 0.5, origin.y + run.row * step_y - 0.5)
                high = ImVec2(
                    origin.x + (run.last + 1) * step_x + 0.5, origin.y + (run.row + 1) * step_y + 0.5
                )
                draw_list.add_rect_filled(low, high, theme.colour(CELL_INK, 0.35 + 0.6 * run.weight))
            if runs and len(runs) <= 40:  # a few pixels are easily overlooked
                x = origin.x + step_x * (0.5 + float(np.mean([0.5 * (r.first + r.last) for r in runs])))
                y = origin.y + step_y * (0.5 + float(np.mean([r.row for r in runs])))
                wide = max(r.last for r in runs) - min(r.first for r in runs) + 1
                reach = 0.5 * max(step_x * wide, step_y * (runs[-1].row - runs[0].row + 1))
                for weight, ink in (
                    (3.4, theme.colour((0.0, 0.0, 0.0), 0.55)),
                    (1.6, theme.colour(CELL_INK)),
                ):
                    draw_list.add_circle(ImVec2(x, y), reach + 0.55 * theme.em, ink, 32, weight)
        draw_list.pop_clip_rect()
        return doc

    def badge(self, doc: Document, theme: Theme, info: CheckpointInfo | None, corner: ImVec2) -> float:
        """A warning plate with its upper left corner at `corner`, while planes are taken out."""
        if info is None or doc.latent.ablate is None:
            return 0.0
        levels = max(self.link.levels, 1 + max(level for level, _ in doc.latent.ablate.planes))
        text = ablation_text(doc.latent, info.header.conventions, levels)
        size = overlays.badge(theme, ImVec2(corner.x + 0.3 * theme.em, corner.y), [(text, True)])
        end = ImVec2(corner.x + 0.3 * theme.em, corner.y + size.y)
        imgui.get_window_draw_list().add_rect_filled(corner, end, theme.colour(theme.palette.warn))
        return size.y + 0.5 * theme.em


def point_under(doc: Document, picture: ShownPicture, place: PicturePlace, link: PlanesLink) -> Vec3 | None:
    """World point of the surface under the cursor of the picture, else that of the inspected ray.

    None on background.
    """
    result, depth = picture.result, picture.frames.arrays.get("depth")
    mark = place.hover or doc.rays.selected
    if isinstance(mark, Pin):
        return mark.point
    if mark is None or depth is None or result is None or result.request is None:
        return None
    points = link.fed.positions(picture.frames.version, depth, result.request.camera)
    x, y, z = (float(v) for v in points[:, int(mark[1] * depth.shape[0]), int(mark[0] * depth.shape[1])])
    return (x, y, z) if np.isfinite((x, y, z)).all() else None
