"""Which mesh is in the view: preview after a pause, coarser where slow, exports read from their folder, words where there is none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from core_model.schema.latent import LatentSpec
from core_model.schema.mesh import MeshReport, MeshRequest
from core_model.schema.question_mesh import MeshPreviewQuestion
from core_model.schema.render import ErrorInfo
from tests.waiting import until
from viewer.features.mesh.stage import MeshStage
from viewer.gl.mesh_arrays import DISPLAY_FILE
from viewer.state.document import Document
from viewer.state.mesh_settings import MeshSettings
from viewer.state.query_cache import QueryCache

CHECKPOINT = "analytic:sphere"
TRIANGLE = {
    "vertices": np.array([[0, 0, 0], [2, 0, 0], [0, 1, 0]], np.float32), "normals": np.tile(np.array([0, 0, 1], np.float32), (3, 1)),
    "faces": np.array([[0, 1, 2]], np.uint32),
}  # fmt: skip
VALUES = {"quantity": "sdf", "level": 0.0, "low": -0.3, "high": 0.5, "voxel": 0.01, "cut_by": (), "ms": 30.0}


class Bench:
    """A stage with the parts of the context that it looks at."""

    def __init__(self, tasks: dict[str, Any] | None = None) -> None:
        self.stage, self.answers = MeshStage(), QueryCache()
        self.doc = Document(checkpoint=CHECKPOINT, mesh=MeshSettings(mode="mesh"))
        self.tasks = SimpleNamespace(get=(tasks or {}).get)
        self.now = 10.0

    def step(self, seconds: float = 0.0) -> MeshPreviewQuestion | None:
        """One frame; the question that would be sent."""
        self.now += seconds
        self.stage.update(self.doc, object(), self.answers, self.tasks, lambda fps: None, self.now)  # type: ignore[arg-type]
        asked = self.answers.next()
        if asked is not None:
            self.answers.sent(1, asked)
        assert asked is None or isinstance(asked, MeshPreviewQuestion)
        return asked

    def answer(
        self, values: dict[str, Any] | None = None, arrays: dict[str, np.ndarray] | None = None
    ) -> None:
        self.answers.answered(1, VALUES | (values or {}), dict(TRIANGLE if arrays is None else arrays))
        self.step()

    def change(self, **mesh: object) -> None:
        self.doc = self.doc.replace(mesh=self.doc.mesh.replace(**mesh))


def test_a_preview_follows_after_a_pause_and_stays_until_the_next() -> None:
    bench = Bench()
    assert bench.step() is None and bench.step(0.1) is None
    asked = bench.step(0.2)
    assert asked is not None and asked.request.resolution == 128 and bench.stage.words == "Making a preview"
    bench.answer()
    first = bench.stage.shown
    assert (
        first is not None and first.source == "preview" and not bench.stage.words and bench.step(1.0) is None
    )
    for level in (0.01, 0.02, 0.03):
        bench.change(level=level)
        assert bench.step(0.05) is None and bench.stage.shown is first
    asked = bench.step(0.3)
    assert asked is not None and asked.request.level == 0.03
    bench.answer({"cut_by": ("-y",)})
    assert bench.stage.shown is not first and bench.stage.notes == ("the surface is cut by the box at -y",)
    bench.change(mode="off")
    bench.change(level=0.5)
    assert bench.step(1.0) is None and bench.step(1.0) is None, "what is not shown is not asked for"


def test_no_surface_and_failures_are_said() -> None:
    bench = Bench()
    bench.step()
    bench.step(0.3)
    bench.answer({"level": 3.0}, TRIANGLE | {"faces": np.empty((0, 3), np.uint32)})
    assert bench.stage.failed and bench.stage.shown is None
    assert bench.stage.words == "No surface at level 3: sdf runs from -0.3 to 0.5"
    bench.change(quantity="raw")
    bench.step()
    bench.step(0.3)
    bench.answers.failed(1, ErrorInfo(kind="input", message="field has no raw"))
    bench.step()
    assert bench.stage.failed and bench.stage.words == "field has no raw"


def test_a_slow_field_gets_coarser_previews() -> None:
    bench = Bench()
    bench.step()
    bench.step(0.3)
    bench.answer({"ms": 4000.0})
    assert bench.stage.shown is not None and bench.stage.edge == 96
    bench.step(0.05)
    asked = bench.step(0.3)
    assert asked is not None and asked.request.resolution == 96
    bench.answer({"ms": 900.0})
    assert bench.stage.edge == 96
    bench.stage.clear()
    assert bench.stage.shown is None and bench.stage.edge == 128


def test_an_export_is_shown_from_its_folder(tmp_path: Path) -> None:
    np.savez(tmp_path / DISPLAY_FILE, **TRIANGLE, triangles=np.array(9))
    latent = LatentSpec.of_seed(4)
    report = MeshReport(
        request=MeshRequest(checkpoint=CHECKPOINT, latent=latent), voxel=0.02, notes=("2 holes",)
    )
    record = SimpleNamespace(title="head.ply", pinned={"checkpoint": CHECKPOINT})
    task = SimpleNamespace(record=record, folder=tmp_path, report=report.model_dump(mode="json"))
    bench = Bench({"id": task})
    bench.change(source="id")

    def step() -> object:
        assert bench.step(0.1) is None
        return bench.stage.shown

    until(step, "the export in the view")
    shown = bench.stage.shown
    assert shown is not None and (shown.source, shown.title, shown.triangles, shown.voxel) == (
        "id",
        "head.ply",
        9,
        0.02,
    )
    assert shown.latent == latent and shown.reduced and bench.stage.notes == ("2 holes",)
    bench.change(source="gone")
    bench.step()
    assert bench.stage.failed and "not there" in bench.stage.words


def test_a_comparison_of_two_pictures_leaves_no_room() -> None:
    doc = Document(mesh=MeshSettings(mode="side"))
    assert doc.mesh_mode == "side"
    assert doc.replace(compare=doc.compare.replace(mode="wipe")).mesh_mode == "off"
