"""Sections of a panel that open and close."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.widgets import controls
from viewer.widgets.theme import Theme


def fold(theme: Theme, title: str, key: str, opened: bool, *, tip: str) -> bool:
    """A heading across the panel with a chevron; returns whether what is below it is shown."""
    em, height = theme.em, imgui.get_frame_height()
    corner, width = imgui.get_cursor_screen_pos(), max(imgui.get_content_region_avail().x, 1.0)
    if imgui.invisible_button(key, ImVec2(width, height)):
        opened = not opened
    hovered = imgui.is_item_hovered()
    controls.tooltip(tip)
    p, draw = theme.palette, imgui.get_window_draw_list()
    if hovered:
        end = ImVec2(corner.x + width, corner.y + height)
        draw.add_rect_filled(corner, end, theme.colour(p.field_hover, 0.6), imgui.get_style().frame_rounding)
    ink = theme.colour(p.text if hovered else p.muted)
    icon = fa.ICON_FA_CHEVRON_DOWN if opened else fa.ICON_FA_CHEVRON_RIGHT
    with controls.font(theme.fonts.body, theme.small() * 0.8):
        size = imgui.calc_text_size(icon)
        at = ImVec2(round(corner.x + 0.45 * em - 0.5 * size.x), round(corner.y + 0.5 * (height - size.y)))
        draw.add_text(at, ink, icon)
    with controls.font(theme.fonts.bold, theme.small()):
        size = imgui.calc_text_size(title.upper())
        draw.add_text(
            ImVec2(corner.x + 1.1 * em, round(corner.y + 0.5 * (height - size.y))), ink, title.upper()
        )
    return opened
