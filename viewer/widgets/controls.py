"""Property rows and small controls in the house style.

A row is a muted label at the left and a control that fills the rest. Every function takes the theme, a
visible label, a stable `##id` and a tooltip; `why_not` disables the control and says why. Values are plain
Python numbers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeVar

from imgui_bundle import ImVec2, ImVec4, imgui

from viewer.state.palette import mix
from viewer.widgets import typed
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import BODY_PX, Theme

LABEL_EM = 6.1
T = TypeVar("T")

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
    """Disables what is drawn inside when `why_not` is not empty.

    Hints in it take the colour of text: the muted one, faded, could not be read.
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
    """Draws text inside in another colour.

    Where it is disabled it keeps the plain one, which can be read faded.
    """
    plain = imgui.get_style().alpha < 1.0
    imgui.push_style_color(
        imgui.Col_.text, imgui.get_style().color_(imgui.Col_.text) if plain else ImVec4(*rgb, 1.0)
    )
    try:
        yield
    finally:
        imgui.pop_style_color()


def section(theme: Theme, title: str) -> None:
    """A quiet heading between groups of rows."""
    if imgui.get_cursor_pos_y() > imgui.get_style().window_padding.y + 1:
        imgui.dummy(ImVec2(0.0, 0.25 * theme.em))
    with font(theme.fonts.bold, theme.small()), text_colour(theme.palette.muted):
        imgui.text_unformatted(title.upper())
    imgui.dummy(ImVec2(0.0, 0.02 * theme.em))


def label(theme: Theme, text: str, tip: str = "") -> None:
    """Left part of a row; leaves the cursor and the item width at the control."""
    left = imgui.get_cursor_pos_x()
    imgui.align_text_to_frame_padding()
    with text_colour(theme.palette.muted):
        imgui.text_unformatted(legible(text))
    tooltip(tip)
    imgui.same_line(left + LABEL_EM * theme.em)
    imgui.set_next_item_width(-1.0)


def value_row(theme: Theme, text: str, value: str, tip: str = "", mono: bool = False) -> None:
    """Read-only row.

    A value that does not fit wraps to the next line, over the whole width where it is long.
    """
    label(theme, text, tip)
    face, size = (theme.fonts.mono, BODY_PX * 0.9) if mono else (theme.fonts.body, BODY_PX)
    with font(face, size):
        if not below(2 * imgui.get_content_region_avail().x - imgui.calc_text_size(value).x):
            imgui.align_text_to_frame_padding()
        wrapped(value)
    tooltip(tip or value)


def wrapped(text: str) -> None:
    """Text that goes on in the next line where the panel ends; never cut."""
    imgui.push_text_wrap_pos(0.0)
    imgui.text_unformatted(legible(text))
    imgui.pop_text_wrap_pos()


def below(spare: float) -> bool:
    """Moves from the control's place in a row to the line under its label.

    Only where `spare` pixels are negative; True then.
    """
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


def drag_float(
    theme: Theme,
    text: str,
    key: str,
    value: float,
    *,
    speed: float,
    low: float,
    high: float,
    fmt: str,
    tip: str,
    why_not: str = "",
) -> float:
    """Number that is dragged or typed (double click, Ctrl+click); stays within [low, high]."""
    label(theme, text, tip)
    with disabled(why_not):
        new = typed.dragged(
            theme, key, value, low, high, fmt,
            lambda: imgui.drag_float(key, value, speed, low, high, fmt, imgui.SliderFlags_.always_clamp),
        )  # fmt: skip
    _drag_cursor()
    tooltip(why_not or tip)
    return new


def drag_int(
    theme: Theme,
    text: str,
    key: str,
    value: int,
    *,
    speed: float,
    low: int,
    high: int,
    fmt: str = "%d",
    tip: str,
    why_not: str = "",
) -> int:
    label(theme, text, tip)
    with disabled(why_not):
        new = typed.dragged(
            theme, key, value, low, high, fmt,
            lambda: imgui.drag_int(key, value, speed, low, high, fmt, imgui.SliderFlags_.always_clamp), whole=True,
        )  # fmt: skip
    _drag_cursor()
    tooltip(why_not or tip)
    return int(new)


def slider_float(
    theme: Theme,
    text: str,
    key: str,
    value: float,
    *,
    low: float,
    high: float,
    fmt: str,
    tip: str,
    why_not: str = "",
    limits: tuple[float, float] | None = None,
) -> float:
    """Slider that fills up to its value.

    Ctrl+click types a number, within `limits` where they are wider than the slider.
    """
    label(theme, text, tip)
    least, most = limits or (low, high)
    with disabled(why_not), _filled(theme, (value - low) / (high - low), not why_not):
        new = typed.dragged(
            theme,
            key,
            value,
            least,
            most,
            fmt,
            lambda: imgui.slider_float(key, value, low, high, fmt),
            double=False,
        )
    tooltip(why_not or tip)
    return new


