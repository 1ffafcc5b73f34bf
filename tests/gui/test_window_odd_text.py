"""Every field of every panel is given odd texts and the ends of its range; no panel may fail, and the window lives on.

The widgets of Dear ImGui are answered for by a stand-in, field by field, as if a person had typed: the text reaches the panel's own code
in full, faster than by keys.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from imgui_bundle import imgui

from tests.blob_head.session import BlobSession
from tests.gui.every_control import Walker, Witness
from tests.gui.panel_states import STATES
from tests.gui.window_driver import Hands, drive
from tests.unit.render_client.inline_client import InlineClient
from viewer.widgets import typed

pytestmark = [pytest.mark.gui, pytest.mark.slow]
PICTURE_EDGE = 64
LABEL = "1 0 0 0  0 1 0 0  0 0 1 2.7  0 0 0 1  2182 0 0.5  0 2182 0.5  0 0 1"
"""A camera whose focal length is in pixels."""
TEXTS = (
    "", " ", "nan", "-1", "1e308", "99999999999999999999", "9" * 4000, "²", "0-99999999999", "nan,nan", "/".join([".."] * 2),
    "/dev/null", "~nobody/x",
    "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"), "{", "[1, NaN]", '{"kind": "orbit", "yaw": 1e999}', LABEL,
)  # fmt: skip


class StandIn:
    """Stands for the fields: one of them, by its number within the frame, answers once with something odd.

    drawn: (key, what kind of field) of this frame's fields, in the order in which they were drawn.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.drawn: list[tuple[str, str]] = []
        self.turn: tuple[int, Any] | None = None
        for name, place in (("input_text", 1), ("input_text_with_hint", 2)):
            monkeypatch.setattr(imgui, name, self._wrapped(getattr(imgui, name), "text", place))
        for name, low in (("drag_float", 3), ("slider_float", 2), ("drag_int", 3), ("slider_int", 2)):
            monkeypatch.setattr(imgui, name, self._wrapped(getattr(imgui, name), "number", low))
        whole = typed.whole

        def entered(theme: Any, key: str, shown: str, low: int, high: int) -> int | None:
            answer = self._answer(key, "whole")
            return whole(theme, key, shown, low, high) if answer is None else (low, high)[answer]

        monkeypatch.setattr(typed, "whole", entered)

    def _answer(self, key: str, kind: str) -> Any:
        self.drawn.append((key, kind))
        if self.turn is None or self.turn[0] != len(self.drawn) - 1:
            return None
        answer, self.turn = self.turn[1], None
        return answer

    def _wrapped(self, real: Callable[..., Any], kind: str, place: int) -> Callable[..., Any]:
        def field(*args: Any, **kwargs: Any) -> Any:
            answer = self._answer(args[0], kind)
            done = real(*args, **kwargs)
            if answer is None:
                return done
            if kind == "text":
                return True, answer
            return True, args[place + answer]  # the low or the high end

        return field


@pytest.mark.timeout(300)
@pytest.mark.parametrize("state", STATES)
def test_odd_texts_and_ends_of_ranges_break_no_panel(
    display: str,
    state: str,
    undrawn: None,
    small_pictures: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    title, prepare = STATES[state]
    tried: list[str] = []

    def body(hands: Hands) -> None:
        walker = Walker(hands, title, Witness(hands), prepare)
        walker.settle()
        unfold(hands)
        stand_in = StandIn(monkeypatch)
        drawn = next_frame(hands, stand_in)
        for number, (key, kind) in enumerate(drawn):
            for answer in TEXTS if kind == "text" else (0, 1):
                stand_in.turn = (number, answer)
                hands.ctx.yield_(3)
                stand_in.turn = None
                tried.append(f"{key} {answer!r:.40}")
                assert not hands.loop.broken, (key, answer, hands.loop.broken)
                walker.put_back()
                if next_frame(hands, stand_in) != drawn:
                    walker.settle()
                    unfold(hands)

    try:
        drive(body, InlineClient(BlobSession), "blob:posed")
    finally:
        gc.collect()
    print(f"{state}: {len(tried)} answers")


def unfold(hands: Hands) -> None:
    """Opens every fold of every panel."""
    for feature in hands.loop.features.values():
        panel = vars(feature.panel)
        for name, value in panel.items():
            if name.endswith("_open") and isinstance(value, bool):
                panel[name] = True
            elif name == "opened" and isinstance(value, dict):
                panel[name] = dict.fromkeys(value, True)
    hands.ctx.yield_(4)


def next_frame(hands: Hands, stand_in: StandIn) -> list[tuple[str, str]]:
    """The fields that one frame draws."""
    stand_in.drawn.clear()
    hands.ctx.yield_()
    return list(stand_in.drawn)
