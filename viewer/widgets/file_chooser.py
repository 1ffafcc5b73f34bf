"""Asks for a file or a folder: by the desktop's own dialog where there is one, else by a browser of the window's own."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core_model.schema.home import expanded
from viewer.state.folders import with_recent
from viewer.widgets.file_browser import Browser
from viewer.widgets.theme import Theme

Then = Callable[[Path], None]


@dataclass(frozen=True)
class FileWish:
    """title: what is asked for. kinds: (name, endings with their point); no endings = all files. start: a file or folder to begin at."""

    title: str
    kind: Literal["open", "save", "folder"] = "open"
    kinds: tuple[tuple[str, tuple[str, ...]], ...] = (("All files", ()),)
    start: str = ""


class FileChooser:
    """One per window. recent: folders that something was chosen in, newest first. system: the desktop has a dialog."""

    def __init__(self, wake: Callable[[], None] = lambda: None, recent: tuple[str, ...] = ()) -> None:
        self.system = has_file_dialog()
        self.recent = recent
        self._browser = Browser(wake)
        self._dialog: tuple[FileWish, Any] | None = None
        self._then: Then = lambda path: None

    @property
    def open(self) -> bool:
        """Whether the window's own browser is shown."""
        return self._browser.open

    def close(self) -> None:
        self._browser.close()

    def ask(self, wish: FileWish, then: Then) -> None:
        """Show the dialog; `then` gets the path, in a later frame. One question at a time: a second one takes the first one's place."""
        start = (
            _folder_of(wish.start)
            or next((f for f in self.recent if Path(f).is_dir()), "")
            or str(Path.cwd())
        )
        self._then = then
        if not self.system:
            name = Path(wish.start).name if wish.kind == "save" else ""
            self._browser.show(wish.title, wish.kind, wish.kinds, Path(start), name)
        elif self._dialog is None:
            self._dialog = (wish, _system_dialog(wish, start))

    def draw(self, theme: Theme) -> None:
        """The browser over the window, and what was chosen in either."""
        found = self._browser.draw(theme, self.recent) if self._browser.open else None
        if self._dialog is not None and self._dialog[1].ready(0):
            (_, dialog), self._dialog = self._dialog, None
            answer = dialog.result()
            first = answer if isinstance(answer, str) else (answer[0] if answer else "")
            found = Path(first) if first else None
        if found is not None:
            self.recent = with_recent(self.recent, found if found.is_dir() else found.parent)
            self._then(found)


def has_file_dialog() -> bool:
    """Whether the desktop can show a file dialog: always on Windows and macOS, by a helper program elsewhere."""
    if not sys.platform.startswith("linux"):
        return True
    return any(shutil.which(tool) for tool in ("zenity", "kdialog", "matedialog", "qarma"))


def _folder_of(start: str) -> str:
    """The nearest folder of a path that is there; "" for none."""
    if not start.strip():
        return ""
    path = expanded(start.strip()).absolute()
    return next((str(p) for p in (path, *path.parents) if p.is_dir()), "")


def _system_dialog(wish: FileWish, start: str) -> Any:
    from imgui_bundle import portable_file_dialogs as dialogs

    if wish.kind == "folder":
        return dialogs.select_folder(wish.title, start)
    words: list[str] = []
    for name, endings in wish.kinds:
        words += [name, " ".join(f"*{ending}" for ending in endings) or "*"]
    if wish.kind == "save":
        return dialogs.save_file(wish.title, str(Path(start) / Path(wish.start).name), words)
    return dialogs.open_file(wish.title, start, words)