def slider_int(
    theme: Theme,
    text: str,
    key: str,
    value: int,
    *,
    low: int,
    high: int,
    fmt: str = "%d",
    tip: str,
    why_not: str = "",
) -> int:
    label(theme, text, tip)
    with disabled(why_not), _filled(theme, (value - low) / max(high - low, 1), not why_not):
        new = typed.dragged(
            theme, key, value, low, high, fmt, lambda: imgui.slider_int(key, value, low, high, fmt, imgui.SliderFlags_.always_clamp),
            whole=True, double=False,
        )  # fmt: skip
    tooltip(why_not or tip)
    return int(new)


def combo(
    theme: Theme,
    text: str,
    key: str,
    value: T,
    options: Sequence[tuple[T, str, str]],
    *,
    tip: str,
    why_not: str = "",
    unavailable: Sequence[T] = (),
) -> T:
    """Drop-down of (value, title, tooltip); options in `unavailable` are shown but cannot be chosen."""
    label(theme, text, tip)
    preview = next((title for v, title, _ in options if v == value), str(value))
    below(combo_room(theme) - imgui.calc_text_size(preview).x)
    if why_not:  # a disabled combo never opens: the stack of disabled items must not reach into its popup
        with disabled(why_not):
            begin_combo(theme, key, preview)
        tooltip(why_not)
    elif begin_combo(theme, key, preview):
        for option, title, hint in options:
            flags = imgui.SelectableFlags_.disabled if option in unavailable else imgui.SelectableFlags_.none
            if imgui.selectable(f"{legible(title)}###{option}", option == value, flags)[0]:
                value = option
            tooltip(hint)
        imgui.end_combo()
    else:
        tooltip(tip)
    return value


def begin_combo(theme: Theme, key: str, preview: str) -> bool:
    """Drop-down with a quiet chevron instead of Dear ImGui's arrow.

    Pair with `imgui.end_combo` when it returns True.
    """
    corner, width, height = (
        imgui.get_cursor_screen_pos(),
        imgui.get_content_region_avail().x,
        imgui.get_frame_height(),
    )
    opened = imgui.begin_combo(key, ellipsis(preview, combo_room(theme)), imgui.ComboFlags_.no_arrow_button)
    if not opened:
        chevron(theme, corner.x + width - 0.95 * theme.em, corner.y + 0.5 * height)
    return opened


def combo_room(theme: Theme) -> float:
    """Pixels for the words of a drop-down that fills the rest of the line."""
    return imgui.get_content_region_avail().x - 1.9 * theme.em - imgui.get_style().frame_padding.x


def chevron(theme: Theme, x: float, y: float) -> None:
    """The mark of a drop-down, with its middle at (x, y) on the screen."""
    em = theme.em
    points = [
        ImVec2(x - 0.28 * em, y - 0.13 * em),
        ImVec2(x, y + 0.15 * em),
        ImVec2(x + 0.28 * em, y - 0.13 * em),
    ]
    ink = theme.colour(theme.palette.muted)
    imgui.get_window_draw_list().add_polyline(points, ink, 0.11 * em, 0)  # pyright: ignore[reportArgumentType]


def toggle(theme: Theme, text: str, key: str, value: bool, *, tip: str, why_not: str = "") -> bool:
    """A switch at the right of its row."""
    label(theme, text, tip)
    em, height = theme.em, imgui.get_frame_height()
    size = ImVec2(2.0 * em, 1.1 * em)
    corner = imgui.get_cursor_screen_pos()
    with disabled(why_not):
        if imgui.invisible_button(key, ImVec2(size.x, height)):
            value = not value
        hovered = imgui.is_item_hovered()
    tooltip(why_not or tip)
    p, draw = theme.palette, imgui.get_window_draw_list()
    alpha = theme.palette.faded if why_not else 1.0
    back = (
        (p.accent_fill_hover if hovered else p.accent_fill)
        if value
        else (p.faint if hovered else p.field_active)
    )
    top = corner.y + 0.5 * (height - size.y)
    draw.add_rect_filled(
        ImVec2(corner.x, top), ImVec2(corner.x + size.x, top + size.y), theme.colour(back, alpha), size.y
    )
    knob = corner.x + (size.x - 0.5 * size.y if value else 0.5 * size.y)
    draw.add_circle_filled(
        ImVec2(knob, top + 0.5 * size.y), 0.36 * size.y, theme.colour(p.on_accent, alpha), 24
    )
    return value


