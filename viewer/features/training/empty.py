"""What stands in a page that has nothing to show: an icon, what is missing, and what brings it."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui

from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import BODY_PX, Theme

WIDE_EM = 26.0


def empty(theme: Theme, icon: str, title: str, text: str, button: str = "", tip: str = "") -> bool:
    """Draws it in the middle of the room that is left; True when its button was pressed. button: label with a stable ###id, "" = none."""
    em, room, start = theme.em, imgui.get_content_region_avail(), imgui.get_cursor_pos()
    wide = min(WIDE_EM * em, max(room.x - em, 4 * em))
    left = start.x + max(0.5 * (room.x - wide), 0.0)

    def centred(words: str) -> None:
        imgui.set_cursor_pos_x(left + max(0.5 * (wide - imgui.calc_text_size(words).x), 0.0))

    imgui.set_cursor_pos_y(start.y + max(0.5 * room.y - 7 * em, 0.5 * em))
    with controls.font(theme.fonts.body, BODY_PX * 2.2), controls.text_colour(theme.palette.faint):
        centred(icon)
        imgui.text_unformatted(icon)
    imgui.dummy(ImVec2(0.0, 0.2 * em))
    with controls.font(theme.fonts.bold, BODY_PX * 1.1):
        centred(title)
        imgui.text_unformatted(legible(title))
    with controls.text_colour(theme.palette.muted):
        for line in _lines(legible(text), wide):
            centred(line)
            imgui.text_unformatted(line)
    if not button:
        return False
    imgui.dummy(ImVec2(0.0, 0.3 * em))
    width = imgui.calc_text_size(button.split("###")[0]).x + 2 * em
    imgui.set_cursor_pos_x(left + max(0.5 * (wide - width), 0.0))
    return controls.button(theme, button, tip=tip, primary=True, width=width)


def _lines(text: str, wide: float) -> list[str]:
    """The words in lines of at most `wide` pixels of the current font."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and imgui.calc_text_size(longer).x > wide:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
