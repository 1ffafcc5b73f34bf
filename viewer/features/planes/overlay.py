"""What the tri-plane panel shows in the picture: the pixels that the chosen cell feeds, and which planes are taken out."""

from __future__ import annotations

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import Vec3
from viewer.state.document import Document
from viewer.state.plane_view import ablation_text, cell_column
from viewer.state.screen import line_pieces
from viewer.widgets import overlays
from viewer.widgets.context import PanelContext
from viewer.features.planes.plot import CELL_INK


def draw(doc: Document, ctx: PanelContext, origin: ImVec2, edge: float) -> None:
    """In the picture's square (`origin`, `edge`), while the panel is in sight and a cell is chosen."""
    linked, cell, info, result = ctx.viewport.linked, doc.planes.cell, ctx.info, ctx.result
    if cell is None or info is None or result is None or result.request is None or 0 in linked.plane_size:
        return
    if not linked.planes_shown(imgui.get_frame_count()) or cell.level != doc.planes.level:
        return
    camera, depth, conv = result.request.camera, ctx.frames.arrays.get("depth"), info.header.conventions
    draw_list, theme = imgui.get_window_draw_list(), ctx.theme
    draw_list.push_clip_rect(origin, ImVec2(origin.x + edge, origin.y + edge), True)
    start, end = cell_column(cell, linked.plane_size, conv)
    for piece in line_pieces(camera, np.asarray(start), np.asarray(end), depth):
        a, b = (ImVec2(origin.x + edge * u, origin.y + edge * v) for u, v in (piece.a, piece.b))
        draw_list.add_line(a, b, theme.colour(CELL_INK, 0.22 if piece.hidden else 0.75), 1.2)
    if depth is not None:
        step_x, step_y = edge / depth.shape[1], edge / depth.shape[0]
        runs = linked.fed.runs(ctx.frames.version, depth, camera, cell, linked.plane_size, conv)
        for run in runs:
            low = ImVec2(origin.x + run.first * step_x - 0.5, origin.y + run.row * step_y - 0.5)
            high = ImVec2(origin.x + (run.last + 1) * step_x + 0.5, origin.y + (run.row + 1) * step_y + 0.5)
            draw_list.add_rect_filled(low, high, theme.colour(CELL_INK, 0.35 + 0.6 * run.weight))
        if runs and len(runs) <= 40:  # a few pixels are easily overlooked
            x = origin.x + step_x * (0.5 + float(np.mean([0.5 * (r.first + r.last) for r in runs])))
            y = origin.y + step_y * (0.5 + float(np.mean([r.row for r in runs])))
            wide = max(r.last for r in runs) - min(r.first for r in runs) + 1
            reach = 0.5 * max(step_x * wide, step_y * (runs[-1].row - runs[0].row + 1))
            for weight, ink in ((3.4, theme.colour((0.0, 0.0, 0.0), 0.55)), (1.6, theme.colour(CELL_INK))):
                draw_list.add_circle(ImVec2(x, y), reach + 0.55 * theme.em, ink, 32, weight)
    draw_list.pop_clip_rect()


def point_under(doc: Document, ctx: PanelContext) -> Vec3 | None:
    """World point of the surface under the cursor of the picture, else that of the inspected ray; None on background."""
    result, depth = ctx.result, ctx.frames.arrays.get("depth")
    mark = ctx.viewport.hover or doc.rays.selected
    if mark is None or depth is None or result is None or result.request is None:
        return None
    points = ctx.viewport.linked.fed.positions(ctx.frames.version, depth, result.request.camera)
    x, y, z = (float(v) for v in points[:, int(mark[1] * depth.shape[0]), int(mark[0] * depth.shape[1])])
    return (x, y, z) if np.isfinite((x, y, z)).all() else None


def ablation_badge(doc: Document, ctx: PanelContext, corner: ImVec2) -> None:
    """A warning plate with its upper left corner at `corner`, while planes are taken out."""
    if ctx.info is None or doc.latent.ablate is None:
        return
    levels = max(ctx.viewport.linked.levels, 1 + max(level for level, _ in doc.latent.ablate.planes))
    text = ablation_text(doc.latent, ctx.info.header.conventions, levels)
    theme = ctx.theme
    size = overlays.badge(theme, ImVec2(corner.x + 0.3 * theme.em, corner.y), [(text, True)])
    end = ImVec2(corner.x + 0.3 * theme.em, corner.y + size.y)
    imgui.get_window_draw_list().add_rect_filled(corner, end, theme.colour(theme.palette.warn))
