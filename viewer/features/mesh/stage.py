"""The mesh on the screen: which one, its pictures and its distance to the render.

Owned by the mesh feature, driven by its layer in the viewport.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from core_model.schema.camera import OrbitPose
from core_model.schema.errors import InputError
from core_model.schema.mesh import MeshReport
from core_model.schema.question_mesh import MeshPreviewQuestion
from viewer.features.mesh.error_map import DepthError, depth_error
from viewer.features.mesh.plan import Still
from viewer.gl.mesh_arrays import DISPLAY_FILE, Loader, ShownMesh, preview_mesh, read_display
from viewer.gl.mesh_camera import mesh_camera
from viewer.state.mesh_settings import PREVIEW, PREVIEW_EDGES, PREVIEW_MS
from viewer.state.requests import preview_question

if TYPE_CHECKING:
    from core_model.schema.checkpoint import CheckpointInfo
    from viewer.gl.mesh_view import MeshView
    from viewer.jobs.tasks import Task, Tasks
    from viewer.state.document import Document
    from viewer.state.query_cache import QueryCache
    from viewer.widgets.feature import RequestFrames
    from viewer.widgets.shown_picture import ShownPicture
    from viewer.widgets.theme import Theme

PAUSE_S = 0.2
"""A preview is asked for when the settings have been still for so long."""
MOVING_MS = 45.0
"""What a frame of the mesh may cost while the view turns, on a machine that draws in software."""
LEAST_SCALE, REST_S, REST_SAMPLES = 0.34, 0.2, 4


class MeshStage:
    """The mesh in the view, and the state of what it is made from.

    shown: the mesh. words: why there is none, or what is being waited for. failed: they are an error.
    """

    def __init__(self) -> None:
        self.shown: ShownMesh | None = None
        self.words = ""
        self.failed = False
        self.error: DepthError | None = None
        self.error_version = 0
        self.notes: tuple[str, ...] = ()
        self._view: MeshView | None = None
        self._loader = Loader()
        self._edge = PREVIEW_EDGES[0]
        self._still = Still(PAUSE_S)
        self._answer = -1
        self._error_key: object = None
        self._moving_ms = 0.0
        self._camera: OrbitPose | None = None
        self._moved_at = -1.0

    @property
    def edge(self) -> int:
        """Nodes along an edge of a preview on this machine."""
        return self._edge

    def update(
        self,
        doc: Document,
        info: CheckpointInfo | None,
        queries: QueryCache,
        tasks: Tasks,
        request_frames: RequestFrames,
        now: float,
    ) -> None:
        """Once per frame while a mesh is wanted: takes in answers and files."""
        if doc.mesh_mode == "off" or info is None:
            return
        if doc.mesh.source == PREVIEW:
            self._preview(doc, queries, request_frames, now)
        else:
            self._export(doc.mesh.source, tasks, request_frames)
        if self._view is not None:
            kept = [] if self.shown is None else [self.shown.fine, self.shown.coarse]
            self._view.keep({m.number for m in kept if m is not None})

    def picture(
        self,
        theme: Theme,
        request_frames: RequestFrames,
        now: float,
        doc: Document,
        camera: OrbitPose,
        edge_px: int,
    ) -> int:
        """Texture of the mesh, `edge_px`² or fewer while it turns on a slow machine.

        0 while there is none.
        """
        from viewer.gl.mesh_view import MeshLook, MeshView

        if self.shown is None or not len(self.shown.fine.faces):
            return 0
        if self._view is None:
            self._view = MeshView()
        moving = self._is_moving(request_frames, now, camera)
        mesh, edge = self.shown.fine, edge_px
        if moving and self._moving_ms > MOVING_MS:
            mesh = self.shown.coarse or mesh
            edge = max(int(edge_px * max(math.sqrt(MOVING_MS / self._moving_ms), LEAST_SCALE)), 64)
        p = theme.palette
        look = MeshLook(
            edge=edge, shading=doc.mesh.shading, wire=0.35 if doc.mesh.wire else 0.0, wire_ink=(0.05, 0.06, 0.09), ground=p.canvas,
            samples=0 if moving else REST_SAMPLES,
        )  # fmt: skip
        before = self._view.draws
        texture = self._view.draw(mesh, mesh_camera(camera, mesh.centre, mesh.radius), look)
        if moving and self._view.draws != before:
            # what the whole picture would cost: the cost goes with the pixels, more or less
            whole = self._view.last_ms * (edge_px / edge) ** 2
            self._moving_ms = whole if not self._moving_ms else 0.6 * self._moving_ms + 0.4 * whole
        return texture

    def _is_moving(self, request_frames: RequestFrames, now: float, camera: OrbitPose) -> bool:
        """Whether the camera changed a moment ago; asks for the frame in which it rests."""
        if camera != self._camera:
            self._moved_at = -1.0 if self._camera is None else now
            self._camera = camera
        moving = now - self._moved_at < REST_S
        if moving:
            request_frames(20.0)
        return moving

    def measure(self, picture: ShownPicture) -> DepthError | None:
        """Mesh against the depth of the picture on the screen; made once for a picture and a mesh."""
        from viewer.gl.mesh_view import MeshView

        depth, result = picture.frames.arrays.get("depth"), picture.result
        if (
            self.shown is None
            or depth is None
            or result is None
            or result.request is None
            or not len(self.shown.fine.faces)
        ):
            return None
        key = (picture.frames.version, id(depth), self.shown.fine.number)
        if key != self._error_key:
            if self._view is None:
                self._view = MeshView()
            mesh = self.shown.fine
            height, width = depth.shape
            camera = mesh_camera(result.request.camera, mesh.centre, mesh.radius)
            self.error = depth_error(self._view.distances(mesh, camera, width, height), depth)
            self._error_key = key
            self.error_version -= 1
        return self.error

    def clear(self) -> None:
        """Another checkpoint: nothing of the old one stays, on the graphics card neither."""
        self._loader.forget()
        self.shown, self.error, self.words, self.failed, self.notes = None, None, "", False, ()
        self._answer, self._error_key, self._moving_ms, self._camera = -1, None, 0.0, None
        self._edge = PREVIEW_EDGES[0]
        self.delete()

    def delete(self) -> None:
        """Frees the GL objects; needs the context that made them."""
        if self._view is not None:
            self._view.delete()
            self._view = None

    def _preview(self, doc: Document, queries: QueryCache, request_frames: RequestFrames, now: float) -> None:
        question = preview_question(doc.mesh, doc.checkpoint, doc.latent, self._edge)
        if not self._still.of(question, now) and queries.peek(question) is None:
            request_frames(20.0)
            self._say("" if self.shown is not None and self.shown.source == PREVIEW else "Making a preview")
            return
        found, error = queries.want(question), queries.error(question)
        if error is not None:
            self._nothing(error.message, failed=True)
        elif found is None:
            self._say("Making a preview")
        elif found.version != self._answer or self.shown is None or self.shown.source != PREVIEW:
            self._answer = found.version
            self._take(found.values, found.arrays, question)

    def _take(self, values: dict[str, object], arrays: dict, question: MeshPreviewQuestion) -> None:
        if not len(arrays["faces"]):
            low, high = values["low"], values["high"]
            self._nothing(
                f"No surface at level {values['level']:g}: {values['quantity']} runs from {low:.4g} to {high:.4g}",
                failed=True,
            )
            return
        request = question.request
        self.shown = preview_mesh(values, arrays, question.checkpoint, request.latent, request.resolution)
        cut = values["cut_by"]
        self.notes = (f"the surface is cut by the box at {', '.join(cut)}",) if cut else ()  # type: ignore[arg-type]
        self._say("")
        slower = [edge for edge in PREVIEW_EDGES if edge < self._edge]
        if float(values.get("ms", 0.0)) > PREVIEW_MS and slower:  # type: ignore[arg-type]
            self._edge = slower[0]

    def _export(self, task_id: str, tasks: Tasks, request_frames: RequestFrames) -> None:
        if self.shown is not None and self.shown.source == task_id:
            return
        task = tasks.get(task_id)
        report = None if task is None else report_of(task)
        if task is None or report is None or not (task.folder / DISPLAY_FILE).is_file():
            self._nothing("This export is not there any more", failed=True)
            return
        path, request = task.folder / DISPLAY_FILE, report.request
        title, voxel = task.record.title, report.voxel
        found = self._loader.want(
            task_id,
            lambda: read_display(
                path, task_id, title, voxel, str(task.record.pinned.get("checkpoint", "")), request.latent
            ),
        )
        if isinstance(found, InputError):
            self._nothing(str(found), failed=True)
        elif found is None:
            request_frames(10.0)
            self._say("Reading the mesh")
        else:
            self.shown, self.notes = found, report.notes
            self._say("")

    def _nothing(self, words: str, failed: bool) -> None:
        self.shown, self.error, self.notes = None, None, ()
        self._error_key = None
        self._say(words, failed)

    def _say(self, words: str, failed: bool = False) -> None:
        self.words, self.failed = words, failed


def report_of(task: Task) -> MeshReport | None:
    """What the finished export said."""
    try:
        return None if task.report is None else MeshReport.model_validate(task.report)
    except ValueError:
        return None
