"""Tooltips name the key that is bound now, the palette knows what people say, and what would be lost looks so (issue 19, parts 2, 3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from imgui_bundle import imgui

from tests.gui.tooltips import tooltip_of
from tests.gui.window_driver import Hands, drive
from viewer.shell.command_palette import entries, matching
from viewer.shell.commands import Situation
from viewer.shell.layout import SLOTS
from viewer.state.chords import Chord

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "undrawn", "small_pictures")]
ITEMS = {
    "camera.reset": ("Camera", "###reset"),
    "camera.frame": ("Camera", "###frame"),
    "latent.next": ("Latent", "##seed+"),
    "latent.previous": ("Latent", "##seed-"),
    "file.open": ("Model", "##browse"),
    "file.export-mesh": ("Mesh", "###mesh-export"),
    "file.save-picture": ("Export", "##folder"),
}


def test_tooltips_name_the_key_also_after_it_was_changed() -> None:
    def body(hands: Hands) -> None:
        keys = hands.loop.keys

        def told(command: str) -> str:
            panel, item = ITEMS[command]
            hands.app.front_panel(panel)
            hands.ctx.yield_(4)
            return tooltip_of(hands, f"//{panel}/**/{item}")

        for command in ITEMS:
            assert keys.text(command) in told(command), command
        keys.bind("camera.reset", Chord("K", ctrl=True))
        keys.bind("file.save-picture", None)
        assert told("camera.reset").endswith("(Ctrl+K)")
        assert told("file.save-picture").startswith("Where the file goes; Save picture saves here too")

    drive(body, size=(1600, 1000))


SAID = {
    "mesh": "Export the mesh of this head", "3d model": "Export the mesh of this head", "screenshot": "Save the view as a picture",
    "depth": "Depth", "export": "Export", "video": "Export", "train": "Training workspace", "compare": "Compare", "undo": "Undo",
    "checkpoint": "Open a checkpoint", "gpu": "Check this machine", "seed": "Next seed", "shortcuts": "Keys",
    "zoom": "Frame the whole subject", "dark": "Dark theme", "turntable": "Export", "slice": "Section",
    "activations": "Layers", "feature maps": "Layers", "layers": "Layers",
}  # fmt: skip


def test_the_palette_finds_what_people_call_things() -> None:
    def body(hands: Hands) -> None:
        info = hands.loop.coordinator.info
        now = Situation(hands.doc, info)
        panels = [slot.title for slot in SLOTS if not slot.bare]
        every = entries(hands.loop.keys, hands.loop.presets, (), now, panels)
        missed = {
            word: [e.title for e in matching(every, word)[:4]]
            for word, wanted in SAID.items()
            if not any(e.title.startswith(wanted) for e in matching(every, word)[:4])
        }
        assert not missed, missed

    drive(body)


def test_an_export_that_replaces_a_file_says_what_is_lost(tmp_path: Path) -> None:
    there = tmp_path / "head.png"
    there.write_bytes(b"old")

    def body(hands: Hands) -> None:
        exports = hands.loop.exports
        hands.app.front_panel("Export")
        exports.settings = exports.settings.replace(folder=str(tmp_path), name="head", overwrite=True)
        hands.ctx.yield_(4)
        assert str(there) in tooltip_of(hands, "//Export/**/###start")
        rows = hands.loop.features["mesh"].panel.export  # type: ignore[attr-defined]
        rows.typed, rows.overwrite = str(tmp_path / "head.glb"), True
        (tmp_path / "head.glb").write_bytes(b"old")
        hands.app.front_panel("Mesh")
        hands.ctx.yield_(4)
        assert "is lost" in tooltip_of(hands, "//Mesh/**/###mesh-export")
        hands.ctx.key_press(imgui.Key.escape)

    drive(body, size=(1600, 1000))
