"""Controls side by side, on as many lines as they need."""

from __future__ import annotations

from imgui_bundle import ImVec2, ImVec4, imgui

from viewer.widgets import controls
from viewer.widgets.theme import Theme


class WrappedRow:
    """Made anew in each GUI frame; `room` before each control says how wide it will be. width: of the lines, pixels."""

    def __init__(self, theme: Theme, width: float) -> None:
        self._theme = theme
        self._used = 0.0
        self.width = width
        self._left = imgui.get_cursor_screen_pos().x

    def room(self, width: float, apart: bool = False) -> None:
        """Puts the cursor where a control of `width` pixels fits and sets the item width.

        apart: a wider gap before it.
        """
        gap = imgui.get_style().item_inner_spacing.x * (2.2 if apart else 0.6)
        if self._used > 0.0 and self._used + gap + width <= self.width:
            imgui.same_line(0.0, 0.0)
            imgui.set_cursor_screen_pos(
                ImVec2(self._left + self._used + gap, imgui.get_cursor_screen_pos().y)
            )
            self._used += gap + width
        else:
            self._used = width
        imgui.set_next_item_width(width)

    def icon(
        self, icon: str, key: str, tip: str, why_not: str = "", on: bool = False, apart: bool = False
    ) -> bool:
        """A square button with an icon, filled while `on`; True when pressed."""
        self.room(imgui.get_frame_height(), apart)
        p = self._theme.palette
        if on:
            imgui.push_style_color(imgui.Col_.button, ImVec4(*p.accent_fill, 1.0))
            imgui.push_style_color(imgui.Col_.button_hovered, ImVec4(*p.accent_fill_hover, 1.0))
        pressed = controls.icon_button(self._theme, icon, key, tip=tip, why_not=why_not)
        if on:
            imgui.pop_style_color(2)
        return pressed
