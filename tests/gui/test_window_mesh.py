"""The Mesh panel in the real window: level, preview, modes, depth error, and an export through the real task."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh
from imgui_bundle import ImVec2, imgui

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.mesh import NO_ATLAS
from core_model.schema.question_mesh import FieldHistogramQuestion, MeshForecastQuestion, MeshPreviewQuestion
from core_model.schema.record_file import read_provenance
from tests.blob_head.session import BlobSession, blob_info
from tests.gui.window_driver import Hands, Recorder, drive
from tests.small_disk import fill, small_disk
from tests.unit.render_client.inline_client import InlineClient
from viewer.state import actions
from viewer.widgets import choice_rows, controls

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures")]


@pytest.fixture
def small_pictures(tmp_path, monkeypatch) -> None:
    """Pictures of 96² at most, no refinement."""
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "config").mkdir()
    quality = {"max_size": 96, "refine": False, "settle_delay_s": 0.02, "full_delay_s": 0.05}
    look = {"theme": "dark", "ui_scale": 1.0, "recent": [], "window_size": [1280, 800], "quality": quality}
    (tmp_path / "config" / "preferences.json").write_text(json.dumps(look))


class SphereSession(BlobSession):
    """Pictures of the blob under the name of a checkpoint that the exporting process can open."""

    def open(self, path: str) -> CheckpointInfo:
        return blob_info(path)


def front(h: Hands) -> None:
    """The Mesh tab in front of the Sampler's."""
    imgui.set_window_focus("Mesh")
    h.ctx.yield_(4)


def shown(h: Hands) -> None:
    h.until(
        lambda: (
            h.loop.features["mesh"].panel.stage.shown is not None
            and not h.loop.features["mesh"].panel.stage.words
        ),
        "a mesh in the view",
        1500,
    )
    h.ctx.yield_(3)


def test_a_preview_is_made_when_it_is_shown_and_goes_with_its_checkpoint(recorder: Recorder):

    def body(h: Hands) -> None:
        ctx, stage = h.ctx, h.loop.features["mesh"].panel.stage
        assert not recorder.asked(FieldHistogramQuestion), "a panel behind another one asks for nothing"
        front(h)
        h.until(lambda: recorder.asked(MeshForecastQuestion), "the forecast")
        assert not recorder.asked(MeshPreviewQuestion) and stage.shown is None
        ctx.item_click("//Mesh/mesh-mode/Mesh")
        shown(h)
        first = stage.shown
        assert first is not None and len(first.fine.faces) > 1000 and stage._view is not None
        drawn = stage._view.draws
        ctx.yield_(20)
        assert stage._view.draws == drawn, "a view at rest draws nothing"

        h.loop.open("blob:other")
        h.until(lambda: h.doc.checkpoint == "blob:other", "the other checkpoint")
        assert stage.shown is None and stage._view is None, (
            "nothing of the old mesh stays on the graphics card"
        )

    drive(body, recorder)


def test_a_dragged_level_is_previewed_and_one_without_a_surface_says_so(recorder: Recorder):
    def body(h: Hands) -> None:
        ctx, stage = h.ctx, h.loop.features["mesh"].panel.stage
        front(h)
        ctx.item_click("//Mesh/mesh-mode/Mesh")
        shown(h)
        first = stage.shown
        asked = len(recorder.asked(FieldHistogramQuestion))
        ctx.item_info("//Mesh/##level-histogram")
        ctx.mouse_move("//Mesh/##level-histogram")
        ctx.mouse_drag_with_delta(ImVec2(-25.0, 0.0))
        ctx.yield_(2)
        level = h.doc.mesh.level
        assert level is not None and level != 0.0
        h.until(
            lambda: recorder.asked(MeshPreviewQuestion)[-1].request.level == level,
            "a preview of the new level",
        )
        h.until(lambda: stage.shown is not first and stage.shown is not None, "the new mesh")
        h.until(lambda: recorder.asked(MeshForecastQuestion)[-1].request.level == level, "its forecast")
        assert len(recorder.asked(FieldHistogramQuestion)) == asked, (
            "the histogram does not depend on the level"
        )
        ctx.item_input_value("//Mesh/##mesh-level", 5.0)
        h.until(lambda: stage.failed, "the word that there is no surface")
        assert "No surface at level 5" in stage.words and stage.shown is None
        ctx.item_click("//Mesh/##mesh-level-default")
        ctx.yield_(2)
        assert h.doc.mesh.level is None
        shown(h)

    drive(body, recorder)


