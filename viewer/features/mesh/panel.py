"""The surface of the head as a mesh.

Which level set, how it is shown beside the render, what is exported and what that costs.
"""

from __future__ import annotations

from core_model.schema.checkpoint import CheckpointInfo
from viewer.features.mesh.export_rows import ExportRows
from viewer.features.mesh.overlay import MeshLayer
from viewer.features.mesh.show_rows import error_rows, show_rows
from viewer.features.mesh.stage import MeshStage
from viewer.features.mesh.surface_rows import SurfaceRows
from viewer.features.mesh.tasks import task_rows
from viewer.jobs.tasks import Tasks
from viewer.state.actions import Dispatch
from viewer.state.document import Document
from viewer.state.query_cache import QueryCache
from viewer.widgets import controls
from viewer.widgets.controls import fold
from viewer.widgets.feature import FEATURES, Feature, RequestFrames
from viewer.widgets.file_chooser import FileChooser
from viewer.widgets.theme import Theme

_FOLDS = (
    ("surface", "Surface", "Quantity, level, connected parts, crop"),
    ("export", "Export", "Resolution, colours, file, batch, forecast"),
    ("exports", "Exports", "Those under way and the last ones"),
)


class MeshPanel:
    """Keeps only what is typed and which sections are open."""

    def __init__(self, stage: MeshStage) -> None:
        self.stage = stage
        self.opened = {"surface": True, "export": True, "exports": True}
        self.surface = SurfaceRows()
        self.export = ExportRows()

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        queries: QueryCache,
        tasks: Tasks,
        files: FileChooser,
        request_frames: RequestFrames,
        dispatch: Dispatch,
        now: float,
    ) -> Document:
        if info is None or info.path != doc.checkpoint:
            controls.note(theme, "Meshes appear when a checkpoint is open.")
            return doc
        doc = show_rows(doc, theme, self.stage)
        error_rows(doc, theme, self.stage)
        for key, title, tip in _FOLDS:
            self.opened[key] = fold(theme, title, f"##fold-mesh-{key}", self.opened[key], tip=tip)
            if not self.opened[key]:
                continue
            if key == "exports":
                doc = task_rows(doc, theme, tasks, dispatch)
                continue
            spec = (
                self.surface.draw(doc, theme, queries, request_frames, now)
                if key == "surface"
                else self.export.draw(doc, theme, queries, tasks, files, request_frames, now)
            )
            if spec != doc.mesh:
                doc = doc.replace(mesh=spec)
        return doc


def _mesh() -> Feature:
    stage = MeshStage()
    return Feature(MeshPanel(stage), MeshLayer(stage), opened=stage.clear, close=stage.delete)


FEATURES.add("mesh", _mesh)
