"""A path that is typed or chosen in a file dialog, with buttons that save to it and load from it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from core_model.schema.home import expanded
from viewer.widgets import controls
from viewer.widgets.file_chooser import FileChooser, FileWish
from viewer.widgets.theme import Theme

Asked = Literal["save", "load"]


class FileRow:
    """The text and the dialog; `draw` returns ("save" | "load", path) in the frame in which one was requested."""

    def __init__(self, key: str, title: str, endings: tuple[str, ...], default: str) -> None:
        self.text = default
        self._key, self._title, self._endings = key, title, endings
        self._chosen: tuple[Asked, Path] | None = None

    def draw(
        self, theme: Theme, files: FileChooser, why_not_save: str = "", why_not_load: str = ""
    ) -> tuple[Asked, Path] | None:
        gap, button = imgui.get_style().item_inner_spacing.x, imgui.get_frame_height()
        controls.label(theme, "File", f"{self._title}: a file that is written or read")
        left, room = imgui.get_cursor_pos_x(), imgui.get_content_region_avail().x - 2 * (button + gap)
        beside = room > 5 * theme.em  # in a narrow column the buttons have a line of their own
        imgui.set_next_item_width(room if beside else -1.0)
        _, self.text = imgui.input_text(f"##{self._key}-path", self.text)
        controls.tooltip("Path of the file; ~ is your home folder. With an empty one the buttons ask for it")
        asked: Asked | None = None
        buttons: tuple[tuple[str, Asked, str, str], ...] = (
            (fa.ICON_FA_FLOPPY_DISK, "save", f"Save: {self._title.lower()} into this file", why_not_save),
            (
                fa.ICON_FA_FOLDER_OPEN,
                "load",
                f"Load: {self._title.lower()} out of this file, beside what is there",
                why_not_load,
            ),
        )
        for icon, what, tip, why in buttons:
            if beside or what == "load":
                imgui.same_line(0.0, gap)
            else:
                imgui.set_cursor_pos_x(left)
            if controls.icon_button(theme, icon, f"{self._key}-{what}", tip=tip, why_not=why):
                asked = what
        if asked is not None and self.text.strip():
            return asked, expanded(self.text.strip())
        if asked is not None:
            self._ask(files, asked)
        found, self._chosen = self._chosen, None
        return found

    def _ask(self, files: FileChooser, what: Asked) -> None:
        def then(path: Path) -> None:
            self.text = str(path)
            self._chosen = (what, path)

        kinds = ((self._title, self._endings), ("All files", ()))
        title = f"{'Save' if what == 'save' else 'Load'} {self._title.lower()}"
        files.ask(FileWish(title, "save" if what == "save" else "open", kinds), then)
