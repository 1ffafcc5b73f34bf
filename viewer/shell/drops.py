"""Files that are dropped on the window or opened.

A checkpoint is opened, a file that triscope wrote restores its view, a camera path goes to the Path panel, any
other picture to the Inversion panel. A
thread reads the files and looks for the checkpoint; `poll` applies the result between two frames.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core_model.schema.camera_path import CameraPath
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError
from viewer.shell.restore import Found, Places, camera_path_in, find, is_checkpoint, is_photo, restored
from viewer.state.document import Document
from viewer.state.store import Banner

if TYPE_CHECKING:
    from viewer.shell.coordinator import RenderCoordinator


@dataclass(frozen=True)
class _Outcome:
    """taken: the file that is used; opened: it is a checkpoint; found: it has a record; path: it is a camera
    path; photo: it is a picture that nothing of triscope is in.

    errors: of the files before it; left: the remaining files.
    """

    taken: str = ""
    opened: bool = False
    found: Found | None = None
    path: CameraPath | None = None
    photo: bool = False
    errors: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class Drops:
    """One batch of files at a time; a later batch, or another checkpoint to open, cancels one that is still
    being read.
    """

    def __init__(self) -> None:
        self._batch = self._asked = 0
        self._done: list[tuple[int, _Outcome]] = []
        self._lock = threading.Lock()
        self.reading = False
        self.photo = ""
        """A photograph that was dropped; whoever shows it clears the field."""

    def take(self, paths: list[str], places: Places, asked: int) -> None:
        """Begin to read files and use the first checkpoint or record. asked: number of the last
        `Controller.open`.
        """
        if not paths:
            return
        self._batch += 1
        self._asked = asked
        self.reading = True
        threading.Thread(target=self._read, args=(self._batch, list(paths), places), daemon=True).start()

    def poll(self, control: RenderCoordinator, now: float) -> str:
        """Apply the result of the thread, if there is one; returns the title of the panel that it belongs to,
        if any.
        """
        with self._lock:
            done, self._done = self._done, []
        panel = ""
        for batch, outcome in done:
            if batch == self._batch:
                self.reading = False
                if control.asked != self._asked:
                    control.store.say(
                        f"{Path(outcome.taken).name} was left: another file was opened since", now
                    )
                    continue
                self._carry_out(outcome, control, now)
                panel = "Path" if outcome.path is not None else panel
        return panel

    def _read(self, batch: int, paths: list[str], places: Places) -> None:
        outcome = read_batch(paths, places)
        with self._lock:
            self._done.append((batch, outcome))

    def _carry_out(self, outcome: _Outcome, control: RenderCoordinator, now: float) -> None:
        name = Path(outcome.taken).name
        left = f"Left out: {', '.join(Path(p).name for p in outcome.left)}" if outcome.left else ""
        found = outcome.found
        if outcome.opened:
            control.open(outcome.taken)
        elif found is not None:
            self._restore(found, control, now)
        elif outcome.photo:
            self.photo = outcome.taken
        elif outcome.path is not None:
            _take_path(outcome.path, name, control, now)
        else:
            first = outcome.errors[0] if outcome.errors else "nothing to open"
            title = "Nothing could be restored" if len(outcome.errors) > 1 else f"{name} restores no view"
            control.store.banner = Banner(title, "\n".join(outcome.errors) or first)
            return
        if left:
            control.store.banner = Banner(f"Took {name}", left, severity="note")
            control.store.say(left, now)

    def _restore(self, found: Found, control: RenderCoordinator, now: float) -> None:
        name = Path(found.file).name
        said: list[str] = list(found.notes)

        def adopt(doc: Document, info: CheckpointInfo) -> Document:
            new, notes = restored(doc, info, found.record)
            if said or notes:
                control.store.banner = Banner(
                    f"Restored the view of {name}", "\n".join((*said, *notes)), severity="note"
                )
            return new

        control.store.say(f"Restored the view of {name}", now)
        if (
            control.info is not None
            and control.info.path == found.checkpoint == control.store.doc.checkpoint
            and not control.opening
        ):
            control.store.adopt(adopt(control.store.doc, control.info), "restored", now)
        else:
            control.open(found.checkpoint, then=adopt)


def _take_path(path: CameraPath, name: str, control: RenderCoordinator, now: float) -> None:
    """The path, and the view from its beginning, as one step of the history."""
    latent = path.latent_at(0.0)
    doc = control.store.doc.replace(path=path, camera=path.pose_at(0.0))
    control.store.adopt(doc if latent is None else doc.replace(latent=latent), "camera path", now)
    keys = len(path.keys)
    control.store.say(
        f"Opened the camera path {name}: {keys} key{'' if keys == 1 else 's'}, {path.duration:g} s", now
    )


def read_batch(paths: list[str], places: Places) -> _Outcome:
    """Choose one of several files: the first that is a checkpoint, a camera path, or a record whose
    checkpoint is found; where there is none, the first photograph.
    """
    errors: list[str] = []
    photo = next((path for path in paths if is_photo(path)), "")
    for index, path in enumerate(paths):
        others = tuple(p for i, p in enumerate(paths) if i != index)
        if is_checkpoint(path):
            return _Outcome(path, opened=True, errors=tuple(errors), left=others)
        try:
            along = camera_path_in(path)
            if along is not None:
                return _Outcome(path, path=along, errors=tuple(errors), left=others)
            return _Outcome(path, found=find(path, places), errors=tuple(errors), left=others)
        except InputError as error:
            errors.append(str(error))
        except Exception as error:  # no foreign file may crash the window
            errors.append(f"cannot read {path}: {type(error).__name__}")
    if photo:
        return _Outcome(photo, photo=True, errors=tuple(errors), left=tuple(p for p in paths if p != photo))
    return _Outcome(paths[0], errors=tuple(errors))
