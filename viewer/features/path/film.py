"""Export and import of a camera path.

Its JSON file, and the video that `triscope orbit --path` makes of it.
"""

from __future__ import annotations

from pathlib import Path

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.atomic import why_not_written, write_atomic
from core_model.schema.camera_path import CameraPath, read_camera_path
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.home import expanded
from core_model.schema.record import RenderRecord
from viewer.jobs.tasks import Task, Tasks
from viewer.runs.format import time_left
from viewer.state.document import Document
from viewer.state.export_settings import display_ranges
from viewer.state.exports import TASK_KIND, taken
from viewer.state.requests import export_request
from viewer.widgets import controls, typed
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.theme import BODY_PX, Theme

PATH_FILE, REQUEST_FILE = "path.json", "request.json"
SIZES = (64, 4096)
POPUP_EM = 24.0


class PathFile:
    """The popup that saves and loads; keeps the file's name and what was said last."""

    def __init__(self) -> None:
        self.name = str(Path.cwd() / "camera-path.json")
        self.said = ""

    def draw(self, path: CameraPath, theme: Theme) -> CameraPath:
        """Draws inside an open popup; returns the path, or the one that was loaded."""
        controls.label(
            theme, "File", "JSON file of the path, for this window and for `triscope orbit --path`"
        )
        imgui.set_next_item_width(POPUP_EM * theme.em - controls.LABEL_EM * theme.em)
        _, self.name = imgui.input_text("##path-file", self.name)
        file = expanded(self.name)
        why_not = "" if path.keys else "The path has no keys"
        if controls.button(
            theme, f"{fa.ICON_FA_FLOPPY_DISK} Save###save-path", tip=f"Write {file}", why_not=why_not
        ):
            self.said = _saved(path, file)
        imgui.same_line()
        if controls.button(
            theme,
            f"{fa.ICON_FA_FOLDER_OPEN} Load###load-path",
            tip=f"Read {file}; {theme.key('edit.undo', 'Undo')} brings this path back",
        ):
            try:
                path = read_camera_path(file)
                self.said = f"Loaded {len(path.keys)} keys"
            except InputError as error:
                self.said = str(error)
        if self.said:
            imgui.push_text_wrap_pos(POPUP_EM * theme.em)
            with controls.font(theme.fonts.body, BODY_PX * 0.87), controls.text_colour(theme.palette.muted):
                imgui.text_unformatted(self.said)
            imgui.pop_text_wrap_pos()
        return path


class Film:
    """The popup that renders the path as a task, and the newest of those tasks."""

    def __init__(self) -> None:
        self.size = 512
        self.name = str(Path.cwd() / "camera-path.mp4")
        self.task = ""

    def running(self, tasks: Tasks) -> Task | None:
        """The film that is being made, if there is one."""
        return next((t for t in tasks.views(TASK_KIND) if t.record.pinned.get("path") and not t.ended), None)

    def draw(
        self, doc: Document, theme: Theme, info: CheckpointInfo | None, picture: ShownPicture, tasks: Tasks
    ) -> None:
        """Draws inside an open popup; starting the film closes it."""
        out = expanded(self.name)
        controls.label(theme, "Video", "The .mp4 that is written")
        imgui.set_next_item_width(POPUP_EM * theme.em - controls.LABEL_EM * theme.em)
        _, self.name = imgui.input_text("##film-file", self.name)
        controls.label(theme, "Size", "Edge of the square picture, pixels")
        imgui.set_next_item_width(6 * theme.em)
        draw = lambda: imgui.drag_int(
            "##film-size", self.size, 4, *SIZES, "%d px", imgui.SliderFlags_.always_clamp
        )
        self.size = 2 * (
            int(typed.dragged(theme, "##film-size", self.size, *SIZES, "%d px", draw, whole=True)) // 2
        )
        controls.tooltip("Edge of the square picture, pixels (even, as video wants it)")
        frames = len(doc.path.frame_times())
        controls.value_row(
            theme, "Frames", f"{frames} at {doc.path.fps:g} per second, channel {doc.view.channel}"
        )
        if controls.button(
            theme, f"{fa.ICON_FA_FILM} Render###start-film", primary=True, why_not=self.why_not(doc, info, tasks),
            tip="Render every frame in a process of its own with the present head, sampler and channel",
        ):  # fmt: skip
            self.start(doc, info, picture, tasks, out)
            imgui.close_current_popup()

    def why_not(self, doc: Document, info: CheckpointInfo | None, tasks: Tasks) -> str:
        """Why no film can be made now; empty = it can."""
        out = expanded(self.name)
        if info is None:
            return "Nothing is open"
        if not doc.path.keys:
            return "The path has no keys"
        if out.suffix.lower() != ".mp4":
            return "The video's name must end in .mp4"
        if not out.parent.is_dir():
            return f"There is no folder {out.parent}"
        return f"{out.name} is being written" if str(out) in taken(tasks) else ""

    def start(
        self, doc: Document, info: CheckpointInfo | None, picture: ShownPicture, tasks: Tasks, out: Path
    ) -> None:
        """Write request and path into a task's folder and start the command that a person would type."""
        assert info is not None
        folder, channels = tasks.new_folder(), (doc.view.channel,)
        record = RenderRecord(
            request=export_request(doc, info, self.size, channels), checkpoint_sha256=info.sha256, family=info.family,
            display=display_ranges(doc, info, channels, picture.frames.arrays),
        )  # fmt: skip
        write_atomic(folder / REQUEST_FILE, record.model_dump_json(indent=1).encode())
        write_atomic(folder / PATH_FILE, doc.path.model_dump_json(indent=1).encode())
        words = (
            "orbit",
            "--request",
            str(folder / REQUEST_FILE),
            "--path",
            str(folder / PATH_FILE),
            "--out",
            str(out),
        )
        self.task = tasks.start(
            TASK_KIND, out.name, words, out, folder, {"kind": "orbit", "files": [str(out)], "path": True}
        )

    def progress(self, task: Task, theme: Theme, tasks: Tasks, width: float) -> None:
        """A bar with the frame that is rendered, and a button that ends it."""
        edge, gap = imgui.get_frame_height(), imgui.get_style().item_inner_spacing.x
        left = f", {said}" if (said := time_left(task.eta_s)) else ""
        imgui.progress_bar(
            task.fraction, ImVec2(width - edge - gap, edge), f"{task.stage or task.state}{left}"
        )
        controls.tooltip(f"{task.record.out}\n{task.stage or task.state}{left}")
        imgui.same_line(0.0, gap)
        if controls.icon_button(
            theme, fa.ICON_FA_STOP, "cancel-film", tip="Cancel the video; nothing is left behind"
        ):
            tasks.cancel(task.record.id)


def _saved(path: CameraPath, file: Path) -> str:
    if file.suffix.lower() != ".json":
        return "The file's name must end in .json"
    try:
        write_atomic(file, (path.model_dump_json(indent=1) + "\n").encode())
    except OSError as error:
        return f"Not saved: {why_not_written(error)}"
    return f"Saved {len(path.keys)} keys"
