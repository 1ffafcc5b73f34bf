"""Folders of the machine that renders, to choose a checkpoint from."""

from __future__ import annotations

import time

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.question_folder import FolderQuestion
from viewer.state.actions import Dispatch, OpenCheckpoint
from viewer.state.query_cache import QueryCache
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import Theme

ROWS = 12


class FarFiles:
    """A list that folds out under the path; folder "" is the home folder over there."""

    def __init__(self) -> None:
        self.shown = False
        self.folder = ""
        self._asked = 0

    def toggle(self) -> None:
        self.shown, self._asked = not self.shown, self._asked + 1

    def draw(self, theme: Theme, queries: QueryCache, dispatch: Dispatch) -> None:
        if not self.shown:
            return
        question = FolderQuestion(folder=self.folder, asked=self._asked)
        answer, error = queries.want(question), queries.error(question)
        if error is not None:
            with controls.text_colour(theme.palette.bad):
                controls.note(theme, error.message)
        if answer is None:
            if error is None:
                controls.note(theme, "Looking …")
            elif self.folder and controls.button(theme, "Home###far-home", tip="The home folder over there"):
                self._go("")
            return
        values = answer.values
        controls.note(theme, values["folder"])
        entries = values["entries"]
        height = (min(len(entries) + 1, ROWS) + 0.5) * imgui.get_text_line_height_with_spacing()
        controls.begin_child("##far-files", ImVec2(0.0, height))
        if (
            values["parent"] != values["folder"]
            and imgui.selectable(f"{fa.ICON_FA_ARROW_UP}  ..###up", False)[0]
        ):
            self._go(values["parent"])
        for name, inside, size, changed in entries:
            path = f"{values['folder'].rstrip('/')}/{name}"
            icon = fa.ICON_FA_FOLDER if inside else fa.ICON_FA_CUBE
            if imgui.selectable(f"{icon}  {legible(name)}###{name}", False)[0]:
                if inside:
                    self._go(path)
                else:
                    self.shown = False
                    dispatch(OpenCheckpoint(path))
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(changed))
            controls.tooltip(path if inside else f"{path}\n{size / 1e6:.1f} MB, {when}")
        imgui.end_child()
        if values["more"]:
            controls.note(theme, f"and {values['more']} more: type the path")

    def _go(self, folder: str) -> None:
        self.folder, self._asked = folder, self._asked + 1