def segmented(
    theme: Theme,
    text: str,
    key: str,
    value: T,
    options: Sequence[tuple[T, str, str]],
    *,
    tip: str,
    why_not: str = "",
    unavailable: Collection[T] = (),
) -> T:
    """Two to four exclusive choices side by side, on more lines where they do not fit.

    Item ids are `<key>/<title>`.

    unavailable: may map each option to the reason.
    """
    label(theme, text, tip)
    p, draw = theme.palette, imgui.get_window_draw_list()
    need = max(imgui.calc_text_size(title).x for _, title, _ in options) + 0.5 * theme.em
    below(imgui.get_content_region_avail().x - need * len(options))
    corner, width, height = (
        imgui.get_cursor_screen_pos(),
        imgui.get_content_region_avail().x,
        imgui.get_frame_height(),
    )
    rows = -(-len(options) // max(int(width / need), 1))
    columns = -(-len(options) // rows)
    rounding = imgui.get_style().frame_rounding
    end = ImVec2(corner.x + width, corner.y + rows * height)
    draw.add_rect_filled(corner, end, theme.colour(p.field, p.faded if why_not else 1.0), rounding)
    step = width / columns
    imgui.push_id(key)
    for index, (option, title, hint) in enumerate(options):
        known = (
            unavailable[option]
            if isinstance(unavailable, Mapping) and option in unavailable
            else "not available here"
        )
        reason = why_not or (known if option in unavailable else "")
        x0, y0 = corner.x + index % columns * step, corner.y + index // columns * height
        imgui.set_cursor_screen_pos(ImVec2(x0, y0))
        with disabled(reason):
            if imgui.invisible_button(title, ImVec2(step, height)):
                value = option
            hovered = imgui.is_item_hovered()
        tooltip(reason or hint or tip)
        chosen = option == value
        if chosen or hovered:
            fill = p.field_hover if not chosen else p.field_active if reason else p.accent_fill
            draw.add_rect_filled(
                ImVec2(x0 + 1, y0 + 1),
                ImVec2(x0 + step - 1, y0 + height - 1),
                theme.colour(fill, p.faded if why_not else 1.0),
                max(rounding - 1, 0),
            )
        words = ellipsis(title, step - 4)
        size = imgui.calc_text_size(words)
        ink = theme.colour(p.on_accent if chosen and not reason else p.text, p.faded if reason else 1.0)
        draw.add_text(
            ImVec2(round(x0 + 0.5 * (step - size.x)), round(y0 + 0.5 * (height - size.y))), ink, words
        )
    imgui.pop_id()
    return value


def button(
    theme: Theme, title: str, *, tip: str, why_not: str = "", primary: bool = False, width: float = 0.0
) -> bool:
    """Push button; True when pressed. `primary` fills it with the accent colour while it can be pressed."""
    primary = primary and not why_not
    if primary:
        p = theme.palette
        imgui.push_style_color(imgui.Col_.button, ImVec4(*p.accent_fill, 1.0))
        imgui.push_style_color(imgui.Col_.button_hovered, ImVec4(*p.accent_fill_hover, 1.0))
        imgui.push_style_color(
            imgui.Col_.button_active, ImVec4(*mix(p.accent_fill, (0.0, 0.0, 0.0), 0.2), 1.0)
        )
        imgui.push_style_color(imgui.Col_.text, ImVec4(*p.on_accent, 1.0))
    with disabled(why_not):
        pressed = imgui.button(legible(title), ImVec2(width, 0.0))
    if primary:
        imgui.pop_style_color(4)
    tooltip(why_not or tip)
    return pressed


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


def note(theme: Theme, text: str) -> None:
    """A wrapped remark in muted small print."""
    with font(theme.fonts.body, BODY_PX * 0.9), text_colour(theme.palette.muted):
        wrapped(text)


@contextlib.contextmanager
def _filled(theme: Theme, share: float, enabled: bool) -> Iterator[None]:
    """Slider look: the field is drawn here, filled up to `share`.

    The slider itself is drawn without a ground.
    """
    p, draw = theme.palette, imgui.get_window_draw_list()
    corner = imgui.get_cursor_screen_pos()
    width, height = imgui.calc_item_width(), imgui.get_frame_height()
    rounding = imgui.get_style().frame_rounding
    alpha = 1.0 if enabled else p.faded
    end = ImVec2(corner.x + width, corner.y + height)
    draw.add_rect_filled(corner, end, theme.colour(p.field, alpha), rounding)
    fill = min(max(share, 0.0), 1.0) * width
    if fill >= 1.0:
        draw.push_clip_rect(corner, ImVec2(corner.x + fill, end.y), True)
        draw.add_rect_filled(corner, end, theme.colour(mix(p.field, p.accent_fill, 0.42), alpha), rounding)
        draw.pop_clip_rect()
        draw.add_line(
            ImVec2(corner.x + fill, corner.y + 2),
            ImVec2(corner.x + fill, end.y - 2),
            theme.colour(p.accent, alpha),
            2.0,
        )
    clear = ImVec4(0.0, 0.0, 0.0, 0.0)
    roles = (imgui.Col_.frame_bg, imgui.Col_.slider_grab, imgui.Col_.slider_grab_active)
    veil = ImVec4(*p.text, 0.05)
    for role in roles:
        imgui.push_style_color(role, clear)
    imgui.push_style_color(imgui.Col_.frame_bg_hovered, veil)
    imgui.push_style_color(imgui.Col_.frame_bg_active, veil)
    try:
        yield
    finally:
        imgui.pop_style_color(5)


def _drag_cursor() -> None:
    if imgui.is_item_hovered() and not imgui.is_item_active():
        imgui.set_mouse_cursor(imgui.MouseCursor_.resize_ew)
