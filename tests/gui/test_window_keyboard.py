"""The window by keys alone: every control of every panel can be reached and shows it, menus and lists open and close (issue 19, part 6)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from imgui_bundle import imgui
from PIL import Image

from tests.blob_head.session import BlobSession
from tests.gui.every_control import CHILD_PX, DISABLED, Found, items_of
from tests.gui.panel_states import STATES
from tests.gui.window_driver import Hands, drive
from tests.unit.render_client.inline_client import InlineClient
from viewer.state import actions

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures")]
MOST = 150
PARTS = 4
"""Windows for the other panels: the test engine ends what takes a minute of frames."""
QUICK = ("latent", "camera", "view, depth", "sampler, learned", "export, picture")


def focused() -> int:
    return imgui.get_current_context().nav_id


def tab_stops(hands: Hands) -> set[int]:
    """Everything that Tab comes to in the window that has the keyboard."""
    found: set[int] = set()
    for _ in range(MOST):
        hands.ctx.key_press(imgui.Key.tab)
        hands.ctx.yield_(1)
        if focused() in found:
            break
        found.add(focused())
    return found


def _holds(item: Found, other: Found) -> bool:
    (x, y, wide, high), (left, top, w, h) = item.box, other.box
    inside = x <= left and y <= top and left + w <= x + wide and top + h <= y + high
    return other.number != item.number and inside and w * h < wide * high


def unreached(hands: Hands, title: str) -> list[str]:
    hands.ctx.window_focus(f"//{title}")
    hands.ctx.yield_(2)
    wanted = {}
    items = items_of(hands, f"//{title}")
    for item in items:
        info = hands.ctx.item_info(item.id)
        # a child window is an item too, and no control: others lie in it
        control = min(item.box[2:]) < CHILD_PX and sum(_holds(item, other) for other in items) < 2
        if control and not info.item_flags & DISABLED:
            wanted[item.number] = item.place
    found = tab_stops(hands)
    assert not found - {0} or focused() in found
    return [place for number, place in wanted.items() if number not in found]


def walk(states: list[str], size: tuple[int, int] = (1600, 1000)) -> dict[str, list[str]]:
    missed: dict[str, list[str]] = {}

    def body(hands: Hands) -> None:
        for state in states:
            title, prepare = STATES[state]
            for closed in ("Ray", "Compare", "Layers"):
                hands.app.show_panel(closed, title == closed)
            hands.loop.dispatch(actions.FrontPanel(title))
            hands.ctx.yield_(3)
            prepare(hands)
            hands.ctx.yield_(6)
            left = unreached(hands, title)
            if left:
                missed[state] = left
            hands.ctx.key_press(imgui.Key.escape)
            hands.ctx.yield_(2)

    drive(body, InlineClient(BlobSession), "blob:posed", size)
    return missed


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("undrawn")
def test_tab_comes_to_every_control_of_the_main_panels() -> None:
    missed = walk(list(QUICK))
    assert not missed, missed


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("part", range(PARTS))
def test_tab_comes_to_every_control_of_the_other_panels(part: int) -> None:
    others = [s for s in STATES if s not in QUICK and STATES[s][0] not in ("Ray", "Compare")]
    missed = walk(others[part::PARTS])
    assert not missed, missed


def test_the_focused_control_is_seen(tmp_path: Path) -> None:
    """The frame of the accent colour is on the screen only while the keyboard is used."""

    def body(hands: Hands) -> None:
        accent = np.array(hands.app.theme.palette.accent) * 255 if hands.app.theme else np.zeros(3)

        def shot(name: str) -> int:
            path = tmp_path / f"{name}.png"
            hands.app.screenshot(path)
            hands.until(path.is_file, "the picture")
            hands.ctx.yield_(2)
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB")).astype(float)
            return int((np.abs(pixels - accent).max(axis=-1) < 12).sum())

        hands.loop.dispatch(actions.FrontPanel("Camera"))
        hands.ctx.yield_(4)
        before = shot("before")
        hands.ctx.key_press(imgui.Key.tab)
        hands.ctx.yield_(3)
        assert shot("focus") > before + 60

    drive(body, size=(1280, 720))


@pytest.mark.usefixtures("undrawn")
def test_a_switch_is_turned_and_a_panel_is_called_without_a_mouse() -> None:
    def body(hands: Hands) -> None:
        ctx = hands.ctx
        ctx.key_press(imgui.Key.mod_ctrl.value | imgui.Key.p.value)
        ctx.yield_(4)
        ctx.key_chars("panel sampler")
        ctx.yield_(3)
        ctx.key_press(imgui.Key.down_arrow)
        ctx.key_press(imgui.Key.up_arrow)
        ctx.yield_(2)
        ctx.key_press(imgui.Key.enter)
        ctx.yield_(6)
        assert imgui.get_current_context().nav_window.name == "Sampler"
        switch = ctx.item_info("//Sampler/##adaptive").id_
        for _ in range(MOST):
            ctx.key_press(imgui.Key.tab)
            ctx.yield_(1)
            if focused() == switch:
                break
        was = hands.doc.sampler.adaptive
        ctx.key_press(imgui.Key.space)
        ctx.yield_(3)
        assert hands.doc.sampler.adaptive != was

    drive(body, size=(1600, 1000))


@pytest.mark.usefixtures("undrawn")
def test_menus_by_keys() -> None:
    def body(hands: Hands) -> None:
        ctx = hands.ctx
        ctx.key_press(imgui.Key.f10)
        ctx.yield_(3)
        ctx.key_press(imgui.Key.right_arrow)
        ctx.key_press(imgui.Key.right_arrow)
        ctx.yield_(2)
        ctx.key_press(imgui.Key.enter)
        ctx.yield_(3)
        assert len(imgui.get_current_context().open_popup_stack) == 1
        ctx.key_press(imgui.Key.down_arrow)
        ctx.yield_(2)
        ctx.key_press(imgui.Key.enter)
        hands.until(
            lambda: not hands.loop.workspace.exploring, "Training, the second line of the View menu", 60
        )

    drive(body)


def test_every_child_of_a_panel_is_open_to_tab() -> None:
    """A child window of its own scope is passed over by Tab, with everything in it."""
    closed = [p for p in Path("viewer").rglob("*.py") if "imgui.begin_child(" in p.read_text()]
    assert closed == [Path("viewer/widgets/controls.py")], closed
