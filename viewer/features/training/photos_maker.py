"""Making a data set of one's own photographs from the window, as `triscope data photos` does; what was left out, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.home import expanded
from viewer.features.training.data_task import DataTask
from viewer.jobs.desk import free_name
from viewer.jobs.photo_report import PhotoReport, PhotoReports, report_of
from viewer.jobs.tasks import Tasks
from viewer.widgets import choice_rows, controls, number_rows
from viewer.widgets.file_chooser import FileChooser, FileWish
from viewer.widgets.path_field import PathField
from viewer.widgets.theme import Theme

SIZES = (8, 2048)
LIST_LINES = 9.0
Poses = Literal["faces", "none", "labels"]
_POSES: tuple[tuple[Poses, str, str], ...] = (
    ("faces", "Faces", "Crop and camera from the face that is found; pictures without one are left out"),
    ("none", "None", "The middle square of each picture, without cameras"),
    ("labels", "Labels", "The middle square, with cameras by name from a JSON file"),
)
_WHICH = (
    ("largest", "Largest", "One image of each picture: its largest face"),
    ("all", "All", "An image of each face that is large enough"),
)


@dataclass
class PhotosWish:
    """What is chosen. size: pixels of an image's edge (0 = as the training shows them); labels: path, for the poses of that name."""

    folder: str = ""
    size: int = 0
    poses: Poses = "faces"
    which: str = "largest"
    labels: str = ""


class PhotosMaker:
    """The form, its task, and the report of the last set. out: the zip that is made."""

    def __init__(self, wake: Callable[[], None] | None = None) -> None:
        self.wish = PhotosWish()
        self.out = ""
        self.opened = True
        self._task, self._reports = DataTask("photos"), PhotoReports(wake)
        self._folder = PathField("photos-folder", FileWish("Folder of pictures", "folder"))
        self._labels = PathField(
            "photos-labels", FileWish("Cameras by name", kinds=(("JSON files", (".json",)),))
        )
        self._out = PathField(
            "photos-out", FileWish("Data set to be made", "save", (("Zip files", (".zip",)),))
        )

    def draw(self, theme: Theme, tasks: Tasks, files: FileChooser, resolution: int) -> str:
        """The form; the path of a set that was finished since, "" for none. resolution: of the training, pixels."""
        wish = self.wish
        size = wish.size or resolution
        self.out = self.out or str(free_name(Path.cwd(), f"photos{size}.zip"))
        tip = "Pictures of any size and form, also in folders below it: PNG, JPEG, WebP, TIFF, BMP"
        controls.label(theme, "Folder", tip)
        wish.folder = self._folder.draw(theme, files, wish.folder, tip=tip, hint="folder of pictures")
        tip = "Edge of an image, pixels; it begins with what the training shows its discriminator"
        chosen = number_rows.drag_int(
            theme, "Size", "##photos-size", size, speed=1.0, low=SIZES[0], high=SIZES[1], fmt="%d px", tip=tip
        )
        wish.size = chosen if chosen != resolution else 0
        tip = "From where each picture is seen"
        wish.poses = choice_rows.segmented(theme, "Cameras", "photos-poses", wish.poses, _POSES, tip=tip)
        if wish.poses == "faces":
            tip = "Of a picture with several faces"
            wish.which = choice_rows.segmented(theme, "Take", "photos-which", wish.which, _WHICH, tip=tip)
        elif wish.poses == "labels":
            tip = "A set's dataset.json, or {name: [25 numbers]}"
            controls.label(theme, "Labels", tip)
            wish.labels = self._labels.draw(theme, files, wish.labels, tip=tip, hint="labels.json")
        tip = "The .zip that is made; a report of all files is written beside it"
        controls.label(theme, "File", tip)
        self.out = self._out.draw(theme, files, self.out, tip=tip)
        why = self._why_not(tasks)
        tip = "Align, crop and label them, in a process of its own that outlives this window"
        if controls.button(
            theme, f"{fa.ICON_FA_IMAGES}  Make the set###make-photos", tip=tip, why_not=why, primary=not why
        ):
            self._task.start(tasks, self.arguments(chosen), self.out, {"size": chosen})
        made = self._task.draw(theme, tasks, "End it; made again with these settings, it goes on from there")
        if made:
            self.out = ""
        return made

    def arguments(self, size: int) -> tuple[str, ...]:
        """Words of `triscope data photos`."""
        wish = self.wish
        folder, out = (str(expanded(text.strip()).absolute()) for text in (wish.folder, self.out))
        poses = str(expanded(wish.labels.strip()).absolute()) if wish.poses == "labels" else wish.poses
        said = ("data", "photos", folder, out, "--size", str(size), "--poses", poses)
        return (*said, "--faces", wish.which) if wish.poses == "faces" else said

    def _why_not(self, tasks: Tasks) -> str:
        wish = self.wish
        if not wish.folder.strip():
            return "Choose the folder of pictures"
        if not expanded(wish.folder.strip()).is_dir():
            return f"There is no folder {wish.folder.strip()}"
        if wish.poses == "labels" and not expanded(wish.labels.strip()).is_file():
            return "Choose the JSON file with the cameras"
        if Path(self.out.strip()).suffix.lower() != ".zip":
            return "The file's name must end in .zip"
        return self._task.why_not(tasks, self.out)

    def draw_left_out(self, theme: Theme, tasks: Tasks, data: str) -> None:
        """What the newest set left out, while `data` is that set or there is none of it."""
        task = self._task.newest(tasks)
        if task is None or not task.ended or task.state == "cancelled":
            return
        out = Path(task.record.out)
        path = report_of(out)
        if (task.state == "done" and data.strip() != str(out)) or not path.is_file():
            return
        found = self._reports.want(path, task.record.id)
        if found is None:
            return
        tip = f"Every file of the folder that gave no image, with the reason; all of it is in {path}"
        title = f"Left out: {len(found.left_out)} of {found.files} files"
        self.opened = controls.fold(theme, title, "##photos-left-out", self.opened, tip=tip)
        if self.opened:
            _left_out(theme, found)


def _left_out(theme: Theme, found: PhotoReport) -> None:
    controls.note(theme, found.words())
    if not found.left_out:
        return
    flags = int(imgui.TableFlags_.row_bg | imgui.TableFlags_.scroll_y | imgui.TableFlags_.sizing_stretch_prop)
    lines = min(len(found.left_out), LIST_LINES) + 0.6
    height = lines * (imgui.get_text_line_height() + 2 * imgui.get_style().cell_padding.y)
    if not imgui.begin_table("##left-out", 2, flags, ImVec2(0.0, height)):
        return
    clipper = imgui.ListClipper()
    clipper.begin(len(found.left_out))
    while clipper.step():
        for name, why in found.left_out[clipper.display_start : clipper.display_end]:
            imgui.table_next_row()
            imgui.table_next_column()
            imgui.text_unformatted(controls.ellipsis(name, imgui.get_content_region_avail().x, keep_end=True))
            controls.tooltip(name)
            imgui.table_next_column()
            with controls.text_colour(theme.palette.muted):
                imgui.text_unformatted(controls.ellipsis(why, imgui.get_content_region_avail().x))
            controls.tooltip(why)
    imgui.end_table()
