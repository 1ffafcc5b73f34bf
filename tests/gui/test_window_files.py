"""The window's own browser of files, by mouse and by keys alone, and data sets that are made and looked at (issue 19, part 4)."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from imgui_bundle import imgui
from PIL import Image

from core_model.schema.camera import OrbitPose, label25
from tests.gui.window_driver import Hands, drive
from viewer.jobs.tasks import Task, TaskRecord
from viewer.state.preferences import load_preferences

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "undrawn", "small_pictures")]
CTRL = imgui.Key.mod_ctrl.value


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with folders, checkpoints and other files, which the window starts in."""
    folder = tmp_path / "work"
    (folder / "models" / "old").mkdir(parents=True)
    for name in ("models/a.pkl", "models/b.safetensors", "models/readme.txt", "top.pkl"):
        (folder / name).write_bytes(b"x")
    monkeypatch.chdir(folder)
    return folder


def own_browser(hands: Hands) -> list[str]:
    """No dialog of the desktop; what was opened goes into the list."""
    hands.loop.files.system = False
    opened: list[str] = []
    hands.loop.opening.take = lambda paths, *rest: opened.extend(paths)  # type: ignore[method-assign]
    return opened


def names(hands: Hands) -> list[str]:
    return [e.name for e in hands.loop.files._browser._shown()]


def test_a_checkpoint_is_opened_by_keys_alone(place: Path) -> None:
    def body(hands: Hands) -> None:
        opened, ctx, files = own_browser(hands), hands.ctx, hands.loop.files
        ctx.key_press(CTRL | imgui.Key.o.value)
        hands.until(
            lambda: files.open and names(hands) == ["models", "top.pkl"], "the browser with what it may open"
        )
        ctx.yield_(3)
        ctx.key_press(imgui.Key.enter)
        hands.until(lambda: names(hands) == ["old", "a.pkl", "b.safetensors"], "the folder that was marked")
        ctx.yield_(3)
        ctx.key_press(imgui.Key.backspace)
        hands.until(lambda: names(hands) == ["models", "top.pkl"], "the folder above")
        ctx.yield_(3)
        ctx.key_press(imgui.Key.enter)
        hands.until(lambda: len(names(hands)) == 3, "down again")
        ctx.yield_(3)
        ctx.key_chars("safe")
        ctx.yield_(3)
        assert names(hands) == ["b.safetensors"]
        ctx.key_press(imgui.Key.enter)
        hands.until(lambda: opened == [str(place / "models" / "b.safetensors")], "the file")
        assert not files.open and files.recent == (str(place / "models"),)
        ctx.yield_(3)
        ctx.key_press(CTRL | imgui.Key.o.value)
        hands.until(lambda: files.open and len(names(hands)) == 3, "the recent folder")
        ctx.yield_(3)
        for _ in range(2):
            ctx.key_press(imgui.Key.escape)
            ctx.yield_(2)
        assert not files.open, "Esc closes it"

    drive(body)
    assert load_preferences()[0].folders == (str(place / "models"),)


def test_the_browser_by_mouse(place: Path) -> None:
    def body(hands: Hands) -> None:
        opened, ctx, files = own_browser(hands), hands.ctx, hands.loop.files
        files.recent = (str(place / "models"),)
        hands.app.front_panel("Model")
        ctx.yield_(4)
        ctx.item_click("//Model/##browse")
        hands.until(lambda: files.open and len(names(hands)) == 3, "the browser in the recent folder")
        ctx.yield_(3)
        ctx.item_click("//##files/##files-kind")
        ctx.yield_(2)
        ctx.item_click("//$FOCUSED/All files")
        hands.until(lambda: "readme.txt" in names(hands), "all files")
        ctx.item_click("//##files/##files-up")
        hands.until(lambda: names(hands) == ["models", "top.pkl"], "above")
        ctx.item_click("//##files/##files-recent")
        ctx.yield_(2)
        ctx.item_click("//$FOCUSED/###recent-folder-0")
        hands.until(lambda: len(names(hands)) == 4, "the recent folder")
        ctx.yield_(3)
        ctx.item_input_value("//##files/##files-path", str(place / "nowhere"))
        ctx.yield_(2)
        assert "no folder" in files._browser.said
        ctx.item_click("//##files/**/###a.pkl")
        ctx.yield_(2)
        ctx.item_click("//##files/###files-take")
        hands.until(lambda: opened == [str(place / "models" / "a.pkl")], "the file")
        ctx.item_click("//Model/##browse")
        hands.until(lambda: files.open, "the browser again")
        ctx.yield_(3)
        ctx.item_click("//##files/###files-cancel")
        ctx.yield_(2)
        assert not files.open

    drive(body)


