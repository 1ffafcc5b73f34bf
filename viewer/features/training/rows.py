"""Controls that the pages of the Training workspace share: toolbar, drop-down without label, text field with
hint, states.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TypeVar

from imgui_bundle import ImVec2, imgui

from viewer.runs.job_record import ShownState
from viewer.runs.run_health import TONES
from viewer.state.palette import Palette, Rgb
from viewer.widgets import choice_rows, controls
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import Theme

T = TypeVar("T")

STATE_WORDS: dict[ShownState, str] = {
    "queued": "Waits for its devices", "starting": "The trainer is loading", "running": "Training",
    "paused": "Paused on request, can go on", "stalled": "Alive, but no tick for long",
    "done": "All images shown", "failed": "Ended by an error: see the log",
    "stopped": "Ended on request, can be resumed", "killed": "Ended at once by a person; can be resumed from its last snapshot",
    "lost": "Neither its process nor its last words can be found; can be resumed",
}  # fmt: skip

FOREIGN_WORDS: dict[ShownState, str] = {
    "running": "Written to lately", "stalled": "Nothing was written for long", "lost": "Nothing was written for very long",
    "done": "All images shown, or its trainer said that it ends",
}  # fmt: skip


def state_words(state: ShownState | None, foreign: bool) -> str:
    """A state in a sentence; a run of another program tells its state only by what it writes."""
    if foreign:
        told = FOREIGN_WORDS.get(state, "") if state else "Nothing of it can be read yet"
        return f"{told}. A run of another program" if told else "A run of another program"
    return STATE_WORDS.get(state, "") if state else ""


def state_ink(palette: Palette, state: ShownState | None) -> Rgb:
    """Colour of a state; the word stands beside it."""
    return getattr(palette, TONES.get(state, "muted") if state else "muted")


@contextlib.contextmanager
def bar(theme: Theme) -> Iterator[None]:
    """A row of controls side by side, drawn by `field`, `chooser` … (each ends with same_line)."""
    imgui.push_style_var(
        imgui.StyleVar_.item_spacing, ImVec2(0.5 * theme.em, imgui.get_style().item_spacing.y)
    )
    try:
        yield
    finally:
        imgui.pop_style_var()


def room_for(width: float) -> None:
    """After same_line: goes to the next line where a control of `width` pixels would be cut off."""
    if imgui.get_content_region_avail().x < width:
        imgui.new_line()


def field(key: str, value: str, hint: str, width: float, tip: str) -> str:
    """Text field with a hint; the next control comes beside it."""
    room_for(width)
    imgui.set_next_item_width(width)
    changed, text = imgui.input_text_with_hint(key, hint, value)
    controls.tooltip(tip)
    imgui.same_line()
    return text if changed else value


def chooser(
    theme: Theme, key: str, value: T, options: Sequence[tuple[T, str, str]], width: float, tip: str
) -> T:
    """Drop-down of (value, title, tooltip) without a label; the next control comes beside it."""
    preview = next((title for v, title, _ in options if v == value), str(value))
    room_for(width)
    imgui.push_item_width(width)
    corner, height = imgui.get_cursor_screen_pos(), imgui.get_frame_height()
    opened = imgui.begin_combo(key, preview, imgui.ComboFlags_.no_arrow_button)
    if not opened:
        choice_rows.chevron(theme, corner.x + width - 0.95 * theme.em, corner.y + 0.5 * height)
    if opened:
        for option, title, hint in options:
            if imgui.selectable(f"{legible(title)}###{option}", option == value)[0]:
                value = option
            controls.tooltip(hint)
        imgui.end_combo()
    else:
        controls.tooltip(tip)
    imgui.pop_item_width()
    imgui.same_line()
    return value


def progress_line(theme: Theme, share: float, ink: Rgb, width: float) -> None:
    """A thin bar filled up to `share`."""
    em, draw = theme.em, imgui.get_window_draw_list()
    corner, height = imgui.get_cursor_screen_pos(), round(0.28 * em)
    draw.add_rect_filled(
        corner, ImVec2(corner.x + width, corner.y + height), theme.colour(theme.palette.field_active), height
    )
    if share > 0:
        right = corner.x + max(height, min(share, 1.0) * width)
        draw.add_rect_filled(corner, ImVec2(right, corner.y + height), theme.colour(ink), height)
    imgui.dummy(ImVec2(width, height))
