"""The parts that every panel is made of: labels, rows, text, headings, buttons, tooltips, in the house style.

A row is a muted label at the left and a control that fills the rest (`number_rows`, `choice_rows`). Every
control takes the theme, a visible label, a stable `##id` and a tooltip; `why_not` disables the control and
says why. Values are plain Python numbers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from imgui_bundle import ImVec2, ImVec4, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.state.palette import Palette, Rgb, mix
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import BODY_PX, Theme

LABEL_EM = 6.1

_HOVER = int(imgui.HoveredFlags_.allow_when_disabled) | int(imgui.HoveredFlags_.for_tooltip)


def tooltip(text: str) -> None:
    """Wrapped tooltip of the last item, also while it is disabled."""
    if text and imgui.is_item_hovered(_HOVER):
        imgui.push_style_var(
            imgui.StyleVar_.window_padding, ImVec2(0.7 * imgui.get_font_size(), 0.5 * imgui.get_font_size())
        )
        if imgui.begin_tooltip():
            imgui.push_text_wrap_pos(23.0 * imgui.get_font_size())
            imgui.text_unformatted(legible(text))
            imgui.pop_text_wrap_pos()
            imgui.end_tooltip()
        imgui.pop_style_var()


@contextlib.contextmanager
def disabled(why_not: str) -> Iterator[None]:
    """Disable what is drawn inside when `why_not` is not empty.

    Hints inside take the text colour: the muted colour at reduced opacity would be unreadable.
    """
    imgui.begin_disabled(bool(why_not))
    role = imgui.Col_.text if why_not else imgui.Col_.text_disabled
    imgui.push_style_color(imgui.Col_.text_disabled, imgui.get_style().color_(role))
    try:
        yield
    finally:
        imgui.pop_style_color()
        imgui.end_disabled()


def menu_item(title: str, keys: str = "", chosen: bool = False, enabled: bool = True) -> bool:
    """Line of a menu with its keys at the right; True when chosen."""
    role = imgui.Col_.text_disabled if enabled else imgui.Col_.text
    imgui.push_style_color(imgui.Col_.text_disabled, imgui.get_style().color_(role))
    pressed = imgui.menu_item(title, keys, chosen, enabled)[0]
    imgui.pop_style_color()
    return pressed


@contextlib.contextmanager
def font(face: imgui.ImFont, size: float) -> Iterator[None]:
    """Draws what is inside in another font; `size` in unscaled pixels."""
    imgui.push_font(face, size)
    try:
        yield
    finally:
        imgui.pop_font()


@contextlib.contextmanager
def text_colour(rgb: tuple[float, float, float]) -> Iterator[None]:
    """Draw text inside in another colour.

    Disabled text keeps the plain colour, which stays readable at reduced opacity.
    """
    plain = imgui.get_style().alpha < 1.0
    imgui.push_style_color(
        imgui.Col_.text, imgui.get_style().color_(imgui.Col_.text) if plain else ImVec4(*rgb, 1.0)
    )
    try:
        yield
    finally:
        imgui.pop_style_color()


def begin_child(name: str, size: ImVec2 | None = None, flags: int = 0, window_flags: int = 0) -> bool:
    """`imgui.begin_child` whose items Tab and the arrows come to as to those around it; `imgui.end_child` must follow."""
    flattened = int(flags) | int(imgui.ChildFlags_.nav_flattened)
    return imgui.begin_child(name, size or ImVec2(0.0, 0.0), flattened, int(window_flags))


def section(theme: Theme, title: str) -> None:
    """A heading between groups of rows."""
    if imgui.get_cursor_pos_y() > imgui.get_style().window_padding.y + 1:
        imgui.dummy(ImVec2(0.0, 0.25 * theme.em))
    with font(theme.fonts.bold, theme.small()), text_colour(theme.palette.muted):
        imgui.text_unformatted(title.upper())
    imgui.dummy(ImVec2(0.0, 0.02 * theme.em))


def label(theme: Theme, text: str, tip: str = "") -> None:
    """Left part of a row; leaves the cursor and the item width at the control. Without `text` there is no such part."""
    if not text:  # the control has the whole row
        imgui.set_next_item_width(-1.0)
        return
    left = imgui.get_cursor_pos_x()
    imgui.align_text_to_frame_padding()
    with text_colour(theme.palette.muted):
        imgui.text_unformatted(legible(text))
    tooltip(tip)
    imgui.same_line(left + LABEL_EM * theme.em)
    imgui.set_next_item_width(-1.0)


def value_row(theme: Theme, text: str, value: str, tip: str = "", mono: bool = False) -> None:
    """Read-only row; a long value wraps, or moves to a line of its own below the label."""
    label(theme, text, tip)
    face, size = (theme.fonts.mono, BODY_PX * 0.9) if mono else (theme.fonts.body, BODY_PX)
    with font(face, size):
        if not below(2 * imgui.get_content_region_avail().x - imgui.calc_text_size(value).x):
            imgui.align_text_to_frame_padding()
        wrapped(value)
    tooltip(tip or value)


def wrapped(text: str) -> None:
    """Text that wraps at the panel's right edge; never cut."""
    imgui.push_text_wrap_pos(0.0)
    imgui.text_unformatted(legible(text))
    imgui.pop_text_wrap_pos()


def below(spare: float) -> bool:
    """Move from a row's control position to the line below if `spare` pixels are negative; True if so."""
    if spare >= 0.0 or imgui.get_cursor_pos_x() <= imgui.get_cursor_start_pos().x + 1.0:
        return False
    imgui.new_line()
    imgui.set_next_item_width(-1.0)
    return True


