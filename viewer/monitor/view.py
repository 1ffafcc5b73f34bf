"""What the person at the monitor has chosen: shared by its parts, changed by its controls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from viewer.monitor.readout import Readout
from viewer.monitor.theme import Look, Rgba
from viewer.runs.poller import Poller
from viewer.runs.reader import RunReader
from viewer.runs.table import Axis


@dataclass(frozen=True)
class Moment:
    """A place in a run."""

    run: int
    step: float
    images: float

    def number(self, foreign: bool) -> float:
        """What a picture of this moment is numbered by."""
        return self.images / 1e3 if foreign else self.step


@dataclass
class View:
    """axis: what x counts. window: shown part of x in its own unit, None = all. chosen: run of the other tabs."""

    look: Look
    poller: Poller
    readout: Readout
    axis: Axis = "images"
    window: tuple[float, float] | None = None
    smoothing: float = 0.6
    log_scale: bool = False
    envelope: bool = True
    words: str = ""
    columns: int = 3
    chosen: int = 0
    hidden: set[int] = field(default_factory=set)
    moment: Moment | None = None
    """Where an alarm jumped to."""
    show_tab: Callable[[str], None] = lambda name: None

    @property
    def shown(self) -> list[tuple[int, RunReader]]:
        return [(i, run) for i, run in enumerate(self.poller.runs) if i not in self.hidden]

    @property
    def run(self) -> RunReader:
        return self.poller.runs[self.chosen]

    def colour(self, run: int) -> Rgba:
        return self.look.curves[run % len(self.look.curves)]

    def versions(self) -> tuple[int, ...]:
        return tuple(run.version for _, run in self.shown)
