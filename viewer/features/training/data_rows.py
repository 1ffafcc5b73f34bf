"""The data of a new run: where it lies, what it holds, how it looks, and how a set is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from viewer.features.training.data_maker import HeadsMaker
from viewer.features.training.data_preview import DataPreviewDrawing
from viewer.features.training.draft import Draft
from viewer.features.training.photos_maker import PhotosMaker
from viewer.jobs.data_preview import DataPreviewer
from viewer.jobs.data_set import DataLook, DataLooker
from viewer.jobs.desk import Desk
from viewer.jobs.tasks import Tasks
from viewer.widgets import choice_rows, controls
from viewer.widgets.file_chooser import FileChooser, FileWish
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import Theme

TIP = (
    "A zip or folder in EG3D's layout (dataset.json tells the camera of each image), or a folder of your own"
)
FAR = "Data sets lie on the machine that trains: `triscope data heads` and `triscope data photos` make one there"
_KINDS = (
    ("heads", "Made-up heads", "Drawn with known cameras, as `triscope data heads` does"),
    ("photos", "Photographs", "A folder of your own, aligned and cropped, as `triscope data photos` does"),
)
NO_CAMERAS = "it has no cameras: switch data.labels off, or take another set"


class DataRows:
    """Keeps which parts are open, and the threads that look."""

    def __init__(self) -> None:
        self.looker = DataLooker()
        self.previewer = DataPreviewer()
        self.maker, self.photos = HeadsMaker(), PhotosMaker()
        self.kind = "heads"
        self.drawing = DataPreviewDrawing()
        self.making = False
        self.shown = True
        self._here = True
        self._chosen = ""

    def use(self, desk: Desk, wake: Callable[[], None]) -> None:
        """The machine that trains."""
        self.looker, self.previewer = DataLooker(wake, desk.data), DataPreviewer(wake)
        self.photos = PhotosMaker(wake)
        self._here = desk.here

    def draw(self, theme: Theme, tasks: Tasks, files: FileChooser, draft: Draft) -> str:
        """The rows; returns what is wrong with the data set, "" for nothing."""
        self._path(theme, files, draft)
        found = self.looker.want(draft.data) if draft.data.strip() else None
        fault = self._told(theme, draft, found)
        if found is not None and found.pictures and self._here:
            self._preview(theme, draft, found)
        tip = "Of made-up people with known cameras, or of your own photographs"
        if self._here:
            self.photos.draw_left_out(theme, tasks, draft.data)
            self.making = controls.fold(theme, "Make a data set", "##make-data", self.making, tip=tip)
        if self.making and self._here:
            self.kind = choice_rows.segmented(
                theme, "Of", "data-kind", self.kind, _KINDS, tip="What the set is made of"
            )
            resolution = (draft.tree or draft.base).data.resolution
            maker = self.maker if self.kind == "heads" else self.photos
            made = maker.draw(theme, tasks, files, resolution)
            if made:
                draft.data, self.making = made, False
        return fault

    def _path(self, theme: Theme, files: FileChooser, draft: Draft) -> None:
        controls.label(theme, "Data", TIP)
        gap, edge = imgui.get_style().item_inner_spacing.x, imgui.get_frame_height()
        imgui.set_next_item_width(imgui.get_content_region_avail().x - 2 * (edge + gap))
        changed, text = imgui.input_text_with_hint("##data", "zip or folder of images", draft.data)
        draft.data = text if changed else draft.data
        controls.tooltip(TIP)
        why = "" if self._here else FAR
        imgui.same_line(0.0, gap)
        if controls.icon_button(theme, fa.ICON_FA_FILE_ZIPPER, "data-zip", tip="Choose a zip …", why_not=why):
            files.ask(FileWish("Data set", kinds=(("Zip files", (".zip",)),), start=draft.data), self._take)
        imgui.same_line(0.0, gap)
        tip = "Choose a folder: a data set, or images of your own …"
        if controls.icon_button(theme, fa.ICON_FA_FOLDER_OPEN, "data-folder", tip=tip, why_not=why):
            files.ask(FileWish("Folder of images", "folder", start=draft.data), self._take)
        if self._chosen:
            draft.data, self._chosen = self._chosen, ""

    def _take(self, path: Path) -> None:
        self._chosen = str(path)

    def _told(self, theme: Theme, draft: Draft, found: DataLook | None) -> str:
        """What it holds in a line, or what is wrong with it, with the remedy beside it."""
        if not draft.data.strip():
            return ""
        if found is None:
            controls.note(theme, "Looking at the data set …")
            return "the data set is still being looked at"
        tree, fault = draft.tree, found.fault
        if not fault and tree is not None and tree.data.labels and not found.labelled:
            fault = NO_CAMERAS
        if not fault and tree is not None and min(found.size) < tree.data.resolution and not found.labelled:
            fault = f"its images are smaller than data.resolution ({tree.data.resolution} pixels)"
        left = imgui.get_cursor_pos_x() + controls.LABEL_EM * theme.em
        imgui.set_cursor_pos_x(left)
        with controls.text_colour(theme.palette.bad if fault else theme.palette.good):
            imgui.text_wrapped(legible(fault if fault else found.words()))
        if fault == NO_CAMERAS:
            imgui.set_cursor_pos_x(left)
            tip = "Sets data.labels off: cameras are drawn from the preset's distribution, and poses are not judged"
            if controls.button(theme, "Train without cameras###no-cameras", tip=tip):
                draft.put("data.labels", "false")
        return f"data set: {fault}" if fault else ""

    def _preview(self, theme: Theme, draft: Draft, found: DataLook) -> None:
        tip = "Sixteen of its images, and the cameras of its labels around the box that is trained"
        self.shown = controls.fold(theme, "How it looks", "##data-preview", self.shown, tip=tip)
        if not self.shown:
            return
        seen = self.previewer.want(draft.data, float(found.bytes))
        if seen is None:
            controls.note(theme, "Reading sixteen images …")
        elif seen.fault:
            controls.note(theme, seen.fault)
        else:
            tree = draft.tree or draft.base
            self.drawing.draw(theme, seen, 2.0 * tree.render.box)
