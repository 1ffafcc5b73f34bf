"""Text fields for numbers.

The typed number keeps all its digits and is never clamped; a refused one is explained at the field. Dear
ImGui's own text entry drops letters (1e3 became 13 in a whole-number field) and clamps, both silently.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from decimal import Decimal

from imgui_bundle import ImVec2, imgui

from viewer.state.numbers import SHOWN_S, Refusal, read_number
from viewer.widgets.theme import BODY_PX, Theme

_FORMAT = re.compile(r"%[+]?(?:\.(\d+))?([dfg])")
_SELECT = int(imgui.InputTextFlags_.auto_select_all)


def dragged(
    theme: Theme, key: str, value: float, low: float, high: float, fmt: str, draw: Callable[[], tuple[bool, float]], whole: bool = False,
    double: bool = True,
) -> float:  # fmt: skip
    """A drag field or slider, drawn by `draw`, that becomes a text field on Ctrl+click, or with `double` on a
    double click.
    """
    ident, typing = imgui.get_id(key), theme.typing
    corner, width, height = imgui.get_cursor_screen_pos(), imgui.calc_item_width(), imgui.get_frame_height()
    over = imgui.is_window_hovered() and imgui.is_mouse_hovering_rect(
        corner, ImVec2(corner.x + width, corner.y + height)
    )
    wanted = (imgui.is_mouse_clicked(0) and imgui.get_io().key_ctrl) or (
        double and imgui.is_mouse_double_clicked(0)
    )
    if typing.ident != ident and over and wanted and not _is_disabled():
        typing.ident, typing.text, typing.before, typing.fresh = (
            ident,
            _text(value, fmt),
            _text(value, fmt),
            5,
        )
        typing.refusal = None
    if typing.ident != ident:
        changed, new = draw()
        told(theme, ident, value)
        return new if changed else value
    imgui.set_next_item_width(width)
    if typing.fresh:
        imgui.set_keyboard_focus_here()
    typing.text = imgui.input_text(key, typing.text, _SELECT)[1]
    typing.fresh = 0 if imgui.is_item_active() else max(typing.fresh - 1, 0)
    if imgui.is_item_active() or typing.fresh:
        return value
    typing.ident = 0
    found = (
        None if typing.text == typing.before else _read(theme, ident, typing.text, value, low, high, whole)
    )
    return value if found is None else int(found) if whole else float(found)


def whole(theme: Theme, key: str, shown: str, low: int, high: int) -> int | None:
    """A text field that shows `shown`; returns a whole number when the field is left (Enter, Tab, a click
    elsewhere), else None.
    """
    ident, typing = imgui.get_id(key), theme.typing
    text = imgui.input_text(key, shown, _SELECT)[1]
    if imgui.is_item_active():
        typing.field, typing.text = ident, text
        if imgui.is_item_edited():
            typing.refusal = None
    left = imgui.is_item_deactivated_after_edit() and not imgui.is_key_pressed(imgui.Key.escape, False)
    told(theme, ident, shown)
    if text == shown and typing.field == ident:
        text = typing.text  # left by a click elsewhere, the item may show its old text already
    if not left or text == shown:
        return None
    found = _read(theme, ident, text, shown, low, high, True)
    return None if found is None else int(found)


def triple(
    theme: Theme,
    key: str,
    values: tuple[float, float, float],
    low: float,
    high: float,
    fmt: str,
    speed: float,
) -> tuple[float, float, float]:
    """Three drag fields side by side on the item width: `key`/0, `key`/1, `key`/2."""
    gap = imgui.get_style().item_inner_spacing.x
    width = (imgui.calc_item_width() - 2 * gap) / 3
    new: list[float] = []
    clamped = int(imgui.SliderFlags_.always_clamp)
    imgui.push_id(key)
    imgui.begin_group()
    for index, value in enumerate(values):
        if index:
            imgui.same_line(0.0, gap)
        imgui.set_next_item_width(width)
        name = f"##{index}"
        draw = functools.partial(imgui.drag_float, name, value, speed, low, high, fmt, clamped)
        new.append(dragged(theme, name, value, low, high, fmt, draw))
    imgui.end_group()
    imgui.pop_id()
    return (new[0], new[1], new[2])


def told(theme: Theme, ident: int, value: object) -> None:
    """The refusal beside the last item, if it is this field's; shown until the value changes, a click, or a
    few seconds.
    """
    refusal, low, high = theme.typing.refusal, imgui.get_item_rect_min(), imgui.get_item_rect_max()
    if refusal is None or refusal.ident != ident:
        return
    if value != refusal.value or imgui.get_time() > refusal.until:
        theme.typing.refusal = None
        return
    em, p, draw = theme.em, theme.palette, imgui.get_foreground_draw_list()
    draw.add_rect(low, high, theme.colour(p.bad), imgui.get_style().frame_rounding, 1.5)
    width = max(high.x - low.x, 15 * em)
    size = imgui.calc_text_size(refusal.text, False, width - em)
    screen = imgui.get_main_viewport()
    left = min(low.x, screen.pos.x + screen.size.x - width - 0.3 * em)
    below = high.y + 0.2 * em
    top = below if below + size.y + 0.7 * em < screen.pos.y + screen.size.y else low.y - size.y - 0.9 * em
    draw.add_rect_filled(
        ImVec2(left, top), ImVec2(left + width, top + size.y + 0.7 * em), theme.colour(p.bad_panel), 0.3 * em
    )
    draw.add_rect(
        ImVec2(left, top), ImVec2(left + width, top + size.y + 0.7 * em), theme.colour(p.bad, 0.6), 0.3 * em
    )
    at = ImVec2(left + 0.5 * em, top + 0.35 * em)
    draw.add_text(
        theme.fonts.body, BODY_PX * theme.scale, at, theme.colour(p.text), refusal.text, wrap_width=width - em
    )


def _read(
    theme: Theme, ident: int, text: str, value: object, low: float, high: float, whole: bool
) -> Decimal | None:
    found, why = read_number(text, low, high, whole)
    theme.typing.refusal = (
        Refusal(ident, f"{why}. {_kept(value)}", value, imgui.get_time() + SHOWN_S) if why else None
    )
    return None if why else found


def _kept(value: object) -> str:
    return f"It stays {value:.6g}" if isinstance(value, float) else f"It stays {value}"


def _text(value: float, fmt: str) -> str:
    """What stands in the field at first: the value in its format without the unit."""
    match = _FORMAT.search(fmt)
    if match is None or match[2] == "d":
        return str(int(value))
    return f"{value:.{match[1] or 6}{match[2]}}"


def _is_disabled() -> bool:
    return bool(imgui.get_current_context().current_item_flags & int(imgui.ItemFlags_.disabled))
