"""What stands in the tooltip of an item while the cursor rests on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from imgui_bundle import imgui

from tests.gui.every_control import QUIET
from tests.gui.window_driver import Hands


@contextmanager
def reading() -> Iterator[list[str]]:
    """The list of every text that is drawn into a tooltip while this lasts."""
    told: list[str] = []
    real: Callable[[str], Any] = imgui.text_unformatted

    def heard(text: str) -> Any:
        if imgui.internal.get_current_window().name.startswith("##Tooltip"):
            told.append(text)
        return real(text)

    imgui.text_unformatted = heard  # type: ignore[assignment]
    try:
        yield told
    finally:
        imgui.text_unformatted = real  # type: ignore[assignment]


def tooltip_of(hands: Hands, item: str) -> str:
    """The tooltip of an item by its path; waits until it comes."""
    hands.ctx.mouse_teleport_to_pos(imgui.ImVec2(600.0, 8.0))  # the free part of the menu bar
    hands.ctx.yield_(2)
    with reading() as told:
        hands.ctx.mouse_move(item, QUIET)
        hands.until(lambda: told, f"the tooltip of {item}", 90)
    return told[-1]
