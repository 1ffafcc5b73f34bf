"""Out of the real window and back: a task of its own makes the shown picture, and the file restores the view."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imgui_bundle import imgui
from PIL import Image

from core_model.output.images import picture
from core_model.schema.camera import OrbitPose
from core_model.schema.camera_path import CameraPath, PathKey
from core_model.schema.channels import ChannelInfo
from core_model.schema.record import RenderRecord
from core_model.schema.record_file import read_provenance
from tests.gui.window_driver import Hands, drive
from tests.unit.render_client.inline_client import InlineClient
from viewer.state.exports import TASK_KIND

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures")]
PATIENCE_S = 180.0


@pytest.fixture
def small_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of 64² at most, no refinement."""
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "config").mkdir()
    (tmp_path / "out").mkdir()
    quality = {"max_size": 64, "refine": False, "settle_delay_s": 0.02, "full_delay_s": 0.05}
    settings = {"quality": quality, "export_folder": str(tmp_path / "out")}
    (tmp_path / "config" / "preferences.json").write_text(json.dumps(settings))


def wait(h: Hands, condition, what: str) -> None:
    """Frames with pauses between them: the task needs the processor."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, f"waited for {what}"
        time.sleep(0.1)
        h.ctx.yield_()


def test_what_the_window_shows_comes_out_and_goes_back_in(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def body(h: Hands) -> None:
        ctx = h.ctx
        turned = h.doc.camera.replace(yaw=0.35, pitch=-0.1)
        h.loop.store.doc = h.doc.replace(camera=turned)
        h.until_full()
        shown = h.frames.arrays["rgb"].copy()
        assert h.loop.exports.settings.folder == str(out)
        h.loop.exports.settings = h.loop.exports.settings.replace(size=shown.shape[-1])
        ctx.window_focus("//Export")
        ctx.yield_(2)
        ctx.item_click("//Export/**/###start")
        ctx.yield_(2)
        ctx.key_press(imgui.Key.mod_ctrl | imgui.Key.s)
        ctx.yield_(2)
        assert "Saving" in h.loop.store.notice
        tasks = h.loop.tasks
        wait(
            h,
            lambda: len(tasks.views(TASK_KIND)) == 2 and all(t.ended for t in tasks.views(TASK_KIND)),
            "both exports",
        )
        assert [(t.state, t.message) for t in tasks.views(TASK_KIND) if t.state != "done"] == []
        files = sorted(out.glob("*.png"))
        assert len(files) == 2, files
        expected, _ = picture(ChannelInfo(name="rgb", title="Colour", kind="colour"), shown)
        for file in files:
            np.testing.assert_array_equal(np.asarray(Image.open(file)), expected)
        on_screen = h.picture()
        small = np.asarray(
            Image.fromarray(on_screen).resize(expected.shape[1::-1], Image.Resampling.BOX)
        ).astype(float)
        assert np.abs(small - expected).mean() < 4.0, "what is on the screen is the same picture"
        assert read_provenance(files[0]).request.camera == turned

        away = h.doc.replace(camera=turned.replace(yaw=-1.0), view=h.doc.view.with_channel("depth"))
        h.loop.store.doc = away
        h.loop.store.undo.push(away, "test", time.monotonic())
        ctx.yield_(3)
        h.loop.dropped([str(tmp_path / "config" / "preferences.json"), str(files[0])])
        wait(h, lambda: h.doc.camera == turned, "the dropped view")
        assert h.doc.view.channel == "rgb" and h.doc.checkpoint == "analytic:sphere"
        assert h.loop.store.banner is not None and "preferences.json" in h.loop.store.banner.detail
        ctx.key_press(imgui.Key.mod_ctrl | imgui.Key.z)
        ctx.yield_(3)
        assert h.doc.camera.yaw == -1.0, "one step of undo"

    drive(body, InlineClient(), checkpoint="analytic:sphere")


def test_a_page_of_the_head_on_the_screen_is_made_by_a_task(tmp_path: Path) -> None:
    def body(h: Hands) -> None:
        ctx = h.ctx
        h.until_full()
        ctx.window_focus("//Export")
        ctx.yield_(2)
        ctx.item_click("//Export/**/kind/Page")
        ctx.yield_(2)
        ctx.item_click("//Export/**/level/128³")
        ctx.yield_(2)
        assert h.loop.exports.settings.level == "128"
        ctx.item_click("//Export/**/###start")
        tasks = h.loop.tasks
        wait(h, lambda: [t for t in tasks.views(TASK_KIND) if t.ended], "the page")
        assert [(t.state, t.message) for t in tasks.views(TASK_KIND) if t.state != "done"] == []
        (file,) = (tmp_path / "out").glob("*.html")
        record = read_provenance(file)
        assert record.request.checkpoint == "analytic:sphere" and record.motion == "--level 128"

    drive(body, InlineClient(), checkpoint="analytic:sphere")


def test_the_panel_copies_the_view_as_command_script_and_record() -> None:
    def body(h: Hands) -> None:
        ctx, copied = h.ctx, list[str]()
        h.until_full()
        ctx.window_focus("//Export")
        ctx.yield_(2)
        for key in ("copy-command", "copy-python", "copy-view"):
            ctx.item_click(f"//Export/**/##{key}")
            ctx.yield_(2)
            copied.append(imgui.get_clipboard_text())
        command, python, view = copied
        assert command.startswith("triscope render blob:demo --out ") and "--size 1024" in command
        assert "RenderSession().render(request)" in python and compile(python, "copied", "exec")
        assert RenderRecord.model_validate_json(view).request.checkpoint == "blob:demo"

    drive(body)


def test_a_file_that_is_there_is_protected_and_a_picture_without_a_view_is_a_photograph(tmp_path: Path):
    def body(h: Hands) -> None:
        ctx = h.ctx
        h.until_full()
        ctx.window_focus("//Export")
        ctx.yield_(2)
        for kind in ("Orbit", "Walk", "Sheet", "Page", "Picture"):
            ctx.item_click(f"//Export/**/kind/{kind}")
            ctx.yield_(2)
            assert h.loop.exports.settings.kind == kind.lower()
        (tmp_path / "out" / "mine.png").write_bytes(b"")
        ctx.item_input_value("//Export/**/##name", "mine")
        ctx.yield_(2)
        info = ctx.item_info("//Export/**/###start")
        assert info.item_flags & int(imgui.ItemFlags_.disabled), "the file is protected"
        h.loop.dropped([str(tmp_path / "out" / "mine.png")])
        photo = h.loop.features["inversion"].panel.photo
        wait(h, lambda: photo.path.endswith("mine.png"), "the photograph's page")
        assert h.doc.checkpoint == "blob:demo" and h.loop.store.banner is None

    drive(body)


def test_a_dropped_camera_path_comes_into_the_path_panel(tmp_path: Path) -> None:
    path = CameraPath(
        keys=(PathKey(time=0.0, pose=OrbitPose(yaw=0.7)), PathKey(time=1.0, pose=OrbitPose(yaw=-0.7))),
        duration=1.0,
    )
    (tmp_path / "way.json").write_text(path.model_dump_json())

    def body(h: Hands) -> None:
        h.until_full()
        before = h.doc
        panel: Any = h.loop.features["path"].panel
        h.ctx.window_focus("//Path")
        h.ctx.yield_(3)
        panel.head, panel.chosen = 3.0, 0
        h.ctx.window_focus("//Timings")
        h.ctx.yield_(3)
        h.loop.dropped([str(tmp_path / "way.json")])
        wait(h, lambda: h.doc.path == path and "2 keys" in h.loop.store.notice, "the path and the remark")
        h.ctx.yield_(4)
        assert h.doc.camera == path.keys[0].pose and h.doc.latent == before.latent
        assert (panel.head, panel.chosen) == (0.0, -1)
        assert h.ctx.item_exists("//Path/##play"), "its panel is in front"
        h.ctx.key_press(imgui.Key.mod_ctrl | imgui.Key.z)
        h.ctx.yield_(3)
        assert h.doc.camera == before.camera and h.doc.path == before.path, "one step of undo"

    drive(body)
