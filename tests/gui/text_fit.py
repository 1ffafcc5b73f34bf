"""Measures text where it is drawn: what is wider than the room that Dear ImGui clips it to, and what the window itself has cut to "…";
finds plates over pictures that cover one another.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from imgui_bundle import imgui

from viewer.widgets import controls, overlays

SLACK_PX = 1.5
"""Rounding of positions and advances."""
Box = tuple[int, int, int, int]
"""Left, top, right, bottom."""


class Fit:
    """What did not fit: "panel: text" → pixels that were missing, or "…"."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.measured = 0
        self.plates: list[tuple[str, Box]] = []
        """Grounds of text over pictures in this frame."""

    def note(self, text: str, missing: float) -> None:
        self.measured += 1
        if missing > SLACK_PX:
            self.found[f"{_panel()}: {text}"] = f"{missing:.0f} px"

    def clear(self) -> None:
        self.found.clear()
        self.plates.clear()

    def overlaps(self) -> list[str]:
        """Pairs of plates in one panel that lie over one another."""
        pairs = itertools.combinations(self.plates, 2)
        return [f"{name}: {a} and {b}" for (name, a), (other, b) in pairs if name == other and _meet(a, b)]


def _meet(a: Box, b: Box) -> bool:
    across, down = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
    return min(across, down) > SLACK_PX


def _plate(fit: Fit, real: Callable[..., Any], theme: Any, low: Any, high: Any) -> Any:
    fit.plates.append((_panel(), (round(low.x), round(low.y), round(high.x), round(high.y))))
    return real(theme, low, high)


def _panel() -> str:
    window = imgui.internal.get_current_window()
    return window.root_window.name if window.root_window is not None else window.name


def _visible(text: str) -> str:
    return text.split("##", 1)[0]


def _drawn() -> bool:
    return not imgui.internal.get_current_window().skip_items


def _text(fit: Fit, real: Callable[..., Any], text: str) -> Any:
    window = imgui.internal.get_current_window()
    if text and _drawn() and window.dc.text_wrap_pos < 0.0:
        end = imgui.get_cursor_screen_pos().x + imgui.calc_text_size(text).x
        fit.note(text, end - window.clip_rect.max.x)
    return real(text)


def _item(fit: Fit, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Buttons, lines of lists, boxes to tick: the whole item within the clip, its words within the item."""
    done = real(*args, **kwargs)
    text = _visible(str(args[0]))
    if text and _drawn():  # a line of a table without words of its own spans more columns than it stands in
        low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        clip = imgui.internal.get_current_window().clip_rect
        outside = high.x - clip.max.x - imgui.get_style().window_padding.x
        fit.note(text, max(low.x + imgui.calc_text_size(text).x - high.x, outside))
    return done


def _number(fit: Fit, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Drag fields and sliders: the written number within the field."""
    done = real(*args, **kwargs)
    fmt = kwargs.get("format") or next((a for a in args[2:] if isinstance(a, str) and "%" in a), "")
    with contextlib.suppress(TypeError, ValueError):
        if fmt and _drawn():
            fit.note(fmt % args[1], imgui.calc_text_size(fmt % args[1]).x - imgui.get_item_rect_size().x)
    return done


def _cut(fit: Fit, real: Callable[..., str], text: str, room: float, keep_end: bool = False) -> str:
    shown = real(text, room, keep_end)
    fit.measured += 1
    if shown != text and _drawn():
        fit.found[f"{_panel()}: {text}"] = f"cut to {shown!r}"
    return shown


@contextlib.contextmanager
def measuring() -> Iterator[Fit]:
    """Every text of the window goes through the measure while this lasts."""
    fit = Fit()
    hooks: dict[tuple[Any, str], Callable[..., Any]] = {
        (imgui, "text_unformatted"): _text,
        (controls, "ellipsis"): _cut,
        (overlays, "plate"): _plate,
    }
    hooks |= {
        (imgui, name): _item for name in ("button", "small_button", "selectable", "checkbox", "menu_item")
    }
    hooks |= {(imgui, name): _number for name in ("drag_float", "drag_int", "slider_float", "slider_int")}
    real = {key: getattr(*key) for key in hooks}
    for (owner, name), hook in hooks.items():
        setattr(owner, name, functools.partial(hook, fit, real[owner, name]))
    try:
        yield fit
    finally:
        for (owner, name), call in real.items():
            setattr(owner, name, call)
