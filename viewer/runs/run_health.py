"""How a run is doing: progress, sorted alarms of several runs, and problems that no curve shows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from viewer.runs.alarms import Alarm
from viewer.runs.format import amount, duration, number, size
from viewer.runs.job_record import ShownState
from viewer.runs.reader import RunReader
from viewer.runs.states import this_host

Tone = Literal["good", "accent", "bad", "warn", "muted"]
TONES: dict[ShownState, Tone] = {
    "running": "good",
    "starting": "good",
    "done": "accent",
    "failed": "bad",
    "lost": "bad",
    "stalled": "warn",
    "paused": "warn",
    "killed": "warn",
}
"""Colour of a state by its role in the palette; muted where none is named."""
ALARM_COLUMNS = ("Alarm", "Run", "Images", "Time", "What was seen")
MOST_ALARMS = 200
NO_ALARMS = (
    "No alarms. Watched: NaN, skipped gradients, discriminator, beta, depth, sampler entropy, loader, ADA, "
    "silence, disk."
)


@dataclass(frozen=True)
class Progress:
    """Progress of a run. rate: images per second; eta: seconds; both nan where unknown. total: 0 = unknown.

    reading: the statistics file is still being read, and the share `read` of it is in memory.
    """

    state: ShownState
    done: float
    total: float
    rate: float
    eta: float
    alarms: int
    reading: bool
    read: float
    fault: str

    @property
    def share(self) -> float:
        """0 … 1 of the images that were asked for; 0 where that is unknown."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0


def progress_of(run: RunReader) -> Progress:
    """Everything that changes while a run goes on, read at once."""
    with run.lock:
        return Progress(
            run.state,
            run.images_done(),
            run.images_total(),
            run.rate(),
            run.eta_seconds(),
            active_alarms(run),
            run.catching_up,
            run.share_read,
            run.fault,
        )


def images_words(done: float, total: float) -> str:
    """`120 k of 25.0 M`."""
    return f"{amount(done)} of {amount(total)}" if total > 0 else amount(done)


def rate_words(rate: float) -> str:
    return f"{number(rate)} images/s"


def alarm_words(count: int) -> str:
    return f"{count} alarm{'s' if count > 1 else ''}"


def written_words(run: RunReader) -> str:
    """How long ago anything was written; "" where nothing was."""
    return f"written {duration(time.time() - run.last_written)} ago" if run.last_written else ""


def active_alarms(run: RunReader) -> int:
    """Alarms that go on; the run's lock is held by the caller."""
    return sum(alarm.active for alarm in (*run.alarms.alarms, *current_alarms(run)))


def alarms_of(runs: Sequence[RunReader]) -> list[tuple[RunReader, Alarm]]:
    """Alarms of several runs: active ones first, then the more severe, then the newest."""
    found: list[tuple[RunReader, Alarm]] = []
    for run in runs:
        with run.lock:
            found += [(run, alarm) for alarm in (*run.alarms.alarms, *current_alarms(run))]
    return sorted(found, key=lambda item: (not item[1].active, item[1].severity != "bad", -item[1].images))


def alarm_cells(run: RunReader, alarm: Alarm) -> tuple[str, ...]:
    """One line of the table under ALARM_COLUMNS."""
    over = "" if alarm.active else "  (over)"
    return alarm.title, run.name[:30], amount(alarm.images), duration(alarm.time), alarm.detail + over


def current_alarms(run: RunReader) -> list[Alarm]:
    """Present problems of a run apart from its curves: silence, a failure, a disk that will be full."""
    where = {
        "row": max(0, len(run.scalars) - 1),
        "images": run.images_done(),
        "step": run.scalars.step.last,
        "time": run.scalars.time.last,
    }
    where = {k: 0.0 if v != v else v for k, v in where.items()}
    found = []
    if run.state == "stalled":
        found.append(Alarm("stalled", "bad", "No tick", "alive, but nothing was written for long", **where))  # type: ignore[arg-type]
    if run.state in ("failed", "lost"):
        record, job = run.record, run.job
        said = (
            (record.error if record else "")
            or (job.error if job else "")
            or run.logs["log.txt"].last_error()
            or run.logs["console.txt"].last_error()
        )
        last = said.strip().splitlines()[-1][:160] if said.strip() else "it left no message: see the log"
        title = "Run failed" if run.state == "failed" else "Process is gone"
        found.append(Alarm("failed", "bad", title, last, **where))  # type: ignore[arg-type]
    needed = run.bytes_needed()
    here = run.record is not None and run.record.host == this_host()
    if (
        needed > run.disk_free
        and (here or run.record is None)
        and run.state in ("running", "paused", "stalled")
    ):
        text = f"the rest of the run needs about {size(needed)}, {size(run.disk_free)} are free"
        found.append(Alarm("disk", "warn", "Disk will be full", text, **where))  # type: ignore[arg-type]
    return found