def test_folders_of_exports_are_chosen(place: Path) -> None:
    def body(hands: Hands) -> None:
        own_browser(hands)
        ctx, files = hands.ctx, hands.loop.files
        hands.app.front_panel("Export")
        ctx.yield_(4)
        ctx.item_click("//Export/**/##folder-browse")
        hands.until(lambda: files.open, "the browser")
        ctx.yield_(3)
        ctx.item_input_value("//##files/##files-path", str(place / "models"))
        hands.until(lambda: names(hands) == ["old"], "folders only")
        ctx.item_click("//##files/###files-take")
        hands.until(lambda: not files.open, "the folder")
        hands.ctx.yield_(3)
        assert hands.loop.exports.settings.folder == str(place / "models")

    drive(body)


def png() -> bytes:
    out = BytesIO()
    Image.new("RGB", (32, 32), (200, 120, 80)).save(out, format="PNG")
    return out.getvalue()


def test_a_data_set_is_made_looked_at_and_taken(place: Path) -> None:
    started: list[tuple[Any, ...]] = []

    def body(hands: Hands) -> None:
        own_browser(hands)
        ctx, loop = hands.ctx, hands.loop
        ctx.key_press(CTRL | imgui.Key._2.value)
        page = loop.features["training"].panel.launch  # type: ignore[attr-defined]
        ctx.yield_(20)
        ctx.item_click("//Training/**/##make-data")
        ctx.yield_(3)
        page.data.maker.wish.count = 20
        page.data.maker.out = str(place / "heads.zip")
        labels = [[f"{i}.png", label25(OrbitPose(yaw=0.1 * i)).tolist()] for i in range(20)]
        finished: list[Task] = []

        def views(kind: str = "") -> tuple[Task, ...]:
            return tuple(finished)

        loop.tasks.start = lambda kind, title, arguments, out, **more: (
            started.append((kind, arguments)) or "one"
        )  # type: ignore[method-assign]
        loop.tasks.views = views  # type: ignore[method-assign]
        ctx.yield_(2)
        ctx.item_click("//Training/**/###make-heads")
        ctx.yield_(2)
        kind, arguments = started[0]
        assert kind == "data" and arguments[:5] == (
            "data",
            "heads",
            str(place / "heads.zip"),
            "--count",
            "20",
        )
        with zipfile.ZipFile(place / "heads.zip", "w") as out:
            for name, _ in labels:
                out.writestr(name, png())
            out.writestr("dataset.json", json.dumps({"labels": labels}))
        record = TaskRecord(
            id="one", kind="data", title="heads.zip", out=str(place / "heads.zip"), arguments=(), begun=1.0
        )
        finished.append(Task(record, place, "done"))
        hands.until(lambda: page.draft.data == str(place / "heads.zip"), "the new set as the data of the run")
        found = lambda: page.data.previewer.want(page.draft.data, float(page.data.looker.found.bytes))
        hands.until(lambda: page.data.looker.found is not None and found() is not None, "its preview")
        ctx.yield_(3)
        assert len(found().names) == 16 and len(found().cameras) == 20
        yaw = page.data.drawing.yaw
        ctx.mouse_move("//Training/**/##data-cameras")
        ctx.mouse_drag_with_delta(imgui.ImVec2(30, 0))
        assert page.data.drawing.yaw < yaw, "a drag turns the cameras"
        (place / "own").mkdir()
        (place / "own" / "me.png").write_bytes(png())
        page.draft.data = str(place / "own")
        hands.until(
            lambda: ctx.item_exists("//Training/**/###no-cameras"), "the remedy of a set without cameras"
        )
        ctx.item_click("//Training/**/###no-cameras")
        ctx.yield_(3)
        assert page.draft.tree is not None and not page.draft.tree.data.labels

    drive(body, size=(1600, 1000))
