"""From one photograph to a head: crop and camera, the search as it goes, and its code."""

from __future__ import annotations

from typing import Literal

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from core_model.schema.checkpoint import CheckpointInfo
from viewer.features.inversion.photo_page import PhotoPage
from viewer.features.inversion.run_page import RunPage
from viewer.jobs.tasks import Tasks
from viewer.render_client.events import WorkerStatus
from viewer.state.actions import Dispatch, ShowPanel
from viewer.state.document import Document
from viewer.state.exports import Exports
from viewer.state.query_cache import QueryCache
from viewer.widgets import choice_rows, controls
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.file_chooser import FileChooser
from viewer.widgets.theme import Theme

PageName = Literal["photo", "run"]
TITLE = "Inversion"
_PAGES: tuple[tuple[PageName, str, str], ...] = (
    ("photo", "Photograph", "Crop, camera and settings"),
    ("run", "Run", "What a run shows as it goes, and its code"),
)


class InversionPanel:
    """Two pages: the photograph that is aligned, and a run that is watched."""

    def __init__(self) -> None:
        self.page: PageName = "photo"
        self.photo = PhotoPage()
        self.runs = RunPage()

    def take(self, path: str, files: FileChooser) -> None:
        """Another photograph; path "": one that is asked for."""
        self.page = "photo"
        if path:
            self.photo.take(path)
        else:
            self.photo.ask(files)

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        queries: QueryCache,
        tasks: Tasks,
        exports: Exports,
        status: WorkerStatus,
        files: FileChooser,
        dispatch: Dispatch,
        now: float,
    ) -> Document:
        edge, gap = imgui.get_frame_height(), imgui.get_style().item_inner_spacing.x
        imgui.begin_group()
        room = imgui.get_content_region_avail().x - edge - gap
        controls.begin_child("##pages", imgui.ImVec2(room, edge))
        self.page = choice_rows.segmented(theme, "", "inversion-page", self.page, _PAGES, tip="What is shown")
        imgui.end_child()
        imgui.same_line(0.0, gap)
        if controls.icon_button(theme, fa.ICON_FA_XMARK, "inversion-close", tip="Hide this panel (Esc)"):
            dispatch(ShowPanel(TITLE, False))
        imgui.end_group()
        folder = exports.settings.folder
        if self.page == "run":
            return self.runs.draw(doc, theme, info, tasks, dispatch, folder, now)
        started = self.photo.draw(theme, info, queries, tasks, files, folder, bool(status.far))
        if started:
            self.runs.chosen, self.runs.note, self.page = started, "", "run"
        return doc

    def close(self) -> None:
        """Frees the textures."""
        self.photo.stage.close()
        self.runs.watch.close()


def _inversion() -> Feature:
    panel = InversionPanel()
    return Feature(panel, close=panel.close)


FEATURES.add("inversion", _inversion)
