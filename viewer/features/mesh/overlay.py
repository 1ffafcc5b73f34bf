"""The mesh in the viewport's place.

Alone, over the render, beside it, or as a map of its distance to the rendered depth.
"""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import OrbitPose
from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from viewer.features.mesh.error_map import INFO, NAME, error_map, error_range
from viewer.features.mesh.stage import MeshStage
from viewer.jobs.tasks import Tasks
from viewer.state.document import ChannelView, Document
from viewer.state.query_cache import QueryCache
from viewer.state.shown_map import ShownMap
from viewer.widgets import overlays
from viewer.widgets.feature import Layer, LayerPicture, RequestFrames
from viewer.widgets.shown_picture import Present, ShownPicture, ShownRange
from viewer.widgets.split import Squares
from viewer.widgets.theme import Theme

ERROR_SLOT = 3
ALONE = ChannelInfo(
    name="mesh", title="Mesh", kind="colour", description="The mesh alone, drawn by the window itself"
)


class MeshLayer(Layer):
    """The mesh alone, over the render, beside it, or as a map of its distance to the render."""

    def __init__(self, stage: MeshStage) -> None:
        self.stage = stage

    def replace(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        queries: QueryCache,
        tasks: Tasks,
        present: Present,
        request_frames: RequestFrames,
        now: float,
        shown: ShownMap,
        where: Squares,
        texture: int,
    ) -> LayerPicture | None:
        """Draws the mesh and returns what lies under the cursor.

        None: nothing was drawn, because no mesh is wanted or there is none yet.

        shown, texture: the render's map and picture. A mesh alone or beside follows the mouse at once; over
        the render it has the picture's camera, so that the two never slide against each other.
        """
        mode, stage = doc.mesh_mode, self.stage
        stage.update(doc, info, queries, tasks, request_frames, now)
        if mode == "off" or stage.shown is None:
            if mode == "side":
                _image(theme, texture, where.a, where.edge)
                _image(theme, 0, where.b, where.edge)
                return LayerPicture(shown, shown.channel)
            return None
        edge_px = round(where.edge * imgui.get_io().display_framebuffer_scale.x)
        if mode == "error":
            return self._error(theme, picture, present, where, edge_px)
        camera = doc.camera
        request = picture.result.request if picture.result is not None else None
        if mode == "overlay" and request is not None and isinstance(request.camera, OrbitPose):
            camera = request.camera
        mesh = stage.picture(theme, request_frames, now, doc, camera, edge_px)
        if mode != "mesh":
            _image(theme, texture, where.a, where.edge)
        if mode == "overlay":
            _image(theme, mesh, where.a, where.edge, doc.mesh.blend)
        else:
            _image(theme, mesh, where.b if mode == "side" else where.a, where.edge)
        return LayerPicture(shown, ALONE if mode == "mesh" else shown.channel)

    def _error(
        self, theme: Theme, picture: ShownPicture, present: Present, where: Squares, edge_px: int
    ) -> LayerPicture | None:
        stage = self.stage
        found = stage.measure(picture)
        if found is None:
            return None
        drawn = error_map(found, stage.error_version)
        view, span = ChannelView(name=NAME, colormap=INFO.colormap), ShownRange(*error_range(found))
        _image(theme, present(drawn, view, span, edge_px, ERROR_SLOT), where.a, where.edge)
        return LayerPicture(drawn, drawn.channel, view, span)

    def labels(self, doc: Document, theme: Theme, where: Squares) -> float:
        """What is drawn, in the lower right corner of its picture; what is missing, while it is. Returns the height taken there."""
        mode, stage = doc.mesh_mode, self.stage
        if mode == "off":
            return 0.0
        lines: list[tuple[str, bool]] = []
        mesh = stage.shown
        if mesh is not None:
            count = len(mesh.fine.faces)
            drawn = f"{count:,} of {mesh.triangles:,} triangles" if mesh.reduced else f"{count:,} triangles"
            lines.append((mesh.title, True))
            lines.append((drawn, False))
            other = mesh.latent != doc.latent or mesh.checkpoint not in ("", doc.checkpoint)
            if mesh.latent is not None and other:
                lines.append(("of another head than the render", False))
            if mode == "error" and stage.error is not None and stage.error.pixels:
                lines.append((f"RMS {stage.error.rms:.3g} world units", True))
        if stage.words:
            lines.append((stage.words, stage.failed))
        if not lines:
            return 0.0
        inset = 0.5 * theme.em
        corner = ImVec2(where.b.x + where.edge - where.taken - inset, where.b.y + where.edge - inset)
        room = where.edge - where.taken - 2 * inset
        return inset + overlays.badge(theme, corner, lines, right=True, bottom=True, room=room).y


def _image(theme: Theme, texture: int, origin: ImVec2, edge: float, opacity: float = 1.0) -> None:
    """A picture in its square with a hairline around it."""
    draw_list, end = imgui.get_window_draw_list(), ImVec2(origin.x + edge, origin.y + edge)
    if texture:
        ink = theme.colour((1.0, 1.0, 1.0), opacity)
        draw_list.add_image(imgui.ImTextureRef(texture), origin, end, ImVec2(0, 0), ImVec2(1, 1), ink)
    line = theme.colour(theme.palette.line, 0.9)
    draw_list.add_rect(ImVec2(origin.x - 1, origin.y - 1), ImVec2(end.x + 1, end.y + 1), line)
