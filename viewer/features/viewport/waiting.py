"""What the viewport says while there is no picture yet."""

from __future__ import annotations

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.checkpoint import CheckpointInfo
from viewer.render_client.events import WorkerStatus
from viewer.widgets.controls import font
from viewer.widgets.theme import BODY_PX, Theme


def draw(
    theme: Theme,
    info: CheckpointInfo | None,
    status: WorkerStatus,
    opening: str,
    now: float,
    corner: ImVec2,
    width: float,
    height: float,
) -> None:
    """What is going on while there is no picture yet."""
    if opening:
        title, detail = "Opening the checkpoint", opening
    elif info is None:
        title, detail = (
            "No checkpoint is open",
            "Drop a checkpoint or a run folder here, or use File > Open",
        )
    else:
        title, detail = "Rendering the first picture", status.stage or "waiting for the render process"
    draw, middle = imgui.get_window_draw_list(), ImVec2(corner.x + 0.5 * width, corner.y + 0.5 * height)
    with font(theme.fonts.bold, BODY_PX * 1.25):
        size = imgui.calc_text_size(title)
        draw.add_text(
            ImVec2(round(middle.x - 0.5 * size.x), round(middle.y - size.y)),
            theme.colour(theme.palette.canvas_text),
            title,
        )
    size = imgui.calc_text_size(detail)
    draw.add_text(
        ImVec2(round(middle.x - 0.5 * size.x), round(middle.y + 0.5 * theme.em)),
        theme.colour(theme.palette.canvas_muted),
        detail,
    )
    if opening or info is not None:
        _progress(theme, status, now, ImVec2(middle.x, middle.y + 2.6 * theme.em))


def _progress(theme: Theme, status: WorkerStatus, now: float, centre: ImVec2) -> None:
    draw = imgui.get_window_draw_list()
    half, thick = 7.0 * theme.em, 0.22 * theme.em
    low, high = ImVec2(centre.x - half, centre.y), ImVec2(centre.x + half, centre.y + thick)
    draw.add_rect_filled(low, high, theme.colour(theme.palette.faint, 0.4), thick)
    share = status.fraction
    if share > 0:
        draw.add_rect_filled(
            low, ImVec2(low.x + 2 * half * min(share, 1.0), high.y), theme.colour(theme.palette.accent), thick
        )
    else:
        at = low.x + (2 * half - 3 * theme.em) * (0.5 - 0.5 * np.cos(now * 2.2))
        draw.add_rect_filled(
            ImVec2(at, low.y), ImVec2(at + 3 * theme.em, high.y), theme.colour(theme.palette.accent), thick
        )
