"""The runs of some folders, each as one line of a list: state, progress, place in the queue."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from core_model.schema.errors import TriscopeError
from core_model.schema.home import expanded
from core_model.schema.run import RunRecord
from viewer.jobs import job_service, waiting
from viewer.jobs.waiting import Waiting
from viewer.runs.files import runs_in
from viewer.runs.glance import Glance, Glances
from viewer.runs.job_record import ENDED, JobRecord, ShownState

MOST_RUNS = 400


@dataclass(frozen=True)
class RunRow:
    """One line of the list.

    place: 1 = next in the queue of its devices, 0 = does not wait. foreign: of the EG3D family, described by
    `glance`.
    """

    path: PurePath
    folder: str
    state: ShownState | None
    job: JobRecord | None
    record: RunRecord | None
    place: int = 0
    glance: Glance | None = None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def foreign(self) -> bool:
        return self.job is None and self.record is None

    @property
    def ended_by(self) -> str:
        """Who killed it; "" where nobody did, or it is not known."""
        return (self.record.ended_by if self.record else "") or (self.job.ended_by if self.job else "")

    @property
    def share(self) -> float:
        """0 … 1 of the images that were asked for; 0 where unknown."""
        done, total = self.images
        return min(1.0, done / total) if total else 0.0

    @property
    def images(self) -> tuple[float, float]:
        """(seen, asked for); 0 where unknown."""
        told = self.record
        if told is not None:
            return float(told.images), float(told.images_total)
        return (self.glance.images, self.glance.total) if self.glance is not None else (0.0, 0.0)

    @property
    def alive(self) -> bool:
        return self.state is not None and self.state not in ENDED

    @property
    def begun(self) -> float:
        """Seconds since 1970 by which the list is ordered."""
        glance = self.glance.begun if self.glance is not None else 0.0
        return max(
            self.job.submitted if self.job else 0.0, self.record.started if self.record else 0.0, glance
        )


@dataclass(frozen=True)
class RunListing:
    """One look. rows: newest first. faults: folder → why it cannot be read. queue: jobs of that machine that run or wait
    for devices, in their order.
    """

    rows: tuple[RunRow, ...] = ()
    faults: dict[str, str] = field(default_factory=dict)
    queue: tuple[Waiting, ...] = ()


class RunLister:
    """Looks into folders of this machine; what it knows of runs of other programs is kept from look to look."""

    def __init__(self) -> None:
        self._glances = Glances()

    def look(self, folders: tuple[str, ...]) -> RunListing:
        faults: dict[str, str] = {}
        found: dict[Path, RunRow] = {}
        for folder in folders:
            try:
                paths = runs_in(expanded(folder))
            except (TriscopeError, OSError) as error:
                faults[folder] = str(error)
                continue
            for path in paths[:MOST_RUNS]:
                if path not in found and _is_run(path):
                    found[path] = self._row(path, folder)
        queue = waiting.queue()
        places = {one.run: one.before for one in queue if one.before}
        rows = [
            replace(row, place=places[str(row.path)]) if str(row.path) in places else row
            for row in found.values()
        ]
        rows.sort(key=lambda row: (-row.begun, row.name))
        return RunListing(tuple(rows), faults, queue)

    def _row(self, path: Path, folder: str) -> RunRow:
        try:
            found = job_service.find(path)
        except (TriscopeError, OSError):
            found = None
        if found is not None:
            return RunRow(path, folder, found.state, found.job, found.record)
        glance = self._glances.of(path)
        return RunRow(path, folder, glance.state, None, None, glance=glance)


def _is_run(path: Path) -> bool:
    """Whether to list a folder: an empty one may become a run, but is not listed yet."""
    try:
        return any(not name.startswith(".") for name in os.listdir(path))
    except OSError:
        return False
