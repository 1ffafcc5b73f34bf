"""Opens what comes from outside: files that are dropped, chosen or named at the start, and saved sessions."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from core_model.schema.assets import demo_checkpoint
from core_model.schema.far import LOCAL
from viewer.shell.autosave import Autosave
from viewer.shell.drops import Drops
from viewer.shell.restore import RECORD_SUFFIXES, Places, is_photo, is_record_file
from viewer.state.store import Banner
from viewer.widgets.file_chooser import FileChooser, FileWish

if TYPE_CHECKING:
    from viewer.shell.coordinator import RenderCoordinator

OPENABLE = FileWish(
    "Open a checkpoint, or a file whose view is to be restored",
    kinds=(
        ("Checkpoints", (".safetensors", ".pkl", ".pth", ".pt")),
        ("Files of triscope", RECORD_SUFFIXES),
        ("All files", ()),
    ),
)


class Opening:
    """One per window. `front`: title of the panel to bring to the front, `photo`: a photograph to be shown; the window does
    so and clears the fields.
    """

    def __init__(self) -> None:
        self.autosave = Autosave()
        self.drops = Drops()
        self.front = self.photo = ""
        self._offered = False

    def start(
        self, checkpoint: str, control: RenderCoordinator, recent: tuple[str, ...], named: bool = True
    ) -> bool:
        """Open what the window was started with; a file that triscope wrote restores its view.

        True where nobody said what to open and no earlier view comes back or is offered.

        named: the user said what to open. Otherwise the last session comes back, where its checkpoint is still there.
        """
        left = self.autosave.found
        if not named and left is not None and not left.crashed and _is_there(left.document.checkpoint):
            control.open(left.document.checkpoint, then=lambda doc, info: left.document)
            return False
        if is_record_file(checkpoint) or is_photo(checkpoint):
            control.open(demo_checkpoint() or "analytic:sphere")
            self.take([checkpoint], control, recent)
        else:
            control.open(checkpoint)
        return not named and (left is None or not left.crashed)

    def take(self, paths: list[str], control: RenderCoordinator, recent: tuple[str, ...]) -> None:
        """Files from the desktop: the first checkpoint, or file whose view can be restored, is taken."""
        if control.client.status.far and paths and not (is_record_file(paths[0]) or is_photo(paths[0])):
            control.open(f"{LOCAL}{paths[0]}")  # it is sent over
            return
        info = control.info
        now = (info.path, info.sha256) if info is not None else ("", "")
        self.drops.take(paths, Places(*now, recent, demo_checkpoint() or ""), control.asked)

    def poll(self, control: RenderCoordinator, now: float) -> None:
        """Carry out what has been read or chosen since the last frame."""
        self.front = self.drops.poll(control, now) or self.front
        self.photo, self.drops.photo = self.drops.photo or self.photo, ""

    def ask(self, control: RenderCoordinator, files: FileChooser, recent: tuple[str, ...]) -> None:
        """Ask for a file, beginning beside the one that is open."""
        info = control.info
        here = info is not None and not control.client.status.far and Path(info.path).exists()
        start = info.path if info is not None and here else ""
        wish = FileWish(OPENABLE.title, OPENABLE.kind, OPENABLE.kinds, start)
        files.ask(wish, lambda path: self.take([str(path)], control, recent))

    def offer_crashed(self, control: RenderCoordinator) -> None:
        """Once, when the first checkpoint is open: offer to restore the view of a window that crashed."""
        left, self._offered = (None if self._offered else self.autosave.found), True
        if left is not None and left.crashed and control.store.banner is None:
            name, when = (
                Path(left.document.checkpoint).name,
                time.strftime("%H:%M", time.localtime(left.saved)),
            )
            said = f"The last window did not end properly: {name} at {when}"
            control.store.banner = Banner(said, severity="note", remedy="restore")

    def restore(self, control: RenderCoordinator, now: float) -> None:
        """The session that was kept last, with its checkpoint."""
        left = self.autosave.found
        if left is None:
            control.store.say("No earlier session was kept", now)
            return
        control.open(left.document.checkpoint, then=lambda doc, info: left.document)


def _is_there(checkpoint: str) -> bool:
    return checkpoint.startswith("analytic:") or Path(checkpoint).exists()