def test_error_overlay_and_side_by_side_render_no_new_pictures(recorder: Recorder):
    def body(h: Hands) -> None:
        ctx, stage = h.ctx, h.loop.features["mesh"].panel.stage
        front(h)
        h.until(lambda: recorder.asked(MeshForecastQuestion), "the forecast")
        plain = h.picture()
        rendered = len(recorder.requests)
        ctx.item_click("//Mesh/mesh-mode/Mesh")
        shown(h)
        ctx.item_click("//Mesh/mesh-mode/Error")
        h.until(lambda: stage.error is not None, "the error map")
        error = stage.error
        assert error is not None and error.rms < stage.shown.voxel and error.pixels > 500
        assert error.mesh_only < 0.1 and error.render_only < 0.1
        ctx.item_click("//Mesh/mesh-mode/Over")
        ctx.item_click("//Mesh/##mesh-wire")
        ctx.yield_(3)
        assert h.doc.mesh.wire and h.loop.place.drawn
        ctx.item_click("//Mesh/mesh-mode/Side")
        ctx.yield_(3)
        ctx.item_click("//Mesh/mesh-mode/Off")
        h.until_full()
        assert len(recorder.requests) - rendered <= 6, (
            "the mesh asks for no pictures but those of another size"
        )
        assert np.abs(h.picture().astype(int) - plain).max() <= 2
        before = h.doc.mesh
        ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key.z))
        ctx.yield_(2)
        assert h.doc.mesh != before and h.doc.mesh.mode == "side"

    drive(body, recorder)


def test_without_an_atlas_the_texture_says_why_it_is_off(monkeypatch: pytest.MonkeyPatch):
    """As on a machine for which xatlas has no wheel."""
    monkeypatch.setitem(sys.modules, "xatlas", None)
    said: set[str] = set()
    tooltip = controls.tooltip
    monkeypatch.setattr(choice_rows, "tooltip", lambda text: (said.add(text), tooltip(text))[1])

    def body(h: Hands) -> None:
        front(h)
        h.loop.features["mesh"].panel.opened["surface"] = False
        h.ctx.yield_(3)
        assert h.ctx.item_info("//Mesh/mesh-colour/Texture").item_flags & imgui.ItemFlags_.disabled.value
        assert not h.ctx.item_info("//Mesh/mesh-colour/None").item_flags & imgui.ItemFlags_.disabled.value
        assert NO_ATLAS in said

    drive(body)


