"""No dead control: every item of every panel is used by hand, and something has to follow (issue 3 section 6).

What follows may be another document, a request, an action (panel shown, text copied, file asked for), a popup, or other pixels in
the panel itself. Items that are disabled, or that only show something, are told apart by Dear ImGui's own flags.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from imgui_bundle import imgui

from tests.gui.blob_session import BlobSession
from tests.gui.window_driver import Hands, drive
from viewer.render_client.inline import InlineClient
from viewer.ui.layout import SLOTS

pytestmark = [pytest.mark.gui, pytest.mark.slow]
PANELS = [slot.title for slot in SLOTS if not slot.bare]


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


class Witness:
    """Notices whether anything happened since `reset`."""

    def __init__(self, hands: Hands) -> None:
        self.hands = hands
        self.emitted = 0
        desk = hands.desk
        handle, carry = desk._handle, desk.controller.handle

        def counted(action: object, now: float) -> bool:
            self.emitted += 1
            return carry(action, now)  # type: ignore[arg-type]

        desk.controller.handle = counted  # type: ignore[method-assign]
        self._handle = handle
        self.reset()

    def reset(self) -> None:
        self.doc, self.emitted = self.hands.doc, 0
        self.panels = self._panels()
        self.popups = self._popups()
        self.active = self._typing()

    def _panels(self) -> str:
        return repr({name: _plain(vars(panel)) for name, panel in self.hands.desk._panels.items()})

    def _popups(self) -> int:
        return imgui.internal.get_current_context().open_popup_stack.size()

    def _typing(self) -> bool:
        return imgui.get_io().want_text_input

    def what(self) -> str:
        """What happened, "" = nothing."""
        if self.hands.doc != self.doc:
            return "document"
        if self.emitted:
            return "action"
        if self._popups() != self.popups:
            return "popup"
        if self._typing() != self.active:
            return "typing"
        return "panel" if self._panels() != self.panels else ""


def _plain(value: object, depth: int = 0) -> object:
    """Enough of a panel's own state to see that it changed."""
    if depth > 3 or isinstance(value, int | float | str | bool | None):
        return value if isinstance(value, int | float | str | bool | None) else type(value).__name__
    if isinstance(value, dict):
        return {repr(k): _plain(v, depth + 1) for k, v in list(value.items())[:50]}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v, depth + 1) for v in list(value)[:50]]
    inside = getattr(value, "__dict__", None)
    return {k: _plain(v, depth + 1) for k, v in inside.items()} if inside else repr(value)[:80]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("title", PANELS)
def test_every_control_of_a_panel_does_something(display: str, title: str) -> None:
    dead: list[str] = []

    def body(hands: Hands) -> None:
        ctx = hands.ctx
        hands.app.show_panel(title, True)
        ctx.yield_(4)
        ctx.window_focus(f"//{title}")
        witness = Witness(hands)
        home = hands.doc
        for ident in _items(hands, title):
            hands.desk.controller.doc = home
            hands.app.show_panel(title, True)
            ctx.yield_(2)
            ctx.window_focus(f"//{title}")
            info = ctx.item_info(ident, imgui.test_engine.TestOpFlags_.no_error)
            if not info.id_ or info.item_flags & imgui.ItemFlags_.disabled.value:
                continue
            box = info.rect_full
            name = f"{title} {ident:#x} at {box.min.x:.0f}, {box.min.y:.0f} size {box.get_width():.0f} x {box.get_height():.0f}"
            witness.reset()
            ctx.item_click(ident)
            ctx.yield_(3)
            done = witness.what()
            if not done:
                ctx.mouse_move(ident)
                ctx.mouse_drag_with_delta(imgui.ImVec2(9, 0))
                ctx.yield_(3)
                done = witness.what()
            if not done:
                dead.append(name)
            ctx.popup_close_all()
            ctx.key_press(imgui.Key.escape)
            ctx.yield_()

    drive(body, InlineClient(BlobSession))
    assert not dead, f"nothing follows: {dead}"


def _items(hands: Hands, title: str) -> list[int]:
    """Ids of the items of a panel."""
    found = imgui.test_engine.TestItemList()
    hands.ctx.gather_items(found, f"//{title}", 8)
    return [found.get_by_index(i).id_ for i in range(found.get_size())]
