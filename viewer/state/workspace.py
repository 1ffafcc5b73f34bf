"""Which workspace the window shows, Explore (one checkpoint) or Training (runs), and the checkpoint's run.

Both workspaces keep their state. A thread watches the snapshots of that run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Literal

from viewer.jobs.desk import Desk, LocalDesk
from viewer.runs.files import Snapshot, look
from viewer.runs.source import HERE, FarPath, RunSource

WorkspaceName = Literal["explore", "training"]
TITLES: dict[WorkspaceName, str] = {"explore": "Explore", "training": "Training"}
RECENT_FOLDERS = 12
LOOK_S = 1.0
GIVE_UP_S = 5.0
"""A run that nobody has asked about for so long is not looked at any more."""


def run_of(checkpoint: str, here: bool = True) -> PurePath | None:
    """RUN of RUN/snapshots/NNNNNN.safetensors or RUN/network-snapshot-KIMG.pkl; None for another file.

    here: a path of this machine.
    """
    if not checkpoint or ":" in checkpoint.split("/", 1)[0]:
        return None
    path = Path(checkpoint) if here else FarPath(checkpoint)
    if path.parent.name == "snapshots":
        return path.parent.parent
    return path.parent if path.name.startswith("network-snapshot-") else None


class SnapshotWatch:
    """`watch` in every frame; the thread replaces `snapshots` as a whole. follow: open each new one."""

    def __init__(
        self,
        wake: Callable[[], None] | None = None,
        source: Callable[[PurePath], RunSource] = lambda run: HERE,
    ) -> None:
        self._source_of = source
        self._source: RunSource = HERE
        self.run: PurePath | None = None
        self.snapshots: tuple[Snapshot, ...] = ()
        self.follow = False
        self._asked = 0.0
        self._wake = wake
        self._thread: threading.Thread | None = None

    def watch(self, run: PurePath | None) -> tuple[Snapshot, ...]:
        """Snapshots of `run` as last seen, ascending."""
        if run != self.run:
            self.run, self.snapshots = run, ()
            self._source = self._source_of(run) if run is not None else HERE
        if run is None:
            return ()
        self._asked = time.monotonic()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, name="snapshot-look", daemon=True)
            self._thread.start()
        return self.snapshots

    def place_of(self, checkpoint: str) -> int:
        """Number of the open snapshot in the list, −1 where it is not in it."""
        return next((i for i, s in enumerate(self.snapshots) if str(s.path) == checkpoint), -1)

    def due(self, checkpoint: str, opening: str) -> str:
        """The snapshot that is to be opened now because the newest is followed; "" for none."""
        here = not isinstance(self.run, FarPath)
        if not self.follow or opening or not self.snapshots or run_of(checkpoint, here) != self.run:
            return ""
        newest = str(self.snapshots[-1].path)
        return newest if newest != checkpoint else ""

    def _work(self) -> None:
        while time.monotonic() - self._asked < GIVE_UP_S:
            run, source = self.run, self._source
            began = time.monotonic()
            if run is not None:
                try:
                    found = look(run, source).snapshots
                except OSError:
                    found = self.snapshots if run == self.run and source is not HERE else ()
                if run == self.run and found != self.snapshots:
                    self.snapshots = found
                    if self._wake is not None:
                        self._wake()
            time.sleep(max(LOOK_S if self.snapshots else 0.1, 10 * (time.monotonic() - began)))


@dataclass
class Workspace:
    """Written by the frame loop and the Training panel, read by everything that is drawn.

    fps: frames per second that the shown workspace needs while nothing moves. folders: where runs are
    looked for, newest first; the preferences keep them. desk: the machine that trains. wake: lets an idle window draw, from any
    thread. snapshots: of the run that the open checkpoint belongs to.
    """

    name: WorkspaceName = "explore"
    fps: float = 0.0
    folders: tuple[str, ...] = ()
    wake: Callable[[], None] = lambda: None
    snapshots: SnapshotWatch = field(default_factory=SnapshotWatch)
    desk: Desk = field(default_factory=LocalDesk)

    def run_of(self, checkpoint: str) -> PurePath | None:
        """The run that a checkpoint is a snapshot of; see `run_of`."""
        return run_of(checkpoint, self.desk.here)

    @property
    def exploring(self) -> bool:
        return self.name == "explore"

    def with_folder(self, path: str) -> tuple[str, ...]:
        """The folders with `path` at their head."""
        return (path, *(f for f in self.folders if f != path))[:RECENT_FOLDERS]
