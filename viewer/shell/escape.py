"""Esc closes one thing per press, the innermost first, and never quits.

In this order: an edited text field is reset (by Dear ImGui), then a pending key choice, drop-downs, menus and
popups (the newest first), the palette, the sheets, the latent walk, the ray inspector.
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
    """One per window.

    Open layers are recorded before anything is drawn, since a popup that handles Esc by itself closes during
    the frame.
    """

    def __init__(self) -> None:
        self._popups = 0

    def begin_frame(self) -> None:
        self._popups = _open_popups()

    def end_frame(self, layers: Sequence[Layer], choosing: bool) -> None:
        """Close the first open popup or layer if Esc was pressed in this frame. choosing: a key is being
        chosen.
        """
        if not imgui.is_key_pressed(imgui.Key.escape, False) or choosing:
            return
        if self._popups:
            if imgui.get_io().want_text_input:
                return  # a text field of the popup handles this press
            if _open_popups() == self._popups:
                imgui.internal.close_popup_to_level(self._popups - 1, True)
            return
        first = next((layer for layer in layers if layer.open), None)
        if first is not None:
            first.close()


def _open_popups() -> int:
    return len(imgui.get_current_context().open_popup_stack)
