"""The line of first steps at the lower edge of the picture, until one of them was taken."""

from __future__ import annotations

from imgui_bundle import ImVec2, ImVec4, imgui

from viewer.state.document import Document
from viewer.state.key_map import KeyMap
from viewer.state.screen import PicturePlace
from viewer.widgets import controls
from viewer.widgets.theme import BODY_PX, Theme

_FLAGS = (
    imgui.WindowFlags_.no_decoration
    | imgui.WindowFlags_.no_inputs
    | imgui.WindowFlags_.no_docking
    | imgui.WindowFlags_.no_saved_settings
    | imgui.WindowFlags_.no_focus_on_appearing
    | imgui.WindowFlags_.no_nav
    | imgui.WindowFlags_.always_auto_resize
)


def words(keys: KeyMap) -> str:
    """The steps with the keys as they are bound now."""
    first, last = keys.text("channel-1"), keys.text("channel-9")
    parts = [
        "drag = orbit",
        "click = inspect",
        f"{first}–{last} = channels" if first and last else "",
        *(f"{keys.text(name)} = {what}" for name, what in _KEYED if keys.text(name)),
    ]
    return "  ·  ".join(part for part in parts if part)


_KEYED = (("view.compare", "compare"), ("file.export-mesh", "export mesh"), ("help.palette", "all commands"))


def draw(theme: Theme, place: PicturePlace, keys: KeyMap) -> None:
    """A window without a mouse of its own: it hinders no click."""
    if place.size <= 0:
        return
    text, p, em = words(keys), theme.palette, theme.em
    # above the values under the cursor
    corner = ImVec2(place.origin[0] + 0.5 * place.size, place.origin[1] + place.size - 5.2 * em)
    imgui.set_next_window_pos(corner, imgui.Cond_.always, ImVec2(0.5, 1.0))
    imgui.push_style_color(imgui.Col_.window_bg, ImVec4(*p.raised, 0.94))
    imgui.begin("##hint", None, int(_FLAGS))
    with controls.font(theme.fonts.body, BODY_PX * 0.92):
        if imgui.calc_text_size(text).x > place.size - 2 * em:
            imgui.push_text_wrap_pos(place.size - 2 * em)
            imgui.text_unformatted(text)
            imgui.pop_text_wrap_pos()
        else:
            imgui.text_unformatted(text)
    imgui.end()
    imgui.pop_style_color()


def is_read(first: Document, doc: Document, palette_open: bool) -> bool:
    """Whether one of the steps was taken since the checkpoint was opened (`first`)."""
    return (
        palette_open
        or doc.rays.selected is not None
        or doc.compare.mode != "off"
        or doc.view.channel != first.view.channel
    )