def test_an_export_through_the_real_task_and_back_into_the_view(tmp_path: Path):
    recorder = Recorder(InlineClient(SphereSession))
    out = tmp_path / "a head.ply"

    def body(h: Hands) -> None:
        ctx, panel = h.ctx, h.loop.features["mesh"].panel
        front(h)
        panel.opened["surface"] = False
        h.until(lambda: recorder.asked(MeshForecastQuestion), "the forecast")
        ctx.item_input_value("//Mesh/##mesh-path", str(out))
        ctx.item_input_value("//Mesh/##mesh-resolution", 48)
        ctx.yield_(3)
        assert h.doc.mesh.resolution == 48
        h.until(lambda: recorder.asked(MeshForecastQuestion)[-1].request.resolution == 48, "the new forecast")
        ctx.item_click("//Mesh/###mesh-export")
        h.until(lambda: h.loop.tasks.views("mesh"), "the task")
        # the clock of the test runs ahead of the real one: a process of its own takes real seconds
        h.until(lambda: h.loop.tasks.views("mesh")[0].ended, "the end of the export", 200_000)
        task = h.loop.tasks.views("mesh")[0]
        assert task.state == "done", task.message
        mesh = trimesh.load(out)
        assert mesh.is_watertight and mesh.volume == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.02)
        record = read_provenance(out)
        assert record.request.checkpoint == "analytic:sphere" and record.request.latent == h.doc.latent

        ctx.yield_(70)
        asked = len(h.loop.tasks.views("mesh"))
        ctx.item_click("//Mesh/###mesh-export")
        ctx.yield_(3)
        assert len(h.loop.tasks.views("mesh")) == asked, "what is there is not overwritten without a tick"
        panel.opened["export"] = False
        ctx.yield_(3)
        ctx.item_click("//Mesh/**/##mesh-copy")
        ctx.yield_(2)
        assert imgui.get_clipboard_text() == str(out)
        ctx.item_click("//Mesh/**/##mesh-open")
        ctx.yield_(2)
        assert h.doc.mesh.source == task.record.id and h.doc.mesh.mode == "mesh"
        h.until(lambda: h.loop.features["mesh"].panel.stage.shown is not None, "the export in the view", 5000)
        found = h.loop.features["mesh"].panel.stage.shown
        assert found.source == task.record.id and len(found.fine.faces) == len(mesh.faces) == found.triangles
        ctx.yield_(8)
        ctx.item_click("//Mesh/##mesh-preview")
        h.until(
            lambda: (
                h.loop.features["mesh"].panel.stage.shown is not None
                and h.loop.features["mesh"].panel.stage.shown.source == "preview"
            ),
            "the preview again",
        )
        ctx.item_click("//Mesh/**/##mesh-remove")
        ctx.yield_(3)
        assert not h.loop.tasks.views("mesh") and out.exists()

    drive(body, recorder, checkpoint="analytic:sphere")


def test_the_up_axis_is_chosen_where_the_file_leaves_it_free():
    recorder = Recorder(InlineClient(SphereSession))

    def body(h: Hands) -> None:
        front(h)
        h.loop.features["mesh"].panel.opened["surface"] = False
        h.until(lambda: recorder.asked(MeshForecastQuestion), "the forecast")
        off = imgui.ItemFlags_.disabled.value
        assert h.ctx.item_info("//Mesh/mesh-up/Z").item_flags & off, "a .glb has y up"
        h.ctx.item_click("//Mesh/mesh-kind/ply")
        h.until(lambda: recorder.asked(MeshForecastQuestion)[-1].suffix == ".ply", "the forecast of a .ply")
        asked = len(recorder.asked(MeshForecastQuestion))
        assert not h.ctx.item_info("//Mesh/mesh-up/Z").item_flags & off
        h.ctx.item_click("//Mesh/mesh-up/Z")
        h.ctx.yield_(60)
        assert h.doc.mesh.up == "z" and len(recorder.asked(MeshForecastQuestion)) == asked
        h.ctx.item_click("//Mesh/mesh-kind/glb")
        h.ctx.yield_(3)
        assert h.doc.mesh.up == "z", "what was chosen comes back with a file that can hold it"

    drive(body, recorder, checkpoint="analytic:sphere")


def test_a_full_disk_is_said_and_the_window_lives_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What a task needs goes to the folder of settings: no button and no key may end the window over it."""
    recorder = Recorder(InlineClient(SphereSession))
    with small_disk(tmp_path / "disk", 64) as disk:
        shutil.copytree(tmp_path / "config", disk, dirs_exist_ok=True)
        monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(disk))

        def body(h: Hands) -> None:
            front(h)
            h.loop.features["mesh"].panel.opened["surface"] = False
            h.until(lambda: recorder.asked(MeshForecastQuestion), "the forecast")
            h.until_full()
            fill(disk)
            h.ctx.item_input_value("//Mesh/##mesh-path", str(tmp_path / "a.ply"))
            h.ctx.yield_(60)
            for ask in (
                lambda: h.ctx.item_click("//Mesh/###mesh-export"),
                lambda: h.loop.dispatch(actions.ExportMesh()),
                lambda: h.loop.dispatch(actions.SavePicture()),
            ):
                h.loop.store.notice = ""
                ask()
                h.until(lambda: h.loop.store.notice, "what the window says")
                assert "disk is full" in h.loop.store.notice and str(disk) in h.loop.store.notice
                assert not h.loop.broken and h.loop.store.banner is None
            assert not list(disk.rglob("*.part"))

        drive(body, recorder, checkpoint="analytic:sphere")
