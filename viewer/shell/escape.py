"""Esc closes one thing a press, the innermost first, and never quits.

In this order: text that is being edited goes back to what it was (Dear ImGui does that), a key that waits to
be chosen, drop-downs, menus and popups (the last one that opened), the palette, the sheets, the walk through
the latents, the ray inspector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imgui_bundle import imgui


@dataclass(frozen=True)
class Layer:
    """Something that Esc can close: whether it is open, and how it is closed."""

    open: bool
    close: Callable[[], object]


class Escape:
    """One a window. What is open is looked at before anything is drawn: a popup that answers Esc by itself
    uses up the press.
    """

    def __init__(self) -> None:
        self._popups = 0

    def begin_frame(self) -> None:
        self._popups = _open_popups()

    def end_frame(self, layers: Sequence[Layer], choosing: bool) -> None:
        """Close the first of popups and `layers` that is open, if Esc went down in this frame. choosing: a
        key is being chosen.
        """
        if not imgui.is_key_pressed(imgui.Key.escape, False) or choosing:
            return
        if self._popups:
            if imgui.get_io().want_text_input:
                return  # a field of the popup: this press belongs to its text
            if _open_popups() == self._popups:
                imgui.internal.close_popup_to_level(self._popups - 1, True)
            return
        first = next((layer for layer in layers if layer.open), None)
        if first is not None:
            first.close()


def _open_popups() -> int:
    return len(imgui.get_current_context().open_popup_stack)
