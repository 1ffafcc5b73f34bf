"""A photograph in the real window: dropped, aligned by the mouse, inverted by a task; its code in the basket and the view."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from imgui_bundle import ImVec2
from PIL import Image

from tests.contracts.tiny_checkpoint import save_tiny
from tests.gui.window_driver import Hands, drive
from tests.unit.render_client.inline_client import InlineClient
from viewer.features.inversion.settings import KIND, InversionSettings
from viewer.shell.drops import read_batch
from viewer.shell.restore import Places
from viewer.state.actions import OpenPhoto

pytestmark = [pytest.mark.gui, pytest.mark.slow, pytest.mark.usefixtures("display", "small_pictures")]
PATIENCE_S = 300.0


@pytest.fixture
def small_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of 32² at most, no refinement; a tiny generator and a picture of nothing in particular."""
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "config").mkdir()
    (tmp_path / "out").mkdir()
    quality = {"max_size": 64, "refine": False, "settle_delay_s": 0.02, "full_delay_s": 0.05, "baked": False}
    settings = {"quality": quality, "export_folder": str(tmp_path / "out"), "hint_read": True}
    (tmp_path / "config" / "preferences.json").write_text(json.dumps(settings))
    save_tiny(tmp_path / "base.safetensors")
    y, x = np.mgrid[0:60, 0:80] / 60.0 - 0.5
    blob = np.exp(-9.0 * ((x - 0.15) ** 2 + y**2))[..., None] * (0.9, 0.6, 0.5)
    Image.fromarray((blob * 255).astype(np.uint8)).save(tmp_path / "me.png")


def wait(h: Hands, condition, what: str) -> None:
    """Frames with pauses between them: the task needs the processor."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, f"waited for {what}"
        time.sleep(0.05)
        h.ctx.yield_()


def drag(h: Hands, disc: str, by: ImVec2) -> None:
    """One of the round handles over the photograph."""
    h.ctx.set_ref(h.ctx.window_info("//Inversion/##stage").id_)
    h.ctx.item_drag_with_delta(disc, by)
    h.ctx.set_ref("")


@pytest.mark.timeout(600)
def test_a_dropped_photograph_becomes_a_head_in_view_and_basket(tmp_path: Path) -> None:
    def body(h: Hands) -> None:
        ctx, panel = h.ctx, h.loop.features["inversion"].panel
        h.until_full()
        h.loop.dropped([str(tmp_path / "me.png")])
        wait(h, lambda: panel.photo.faces is not None, "the photograph and its faces")
        assert {t: v for t, v, _ in h.app.panels_shown()}["Inversion"]
        assert panel.photo.faces == () and "No face" in panel.photo.said()
        before = panel.photo.alignment
        drag(h, "##point-2", ImVec2(0.0, 14.0))
        ctx.yield_(2)
        moved = panel.photo.alignment
        assert moved.points[2][1] > before.points[2][1] and moved.points[0] == before.points[0]
        assert moved.pose != before.pose, "the camera follows the points"
        drag(h, "##crop-3", ImVec2(-30.0, -30.0))
        ctx.yield_(2)
        assert panel.photo.alignment.crop.edge < moved.crop.edge
        ctx.item_input_value("//Inversion/**/##photo-yaw", 12.0)
        ctx.yield_(2)
        assert panel.photo.alignment.pose.yaw == pytest.approx(np.radians(12.0))
        ctx.item_click("//Inversion/**/inversion-steps/Own")
        ctx.yield_(2)
        panel.photo.settings = InversionSettings("own", 6, 4, 16)
        ctx.yield_(2)
        ctx.item_click("//Inversion/**/###inversion-start")
        ctx.yield_(2)
        assert panel.page == "run"
        tasks = h.loop.tasks
        wait(h, lambda: panel.runs.watch.cells == 7, "pictures of the run")
        wait(h, lambda: [t for t in tasks.views(KIND) if t.ended], "the inversion")
        (task,) = tasks.views(KIND)
        assert task.state == "done", task.message
        run = tmp_path / "out" / "me-inverted"
        code = run / "code.safetensors"
        wait(h, lambda: h.doc.checkpoint == str(code), "the head in the view")
        h.until_full()
        shown = {t: v for t, v, _ in h.app.panels_shown()}
        assert not shown["Inversion"], "the picture is free"
        (kept,) = h.loop.basket.items
        assert kept.name == "me" and kept.code == str(code) and kept.rows == h.doc.latent.w
        assert h.doc.latent.psi == 1.0
        # the code's own basket is its checkpoint's; the entry brings the head back
        h.loop.open(str(tmp_path / "base.safetensors"))
        wait(h, lambda: h.doc.checkpoint == str(tmp_path / "base.safetensors"), "the checkpoint")
        ctx.window_focus("//Basket")
        ctx.yield_(3)
        assert [k.name for k in h.loop.basket.items] == ["me"]
        ctx.item_click("//Basket/**/##open")
        wait(h, lambda: h.doc.checkpoint == str(code), "the head again")
        h.loop.dispatch(OpenPhoto(""))
        ctx.yield_(3)
        panel.page = "run"
        ctx.yield_(3)
        ctx.item_click("//Inversion/**/###inversion-figure")
        ctx.yield_(2)
        figure = tmp_path / "out" / "me-inverted.png"
        assert Image.open(figure).size == Image.open(run / "figure.png").size
        ctx.item_click("//Inversion/**/###inversion-compare")
        ctx.yield_(2)
        compare = h.doc.compare
        assert compare.mode == "wipe" and compare.tiles[1].photo == str(run / "photo.png")
        compared = h.loop.coordinator.compared
        wait(
            h,
            lambda: compared.photos.at(str(run / "photo.png"), 32) is not None,
            "the photograph beside the view",
        )
        assert read_batch([str(figure)], Places()).found is not None, "a figure restores its view"

    drive(body, InlineClient(), checkpoint=str(tmp_path / "base.safetensors"))


@pytest.mark.timeout(600)
def test_a_stopped_inversion_keeps_what_it_has_and_goes_on(tmp_path: Path) -> None:
    def body(h: Hands) -> None:
        ctx, panel, tasks = h.ctx, h.loop.features["inversion"].panel, h.loop.tasks
        h.until_full()
        h.loop.dropped([str(tmp_path / "me.png")])
        wait(h, lambda: panel.photo.alignment is not None, "the photograph")
        panel.photo.settings = InversionSettings("own", 4000, 0, 16)
        ctx.yield_(3)
        ctx.item_click("//Inversion/**/###inversion-start")
        wait(h, lambda: panel.runs.watch.cells == 7, "pictures of the run")
        ctx.item_click("//Inversion/**/##inversion-cancel")
        wait(h, lambda: tasks.views(KIND)[0].ended, "the end")
        assert tasks.views(KIND)[0].state in ("cancelled", "done")
        assert h.doc.checkpoint == str(tmp_path / "base.safetensors"), "nothing is opened by itself"
        ctx.yield_(3)
        ctx.item_click("//Inversion/**/##inversion-resume")
        wait(
            h,
            lambda: tasks.views(KIND)[0].state == "running" and tasks.views(KIND)[0].fraction > 0,
            "more of it",
        )
        ctx.item_click("//Inversion/**/##inversion-cancel")
        wait(h, lambda: tasks.views(KIND)[0].ended, "the end again")

    drive(body, InlineClient(), checkpoint=str(tmp_path / "base.safetensors"))
