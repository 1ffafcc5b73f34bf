"""A path that is typed or chosen in the desktop's file dialog, with a button that uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from viewer.widgets import controls
from viewer.widgets.theme import Theme


class FileRow:
    """The text and the open dialog; `draw` returns ("save" | "load", path) in the frame in which one was
    requested.
    """

    def __init__(self, key: str, title: str, pattern: str, default: str) -> None:
        self.text = default
        self._key, self._title, self._pattern = key, title, pattern
        self._dialog: tuple[str, Any] | None = None

    def draw(
        self, theme: Theme, dialog_available: bool, why_not_save: str = "", why_not_load: str = ""
    ) -> tuple[str, Path] | None:
        gap, button = imgui.get_style().item_inner_spacing.x, imgui.get_frame_height()
        controls.label(theme, "File", f"{self._title}: a file that is written or read")
        left, room = imgui.get_cursor_pos_x(), imgui.get_content_region_avail().x - 2 * (button + gap)
        beside = room > 5 * theme.em  # in a narrow column the buttons have a line of their own
        imgui.set_next_item_width(room if beside else -1.0)
        _, self.text = imgui.input_text(f"##{self._key}-path", self.text)
        controls.tooltip("Path of the file; ~ is your home folder. An empty one opens the desktop's dialog")
        asked = ""
        for icon, what, tip, why in (
            (fa.ICON_FA_FLOPPY_DISK, "save", f"Save: {self._title.lower()} into this file", why_not_save),
            (
                fa.ICON_FA_FOLDER_OPEN,
                "load",
                f"Load: {self._title.lower()} out of this file, beside what is there",
                why_not_load,
            ),
        ):
            if beside or what == "load":
                imgui.same_line(0.0, gap)
            else:
                imgui.set_cursor_pos_x(left)
            missing = (
                ""
                if self.text.strip() or dialog_available
                else "Type a path first: there is no file dialog here"
            )
            if controls.icon_button(theme, icon, f"{self._key}-{what}", tip=tip, why_not=why or missing):
                asked = what
        if asked and self.text.strip():
            return asked, Path(self.text.strip()).expanduser()
        if asked:
            self._open(asked)
        return self._chosen()

    def _open(self, what: str) -> None:
        from imgui_bundle import portable_file_dialogs as dialogs

        kinds = [self._title, self._pattern, "All files", "*"]
        self._dialog = (
            what,
            dialogs.save_file(self._title, "", kinds)
            if what == "save"
            else dialogs.open_file(self._title, "", kinds),
        )

    def _chosen(self) -> tuple[str, Path] | None:
        if self._dialog is None or not self._dialog[1].ready(0):
            return None
        (what, dialog), self._dialog = self._dialog, None
        found = dialog.result()
        path = found if isinstance(found, str) else (found[0] if found else "")
        self.text = path or self.text
        return (what, Path(path)) if path else None
