"""The surface of the head as a mesh: which level set, how it is shown beside the render, what is exported and what that costs."""

from __future__ import annotations

from viewer.state.document import Document
from viewer.widgets import controls
from viewer.widgets.context import PanelContext
from viewer.widgets.fold import fold
from viewer.features.mesh.export_rows import ExportRows
from viewer.features.mesh.show_rows import error_rows, show_rows
from viewer.features.mesh.surface_rows import SurfaceRows
from viewer.features.mesh.tasks import task_rows
from viewer.widgets.panel import PANELS

_FOLDS = (
    ("surface", "Surface", "Quantity, level, connected parts, crop"),
    ("export", "Export", "Resolution, colours, file, batch, forecast"),
    ("exports", "Exports", "Those under way and the last ones"),
)


class MeshPanel:
    """Keeps only what is typed and which sections are open."""

    def __init__(self) -> None:
        self.opened = {"surface": True, "export": True, "exports": True}
        self.surface = SurfaceRows()
        self.export = ExportRows()

    def draw(self, doc: Document, ctx: PanelContext) -> Document:
        if ctx.info is None or ctx.info.path != doc.checkpoint:
            controls.note(ctx.theme, "Meshes appear when a checkpoint is open.")
            return doc
        doc = show_rows(doc, ctx)
        error_rows(doc, ctx)
        for key, title, tip in _FOLDS:
            self.opened[key] = fold(ctx.theme, title, f"##fold-mesh-{key}", self.opened[key], tip=tip)
            if not self.opened[key]:
                continue
            if key == "exports":
                doc = task_rows(doc, ctx)
                continue
            spec = self.surface.draw(doc, ctx) if key == "surface" else self.export.draw(doc, ctx)
            if spec != doc.mesh:
                doc = doc.replace(mesh=spec)
        return doc


PANELS.add("mesh", MeshPanel)
