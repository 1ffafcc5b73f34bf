"""Property rows of choices: drop-down, switch, segments side by side."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from imgui_bundle import ImVec2, imgui

from viewer.widgets.controls import below, disabled, ellipsis, hit, label, tooltip
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import Theme

T = TypeVar("T")


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
    """Drop-down with a plain chevron instead of Dear ImGui's arrow button; `imgui.end_combo` must follow when
    it is True.
    """
    corner, width, height = imgui.get_cursor_screen_pos(), imgui.calc_item_width(), imgui.get_frame_height()
    opened = imgui.begin_combo(key, ellipsis(preview, combo_room(theme)), imgui.ComboFlags_.no_arrow_button)
    if not opened:
        chevron(theme, corner.x + width - 0.95 * theme.em, corner.y + 0.5 * height)
    return opened


def combo_room(theme: Theme) -> float:
    """Pixels for the text of a drop-down as wide as the next item."""
    return imgui.calc_item_width() - 1.9 * theme.em - imgui.get_style().frame_padding.x


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
        if hit(theme, key, ImVec2(size.x, height)):
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

    Item ids are `<key>/<title>`. unavailable: options that cannot be chosen; may map each to its reason.
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
            if hit(theme, title, ImVec2(step, height)):
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
