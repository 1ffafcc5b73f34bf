"""The four main jobs take at most three actions from the view (issue 19), and what runs is told and can be ended."""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from imgui_bundle import imgui

from tests.gui.window_driver import Hands, drive
from viewer.features.training.preset_cards import KIND
from viewer.jobs import job_service
from viewer.jobs.tasks import Task, TaskRecord

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "undrawn", "small_pictures")]


class Counting:
    """A hand whose actions are counted."""

    def __init__(self, hands: Hands) -> None:
        self.hands, self.actions = hands, 0

    def press(self, chord: int) -> None:
        self.actions += 1
        self.hands.ctx.key_press(chord)
        self.hands.ctx.yield_(3)

    def click(self, item: str) -> None:
        self.actions += 1
        self.hands.ctx.item_click(item)
        self.hands.ctx.yield_(3)

    def click_picture(self, u: float, v: float) -> None:
        self.actions += 1
        place = self.hands.loop.place
        at = imgui.ImVec2(place.origin[0] + u * place.size, place.origin[1] + v * place.size)
        self.hands.ctx.mouse_move_to_pos(at)
        self.hands.ctx.mouse_click(0)


def ctrl(key: imgui.Key) -> int:
    return imgui.Key.mod_ctrl.value | key.value


def a_data_set(path: Path) -> None:
    from io import BytesIO

    from PIL import Image

    picture = BytesIO()
    Image.new("RGB", (32, 32)).save(picture, format="PNG")
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("00000/img.png", picture.getvalue())
        out.writestr("dataset.json", json.dumps({"labels": [["00000/img.png", [0.0] * 25]]}))


def test_the_main_jobs_take_three_actions_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    a_data_set(tmp_path / "work" / "heads.zip")
    begun: list[Any] = []
    monkeypatch.setattr(job_service, "start", lambda run, argv, *rest: begun.append((run, argv)))

    def body(hands: Hands) -> None:
        hands.until_full()
        inspect = Counting(hands)
        inspect.click_picture(0.5, 0.45)
        hands.until(lambda: hands.doc.rays.selected is not None, "the inspected pixel")
        assert inspect.actions == 1

        started: list[tuple[Any, ...]] = []
        hands.loop.tasks.start = lambda *args, **more: started.append(args) or "id"  # type: ignore[method-assign]
        mesh = Counting(hands)
        mesh.press(ctrl(imgui.Key.e))
        assert mesh.actions == 1 and started[0][0] == "mesh" and hands.doc.mesh.resolution == 1024
        request = json.loads((Path(started[0][4]) / "request.json").read_text())
        assert request["resolution"] == 1024

        training = Counting(hands)
        training.press(ctrl(imgui.Key._2))
        page = hands.loop.features["training"].panel.launch  # type: ignore[attr-defined]
        hands.until(lambda: page.draft.data.endswith("heads.zip"), "the data set that lies here")
        training.click("//Training/**/##preset-smoke")
        hands.until(
            lambda: not page.draft.problems("") and page.data.looker.want(page.draft.data), "the data"
        )
        hands.ctx.yield_(3)
        training.click("//Training/**/###start-run")
        hands.until(lambda: begun, "the training")
        assert training.actions == 3 and "smoke" in begun[0][1]

    drive(body, size=(1600, 1000))


def test_what_runs_stands_in_the_status_bar_and_what_is_done_in_a_toast(tmp_path: Path) -> None:
    made = tmp_path / "head.glb"
    made.write_bytes(b"glTF")
    record = TaskRecord(
        id="one", kind="mesh", title="head.glb", out=str(made), arguments=(), begun=time.time()
    )
    going = Task(record, tmp_path, "running", "marching cubes", 0.4)

    def body(hands: Hands) -> None:
        loop, ended = hands.loop, []
        loop.tasks.views = lambda kind="": (going,) if not ended and kind in ("", "mesh") else ()  # type: ignore[method-assign]
        loop.tasks.cancel = ended.append  # type: ignore[method-assign]
        hands.ctx.yield_(3)
        hands.ctx.item_click("**/##jobs")
        hands.ctx.yield_(3)
        hands.ctx.item_click("//$FOCUSED/one/##job-cancel")
        hands.until(lambda: ended == ["one"], "the end of the task")
        hands.ctx.popup_close_all()
        loop.toasts.add("head.glb is there", str(made), time.monotonic())
        hands.ctx.yield_(3)
        hands.ctx.item_click("//##toast0/###toast-copy")
        hands.ctx.yield_(2)
        assert imgui.get_clipboard_text() == str(made)
        hands.ctx.item_click("//##toast0/##toast-close")
        hands.ctx.yield_(2)
        assert not loop.toasts.shown

    assert KIND == "train-check"
    drive(body)
