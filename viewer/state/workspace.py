"""Which workspace the window shows: Explore (panels about one checkpoint) or Training (runs). Both keep their state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from viewer.state.snapshot_watch import SnapshotWatch

WorkspaceName = Literal["explore", "training"]
TITLES: dict[WorkspaceName, str] = {"explore": "Explore", "training": "Training"}
RECENT_FOLDERS = 12


@dataclass
class Workspace:
    """Written by the desk and the Training panel, read by everything that is drawn.

    fps: frames per second that the shown workspace needs while nothing moves. folders: where runs are looked for, newest
    first; the preferences keep them. wake: lets an idle window draw, from any thread. snapshots: of the run that the
    open checkpoint belongs to.
    """

    name: WorkspaceName = "explore"
    fps: float = 0.0
    folders: tuple[str, ...] = ()
    wake: Callable[[], None] = lambda: None
    snapshots: SnapshotWatch = field(default_factory=SnapshotWatch)

    @property
    def exploring(self) -> bool:
        return self.name == "explore"

    def with_folder(self, path: str) -> tuple[str, ...]:
        """The folders with `path` at their head."""
        return (path, *(f for f in self.folders if f != path))[:RECENT_FOLDERS]
