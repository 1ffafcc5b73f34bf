"""The first look: a new user is greeted over the first picture, later starts go straight to the last view."""

from __future__ import annotations

from pathlib import Path

import pytest
from imgui_bundle import ImVec2, imgui

from tests.gui.window_driver import Hands, drive
from viewer.shell import app, welcome

DEMO = "blob:demo"

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures", "undrawn")]


@pytest.fixture(autouse=True)
def blob(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What opens when nothing is named is the blob head, and it is the demo; a session comes back where its file is."""
    monkeypatch.chdir(tmp_path)
    Path(DEMO).touch()
    monkeypatch.setattr(app, "default_checkpoint", lambda: DEMO)
    monkeypatch.setattr(welcome, "demo_checkpoint", lambda: DEMO)


def hints_shown(hands: Hands) -> bool:
    return imgui.internal.find_window_by_name("##hint") is not None


def test_a_new_user_is_greeted_once() -> None:
    def first(hands: Hands) -> None:
        sheet = hands.loop.welcome
        assert sheet.open and hands.loop.place.drawn
        hands.ctx.key_press(imgui.Key.escape)
        hands.until(lambda: not sheet.open, "Esc closes it")
        hands.ctx.menu_click("//##MainMenuBar/Help/Welcome")
        hands.until(lambda: sheet.open, "Help brings it again")
        hands.ctx.item_click("//##welcome/###close")
        hands.until(lambda: not sheet.open, "its button closes it")
        assert hands.doc.checkpoint == DEMO
        hands.ctx.key_chars("]")
        hands.ctx.yield_(3)
        hands.loop.dispatch(welcome_seed(hands))
        hands.ctx.yield_(3)

    def second(hands: Hands) -> None:
        assert not hands.loop.welcome.open and hands.doc.latent.psi == 0.25

    drive(first, checkpoint=None)
    drive(second, checkpoint=None)


def test_a_first_drag_turns_the_head_and_is_what_closes_it() -> None:
    """As a hand finds the window that was never open before: the press that the greeting speaks of reaches the picture."""

    def body(hands: Hands) -> None:
        sheet, place, before = hands.loop.welcome, hands.loop.place, hands.doc.camera
        assert sheet.open
        drawn = imgui.internal.find_window_by_name("##welcome")
        middle = ImVec2(place.origin[0] + 0.5 * place.size, place.origin[1] + 0.5 * place.size)
        assert drawn is not None and drawn.pos.y > middle.y + 0.1 * place.size, "it lies over the face"
        hands.ctx.mouse_move_to_pos(middle)
        hands.ctx.mouse_drag_with_delta(ImVec2(-80.0, 10.0))
        hands.until(lambda: hands.doc.camera != before, "the head turns")
        hands.until(lambda: not sheet.open, "the greeting goes")

    drive(body, checkpoint=None, size=(1600, 1000))


def welcome_seed(hands: Hands):
    """An edit that the next start must bring back."""
    from viewer.state.actions import Edit

    return Edit(hands.doc, hands.doc.replace(latent=hands.doc.latent.replace(psi=0.25)))


def test_who_names_a_checkpoint_is_not_greeted() -> None:
    def body(hands: Hands) -> None:
        assert not hands.loop.welcome.open

    drive(body)


def test_what_it_offers_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def body(hands: Hands) -> None:
        sheet = hands.loop.welcome
        monkeypatch.setattr(type(hands.loop.opening), "ask", lambda *rest: asked.append("dialog"))
        hands.ctx.item_click("//##welcome/###welcome-open")
        hands.until(lambda: asked and not sheet.open, "the dialog")
        hands.loop.prefs = hands.loop.prefs.replace(recent=("blob:other", DEMO))
        sheet.open = True
        hands.ctx.yield_(2)
        hands.ctx.item_click("//##welcome/###welcome-blob:other")
        hands.until(lambda: hands.doc.checkpoint == "blob:other" and not sheet.open, "the recent file")
        sheet.open = True
        hands.ctx.yield_(2)
        hands.ctx.item_click("//##welcome/###welcome-demo")
        hands.until(lambda: hands.doc.checkpoint == DEMO and not sheet.open, "the demo")
        sheet.open = True
        hands.ctx.yield_(2)
        hands.ctx.item_click("//##welcome/###welcome-train")
        hands.until(lambda: not sheet.open, "the sheet closes")
        hands.ctx.yield_(2)
        assert not hands.loop.workspace.exploring and asked == ["dialog"]

    drive(body, checkpoint=None)


def test_the_hints_name_the_keys_as_they_are_bound() -> None:
    def body(hands: Hands) -> None:
        keys = hands.loop.keys
        assert "Ctrl+P" in welcome.hints(keys)[2][1] and "Keys 1 to 9" in welcome.hints(keys)[2][1]
        keys.bind("help.palette", None)
        assert "menus" in welcome.hints(keys)[2][1]

    drive(body)
