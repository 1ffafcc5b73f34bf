"""What is chosen in the Training workspace: which runs, which tab, how the charts are drawn. Kept while the window is open."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from viewer.runs.table import Axis

Scale = Literal["auto", "linear", "log"]
Tab = Literal["charts", "pictures", "snapshots", "log", "alarms", "overview", "machine", "launch"]
TABS: tuple[tuple[Tab, str], ...] = (
    ("charts", "Charts"), ("pictures", "Pictures"), ("snapshots", "Snapshots"), ("log", "Log"), ("alarms", "Alarms"),
    ("overview", "Overview"), ("machine", "Machine"), ("launch", "New run"),
)  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """A place in a run that an alarm pointed at."""

    run: Path
    step: float
    images: float


@dataclass
class WatchView:
    """axis: what x counts. window: shown part of x in its own unit, None = all. ticked: compared, in the order of ticking.

    go_to: tab that is to come to the front with the next frame.
    """

    axis: Axis = "images"
    window: tuple[float, float] | None = None
    smoothing: float = 0.6
    log_scale: Scale = "auto"
    envelope: bool = True
    words: str = ""
    columns: int = 3
    chosen: Path | None = None
    ticked: list[Path] = field(default_factory=list)
    folded: set[str] = field(default_factory=set)
    moment: Moment | None = None
    tab: Tab = "charts"
    go_to: Tab | None = None
    colours: dict[Path, int] = field(default_factory=dict)

    @property
    def followed(self) -> tuple[Path, ...]:
        """Runs that are read in full: the ticked ones and the chosen one."""
        extra = (self.chosen,) if self.chosen is not None and self.chosen not in self.ticked else ()
        return (*self.ticked, *extra)

    @property
    def compared(self) -> tuple[Path, ...]:
        """Runs in the charts: the ticked ones, or the chosen one where none is."""
        return tuple(self.ticked) or ((self.chosen,) if self.chosen is not None else ())

    def colour_of(self, run: Path) -> int:
        """Number of the run's colour: the first free one when it is first asked for, then always the same."""
        if run not in self.colours:
            taken = {n for path, n in self.colours.items() if path in self.ticked or path == self.chosen}
            self.colours[run] = next(n for n in range(len(taken) + 1) if n not in taken)
        return self.colours[run]

    def choose(self, run: Path | None) -> None:
        if run != self.chosen:
            self.chosen = run

    def tick(self, run: Path, on: bool) -> None:
        if on and run not in self.ticked:
            self.ticked.append(run)
        elif not on and run in self.ticked:
            self.ticked.remove(run)

    def drop_missing(self, present: set[Path]) -> None:
        """Runs that are not listed any more are neither chosen nor compared."""
        self.ticked = [run for run in self.ticked if run in present]
        if self.chosen is not None and self.chosen not in present:
            self.chosen = None

    def show(self, tab: Tab) -> None:
        self.go_to = tab
