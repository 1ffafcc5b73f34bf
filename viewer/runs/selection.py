"""What the user of the run pages has chosen: runs, page, how charts are drawn, a moment.

Plain state that the Training workspace and the monitor share; nothing here draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from viewer.runs.alarms import Alarm
from viewer.runs.reader import RunReader
from viewer.runs.table import Axis

Scale = Literal["auto", "linear", "log"]
Tab = Literal["charts", "pictures", "snapshots", "log", "alarms", "overview", "machine", "launch"]
AXES: tuple[tuple[Axis, str, str], ...] = (
    ("images", "Images", "Images that the discriminator has seen"),
    ("steps", "Steps", "Steps of the optimisers"),
    ("time", "Time", "Seconds since the first tick; pauses between resumes count"),
)
"""What an x axis counts: value, title, explanation."""
MOST_SMOOTHING = 0.995
MOST_COLUMNS = 5


@dataclass(frozen=True)
class Moment:
    """A place in time of a run: where an alarm pointed, a picture or a snapshot was chosen, or a chart was clicked.

    time: seconds since the first tick.
    """

    run: PurePath
    step: float
    images: float
    time: float = 0.0

    def at(self, axis: Axis) -> float:
        """Where it stands on an x axis."""
        return {"images": self.images, "steps": self.step, "time": self.time}[axis]

    def number(self, foreign: bool) -> float:
        """What a picture of this moment is numbered by: steps, or kimg in a run of the EG3D family."""
        return self.images / 1e3 if foreign else self.step


@dataclass
class Selection:
    """What is chosen while the window is open.

    axis: what x counts. window: shown part of x in its own unit, None = all. words: filter of the charts.
    envelope: draw the min/max band. ticked: compared runs, in the order of ticking. chosen: run of the
    other pages. moment: the place in time that charts mark and pictures go to. go_to: page that comes to the front with the next frame.
    folded: chart groups. colours: number of each run's colour.
    """

    axis: Axis = "images"
    window: tuple[float, float] | None = None
    smoothing: float = 0.6
    log_scale: Scale = "auto"
    envelope: bool = True
    words: str = ""
    columns: int = 3
    chosen: PurePath | None = None
    ticked: list[PurePath] = field(default_factory=list)
    folded: set[str] = field(default_factory=set)
    moment: Moment | None = None
    tab: Tab = "charts"
    go_to: Tab | None = None
    colours: dict[PurePath, int] = field(default_factory=dict)

    @property
    def followed(self) -> tuple[PurePath, ...]:
        """Runs that are read in full: the ticked ones and the chosen one."""
        extra = (self.chosen,) if self.chosen is not None and self.chosen not in self.ticked else ()
        return (*self.ticked, *extra)

    @property
    def compared(self) -> tuple[PurePath, ...]:
        """Runs in the charts: the ticked ones, or the chosen one where none is."""
        return tuple(self.ticked) or ((self.chosen,) if self.chosen is not None else ())

    def colour_of(self, run: PurePath) -> int:
        """Number of the run's colour: the first free one when it is first asked for, then always the same."""
        if run not in self.colours:
            taken = {n for path, n in self.colours.items() if path in self.ticked or path == self.chosen}
            self.colours[run] = next(n for n in range(len(taken) + 1) if n not in taken)
        return self.colours[run]

    def choose(self, run: PurePath | None) -> None:
        self.chosen = run

    def tick(self, run: PurePath, on: bool) -> None:
        if on and run not in self.ticked:
            self.ticked.append(run)
        elif not on and run in self.ticked:
            self.ticked.remove(run)

    def drop_missing(self, present: set[PurePath]) -> None:
        """Runs that are no longer listed are neither chosen nor compared."""
        self.ticked = [run for run in self.ticked if run in present]
        if self.chosen is not None and self.chosen not in present:
            self.chosen = None

    def count_by(self, axis: Axis) -> None:
        """Choose another x axis; resets the zoom, whose unit would be wrong."""
        if axis != self.axis:
            self.axis, self.window = axis, None

    def show(self, tab: Tab) -> None:
        self.go_to = tab

    def jump(self, run: RunReader, alarm: Alarm) -> None:
        """Choose the run, zoom all charts to the moment of the alarm, and send the pictures there."""
        at = alarm.at(self.axis)
        with run.lock:
            x = run.scalars.axis(self.axis)
            reach = max(float(x[-1]) * 0.05, 1e-9) if len(x) else 1.0
        self.window = (max(0.0, at - reach), at + reach)
        self.choose(run.path)
        self.moment = Moment(run.path, alarm.step, alarm.images, alarm.time)
        self.show("charts")
