"""One moment of a run in all its pages: pictures side by side, the track, charts and snapshots in step (issue 19, parts 4 and 5)."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from imgui_bundle import imgui

from core_model.schema.checkpoint import CheckpointInfo
from tests.blob_head.session import BlobSession, blob_info
from tests.gui.window_driver import Hands, drive
from tests.unit.render_client.inline_client import InlineClient
from tests.unit.runs.synthetic import Plan, picture, write_native
from viewer.features.training.panel import TrainingPanel
from viewer.runs.moments import moment_at
from viewer.runs.states import this_host

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "undrawn")]
MAIN = "//Training/**/"


class AnyFile(BlobSession):
    """The blob, whatever file is opened: snapshots of synthetic runs hold nothing."""

    def open(self, path: str) -> CheckpointInfo:
        return blob_info(path)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with eight snapshots, pictures of them, and a picture of the data."""
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path / "config"))
    made = write_native(
        tmp_path / "runs" / "alive",
        Plan(ticks=40, start=time.time() - 40 * 37.0),
        pid=os.getpid(),
        host=this_host(),
    )
    picture(1, 1.0, edge=12).save(made / "images" / "reals.png")
    (tmp_path / "config").mkdir()
    quality = {"max_size": 64, "refine": False, "settle_delay_s": 0.02, "full_delay_s": 0.05}
    look = {"quality": quality, "run_folders": [str(tmp_path / "runs")], "hint_read": True}
    (tmp_path / "config" / "preferences.json").write_text(json.dumps(look))
    return made


def training(h: Hands) -> TrainingPanel:
    h.ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key._2))
    panel = h.loop.features["training"].panel
    assert isinstance(panel, TrainingPanel)
    h.until(lambda: panel.index.reader(panel.view.chosen) is not None, "the chosen run", 4000)
    h.until(lambda: not any(r.catching_up for r in panel.index.poller.runs), "the run to be read", 4000)
    return panel


def test_reals_and_another_step_stand_beside_the_fakes(run: Path) -> None:
    def body(h: Hands) -> None:
        ctx, panel = h.ctx, training(h)
        drawing = panel.pictures
        ctx.item_click(f"{MAIN}###page-pictures")
        h.until(lambda: drawing.page.shown is not None, "a picture", 4000)
        drawing.choose_beside("reals")
        h.until(lambda: drawing.second.shown is not None, "the reals", 4000)
        assert drawing.second.group == "reals" and drawing.page.group == "fakes"
        drawing.choose_beside("step")
        h.until(lambda: drawing.second.group == "fakes" and drawing.second.place == 0, "the first moment")
        last = drawing.page.place
        ctx.item_click(f"{MAIN}##picture-previous")
        ctx.yield_(3)
        assert drawing.page.place == last - 1 and drawing.second.place == 0, "each has its own time"
        ctx.item_click(f"{MAIN}##second-picture-next")
        ctx.yield_(2)
        assert drawing.second.place == 1 and drawing.page.place == last - 1
        number = drawing.page.pictures[last - 1].number
        assert panel.view.moment is not None and panel.view.moment.step == number, "the charts mark it"

    drive(body, size=(1280, 800))


def test_the_track_takes_the_place_under_the_mouse(run: Path) -> None:
    def body(h: Hands) -> None:
        ctx, panel = h.ctx, training(h)
        ctx.item_click(f"{MAIN}###page-pictures")
        page = panel.pictures.page
        h.until(lambda: page.shown is not None, "a picture", 4000)
        assert page.place == page.last
        ctx.item_click(f"{MAIN}##picture-time")  # its middle
        ctx.yield_(2)
        numbers = [p.number for p in page.pictures]
        middle = 0.5 * (numbers[0] + numbers[-1])
        assert page.place == min(range(len(numbers)), key=lambda i: abs(numbers[i] - middle))

    drive(body, size=(1280, 800))


def test_snapshots_go_with_the_loss_curves(run: Path) -> None:
    def body(h: Hands) -> None:
        ctx, panel, loop = h.ctx, training(h), h.loop
        ctx.item_click(f"{MAIN}###page-snapshots")
        watch = loop.workspace.snapshots
        h.until(lambda: len(watch.snapshots) == 8, "the snapshots", 4000)
        ctx.yield_(3)
        ctx.item_click(f"{MAIN}###open-here")
        h.until(lambda: h.doc.checkpoint == str(watch.snapshots[-1].path), "the newest")
        h.until(lambda: panel.view.moment is not None, "its mark in the charts")
        camera = h.doc.camera.replace(yaw=0.4)
        loop.coordinator.store.doc = h.doc.replace(camera=camera)
        ctx.item_click(f"{MAIN}##snapshot-previous")
        h.until(lambda: h.doc.checkpoint == str(watch.snapshots[-2].path), "the one before")
        h.until(
            lambda: panel.view.moment is not None and panel.view.moment.step == watch.snapshots[-2].number,
            "the mark goes with it",
        )
        assert h.doc.camera == camera, "the camera is held"
        ctx.yield_(10)
        strip = panel.snapshots.strip
        assert strip.cards, "charts beside the snapshots"
        reader = panel.index.reader(run)
        assert reader is not None
        strip_x = strip.board.span[1] * 0.3
        panel.view.moment = moment_at(reader, panel.view.axis, strip_x)
        wanted = min(watch.snapshots, key=lambda s: abs(s.number - panel.view.moment.step))
        h.until(lambda: h.doc.checkpoint == str(wanted.path), "the snapshot nearest to the moment")
        assert h.doc.camera == camera

    drive(body, InlineClient(AnyFile), size=(1280, 900))


def test_a_click_in_a_chart_marks_the_moment(run: Path) -> None:
    def body(h: Hands) -> None:
        ctx, panel = h.ctx, training(h)
        h.until(lambda: len(panel.charts.cards) > 6, "charts")
        ctx.yield_(4)
        low, high = imgui.get_io().display_size.x, imgui.get_io().display_size.y
        for x, y in ((0.42, 0.35), (0.42, 0.5), (0.5, 0.42)):
            ctx.mouse_move_to_pos(imgui.ImVec2(x * low, y * high))
            ctx.mouse_click(0)
            ctx.yield_(3)
            if panel.view.moment is not None:
                break
        moment = panel.view.moment
        assert moment is not None and moment.run == run and moment.images > 0
        ctx.item_click(f"{MAIN}###page-pictures")
        page = panel.pictures.page
        h.until(lambda: page.shown is not None and not page.follow, "the pictures of that moment", 4000)
        earlier = [i for i, p in enumerate(page.pictures) if p.number <= moment.step]
        assert page.place == max(earlier, default=0)
        ctx.item_click(f"{MAIN}###page-charts")
        ctx.yield_(3)
        ctx.item_click(f"{MAIN}##forget-moment")
        ctx.yield_(2)
        assert panel.view.moment is None

    drive(body, size=(1280, 800))
