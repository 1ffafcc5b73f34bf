"""Command palette, keys of one's own, presets, and the session after a crash, in the real window."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from imgui_bundle import imgui

from core_model.schema.config_dir import config_dir
from tests.gui.window_driver import Hands, drive
from viewer.shell.autosave import SavedSession
from viewer.state import actions
from viewer.state.document import Document

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures", "undrawn")]


def press(hands: Hands, chord: int) -> None:
    hands.ctx.key_press(chord)
    hands.ctx.yield_(3)


def test_the_palette_finds_a_command_by_its_words() -> None:
    def body(hands: Hands) -> None:
        ctx = hands.ctx
        press(hands, imgui.Key.mod_ctrl | imgui.Key.p)
        hands.until(lambda: hands.loop.palette.open, "the palette")
        ctx.yield_(2)
        ctx.key_chars("depth")
        ctx.yield_(3)
        press(hands, imgui.Key.enter)
        assert hands.doc.view.channel == "depth" and not hands.loop.palette.open

    drive(body)


def test_a_command_gets_another_key():
    def body(hands: Hands) -> None:
        ctx = hands.ctx
        press(hands, imgui.Key.f1)
        hands.until(lambda: hands.loop.keys_open, "the list of keys")
        ctx.yield_(3)
        ctx.item_click("//##keys-sheet/**/###key-latent.next")
        assert hands.loop.keys.choosing == "latent.next"
        press(hands, imgui.Key.n)
        assert hands.loop.keys.text("latent.next") == "N"
        press(hands, imgui.Key.escape)
        assert not hands.loop.keys_open
        seed = hands.doc.latent.seeds[0].seed
        press(hands, imgui.Key.n)
        assert hands.doc.latent.seeds[0].seed == seed + 1
        press(hands, imgui.Key.right_bracket)
        assert hands.doc.latent.seeds[0].seed == seed + 1, "the old key is free"
        assert json.loads((config_dir() / "preferences.json").read_text())["keys"] == {"latent.next": "N"}

    drive(body)


def test_a_preset_is_one_step_of_the_history():
    def body(hands: Hands) -> None:
        ctx = hands.ctx
        hands.loop.dispatch(
            actions.Edit(hands.doc, hands.doc.replace(view=hands.doc.view.with_channel("depth")))
        )
        ctx.yield_(2)
        hands.loop.dispatch(actions.SavePreset("Depths"))
        ctx.yield_(2)
        press(hands, imgui.Key._1)
        assert hands.doc.view.channel == "rgb"
        hands.loop.dispatch(actions.ApplyPreset("Depths"))
        ctx.yield_(2)
        assert hands.doc.view.channel == "depth"
        press(hands, imgui.Key.mod_ctrl | imgui.Key.z)
        assert hands.doc.view.channel == "rgb", "a preset is one step of the history"

    drive(body)


def test_the_view_of_a_crashed_window_is_offered() -> None:
    folder: Path = config_dir() / "sessions"
    folder.mkdir(parents=True, exist_ok=True)
    doc = Document(checkpoint="blob:demo")
    doc = doc.replace(camera=doc.camera.replace(yaw=0.5), latent=doc.latent.of_seed(21))
    left = SavedSession(pid=2**22 + 5, started=1.0, saved=time.time(), document=doc)
    (folder / "4194309.json").write_text(left.model_dump_json())

    def body(hands: Hands) -> None:
        hands.until(lambda: hands.loop.store.banner is not None, "the offer")
        hands.ctx.yield_(3)
        hands.ctx.item_click("//##banner/###restore")
        hands.until(
            lambda: hands.doc.latent.seeds[0].seed == 21 and abs(hands.doc.camera.yaw - 0.5) < 1e-9,
            "the old view",
        )
        hands.until_full()
        assert hands.loop.store.banner is None
        assert not list(folder.glob("4194309.json")), "it is offered once"

    drive(body)