def ellipsis(text: str, room: float, keep_end: bool = False) -> str:
    """`text` cut to `room` pixels in the current font; keep_end drops the beginning (paths)."""
    text = legible(text)
    if imgui.calc_text_size(text).x <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        part = "…" + text[-middle:] if keep_end else text[:middle] + "…"
        low, high = (middle, high) if imgui.calc_text_size(part).x <= room else (low, middle - 1)
    return ("…" + text[len(text) - low :] if keep_end else text[:low].rstrip() + "…") if low else "…"


def button(
    theme: Theme,
    title: str,
    *,
    tip: str,
    why_not: str = "",
    primary: bool = False,
    width: float = 0.0,
    danger: bool = False,
) -> bool:
    """Push button; True when pressed. `primary` fills it with the accent colour while it can be pressed; `danger`
    gives it the colours of what cannot be taken back.
    """
    coloured = (primary or danger) and not why_not
    if coloured:
        p = theme.palette
        fill, over, ink = (p.accent_fill, p.accent_fill_hover, p.on_accent)
        if danger:
            fill, over, ink = danger_colours(p)
        imgui.push_style_color(imgui.Col_.button, ImVec4(*fill, 1.0))
        imgui.push_style_color(imgui.Col_.button_hovered, ImVec4(*over, 1.0))
        imgui.push_style_color(imgui.Col_.button_active, ImVec4(*mix(fill, (0.0, 0.0, 0.0), 0.2), 1.0))
        imgui.push_style_color(imgui.Col_.text, ImVec4(*ink, 1.0))
    with disabled(why_not):
        pressed = imgui.button(legible(title), ImVec2(width, 0.0))
    if coloured:
        imgui.pop_style_color(4)
    tooltip(why_not or tip)
    return pressed


def danger_colours(p: Palette) -> tuple[Rgb, Rgb, Rgb]:
    """Fill, fill under the cursor, and text of a button whose deed cannot be taken back."""
    return p.bad_panel, mix(p.bad_panel, p.bad, 0.2), mix(p.text, p.bad, 0.15)


def icon_button(theme: Theme, icon: str, key: str, *, tip: str, why_not: str = "") -> bool:
    """Square button with an icon in its middle; True when pressed."""
    edge = imgui.get_frame_height()
    corner = imgui.get_cursor_screen_pos()
    with disabled(why_not):
        pressed = imgui.button(f"##{key}", ImVec2(edge, edge))
    size = imgui.calc_text_size(icon)
    at = ImVec2(round(corner.x + 0.5 * (edge - size.x)), round(corner.y + 0.5 * (edge - size.y)))
    imgui.get_window_draw_list().add_text(
        at, theme.colour(theme.palette.text, theme.palette.faded if why_not else 1.0), icon
    )
    tooltip(why_not or tip)
    return pressed


def hit(theme: Theme, key: str, size: ImVec2) -> bool:
    """Area that is pressed by mouse or keyboard and drawn by the caller; True when pressed. With the keyboard's focus it has a ring."""
    pressed = imgui.invisible_button(key, size, int(imgui.ButtonFlags_.enable_nav))
    if imgui.is_item_focused() and imgui.get_io().nav_visible:
        window = imgui.internal.get_current_window()
        over = imgui.get_foreground_draw_list()
        over.push_clip_rect(window.clip_rect.min, window.clip_rect.max, False)
        corner, end, away = imgui.get_item_rect_min(), imgui.get_item_rect_max(), 1.0
        ring = ImVec2(corner.x - away, corner.y - away), ImVec2(end.x + away, end.y + away)
        over.add_rect(*ring, theme.colour(theme.palette.accent), imgui.get_style().frame_rounding, 2.0)
        over.pop_clip_rect()
    return pressed


def note(theme: Theme, text: str) -> None:
    """A wrapped remark in small muted text."""
    with font(theme.fonts.body, BODY_PX * 0.9), text_colour(theme.palette.muted):
        wrapped(text)


def fold(theme: Theme, title: str, key: str, opened: bool, *, tip: str) -> bool:
    """A heading across the panel with a chevron; returns whether what is below it is shown."""
    em, height = theme.em, imgui.get_frame_height()
    corner, width = imgui.get_cursor_screen_pos(), max(imgui.get_content_region_avail().x, 1.0)
    if hit(theme, key, ImVec2(width, height)):
        opened = not opened
    hovered = imgui.is_item_hovered()
    tooltip(tip)
    p, draw = theme.palette, imgui.get_window_draw_list()
    if hovered:
        end = ImVec2(corner.x + width, corner.y + height)
        draw.add_rect_filled(corner, end, theme.colour(p.field_hover, 0.6), imgui.get_style().frame_rounding)
    ink = theme.colour(p.text if hovered else p.muted)
    icon = fa.ICON_FA_CHEVRON_DOWN if opened else fa.ICON_FA_CHEVRON_RIGHT
    with font(theme.fonts.body, theme.small() * 0.8):
        size = imgui.calc_text_size(icon)
        at = ImVec2(round(corner.x + 0.45 * em - 0.5 * size.x), round(corner.y + 0.5 * (height - size.y)))
        draw.add_text(at, ink, icon)
    with font(theme.fonts.bold, theme.small()):
        size = imgui.calc_text_size(title.upper())
        draw.add_text(
            ImVec2(corner.x + 1.1 * em, round(corner.y + 0.5 * (height - size.y))), ink, title.upper()
        )
    return opened
