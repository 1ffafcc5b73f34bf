"""Several captioned numbers under one name, side by side; they wrap in a narrow column."""

from __future__ import annotations

from collections.abc import Sequence

from imgui_bundle import imgui

from viewer.widgets import controls
from viewer.widgets.theme import BODY_PX, Theme


def figures_row(theme: Theme, text: str, figures: Sequence[tuple[str, str, str]], tip: str) -> None:
    """A property row of (caption, value, tooltip)."""
    controls.label(theme, text, tip)
    left, room = imgui.get_cursor_pos_x(), imgui.get_content_region_avail().x
    with controls.font(theme.fonts.body, BODY_PX * 0.9):
        widest = max(
            (imgui.calc_text_size(t).x for caption, value, _ in figures for t in (caption, value)),
            default=1.0,
        )
    columns = min(max(int(room / (widest + 0.5 * theme.em)), 1), len(figures))
    for index, (caption, value, hint) in enumerate(figures):
        column = index % columns
        if column:
            imgui.same_line(left + column * room / columns)
        elif index:
            imgui.set_cursor_pos_x(left)
        imgui.begin_group()
        with controls.font(theme.fonts.body, BODY_PX * 0.78), controls.text_colour(theme.palette.muted):
            imgui.text_unformatted(caption)
        with controls.font(theme.fonts.body, BODY_PX * 0.9):
            imgui.text_unformatted(value)
        imgui.end_group()
        controls.tooltip(hint)
