"""What the pages of runs ask of the machine that trains: this one (`LocalDesk`), or one behind a line (`viewer.wire`).

Whatever fails is a TriscopeError or an OSError.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Protocol

from core_model.schema.home import expanded, home
from core_model.schema.run import Action, ControlRequest
from viewer.jobs import data_set, job_service, waiting
from viewer.jobs.backend import BACKENDS, Resources
from viewer.jobs.command import CommandLine
from viewer.jobs.data_set import DataLook, known_data
from viewer.jobs.run_rows import RunLister, RunListing
from viewer.runs.host import HostSampler
from viewer.runs.source import HERE, RunSource


@dataclass(frozen=True)
class DeskFacts:
    """folder: where new runs go unless one says otherwise. backends: (name, why it cannot be used there or "")."""

    folder: str
    backends: tuple[tuple[str, str], ...]

    def why_not(self, backend: str) -> str:
        return dict(self.backends).get(backend, "unknown there")


class Desk(Protocol):
    """here: no line is between; calls then take no longer than a disk does. Elsewhere they block, and are made by
    threads only, but for `path`, `source`, `host` and `trouble`.
    """

    here: bool

    @property
    def trouble(self) -> str:
        """Why it cannot be asked now; "" where it can."""
        ...

    def path(self, text: str) -> PurePath:
        """A path of that machine, as a person typed it."""
        ...

    def source(self, run: PurePath) -> RunSource:
        """Reads the files of a run."""
        ...

    def host(self) -> HostSampler:
        """Figures of that machine."""
        ...

    def list_runs(self, folders: tuple[str, ...]) -> RunListing: ...

    def facts(self) -> DeskFacts: ...

    def known_data(self, runs: tuple[PurePath, ...]) -> str:
        """A data set to begin with: that of one of these runs (newest first), else one that lies about; "" = none."""
        ...

    def data(self, path: str) -> DataLook: ...

    def free_name(self, folder: PurePath, stem: str) -> PurePath:
        """FOLDER/STEM, or with a number behind it where that is taken."""
        ...

    def is_run(self, path: PurePath) -> bool:
        """Whether a run that has begun lies there."""
        ...

    def start(self, run: PurePath, line: CommandLine, backend: str, resources: Resources) -> None: ...

    def resume(self, run: PurePath, backend: str, resources: Resources | None) -> None: ...

    def stop(self, run: PurePath) -> None: ...

    def request(self, run: PurePath, action: Action) -> ControlRequest: ...

    def kill(self, run: PurePath) -> None: ...

    def move(self, run: str, earlier: bool) -> None:
        """Change the place of a waiting job in the queue."""
        ...


class LocalDesk:
    """This machine."""

    here = True
    trouble = ""

    def __init__(self) -> None:
        self._lister = RunLister()

    def path(self, text: str) -> Path:
        return expanded(text.strip()).absolute()

    def source(self, run: PurePath) -> RunSource:
        return HERE

    def host(self) -> HostSampler:
        return HostSampler(home())

    def list_runs(self, folders: tuple[str, ...]) -> RunListing:
        return self._lister.look(folders)

    def facts(self) -> DeskFacts:
        places = tuple((name, BACKENDS.get(name).why_not()) for name in BACKENDS.names())
        return DeskFacts(str(Path.cwd() / "runs"), places)

    def known_data(self, runs: tuple[PurePath, ...]) -> str:
        return known_data([Path(run) for run in runs], Path.cwd())

    def data(self, path: str) -> DataLook:
        return data_set.look(path)

    def free_name(self, folder: PurePath, stem: str) -> Path:
        return free_name(expanded(folder), stem)

    def is_run(self, path: PurePath) -> bool:
        return (Path(path) / job_service.CONFIG_FILE).exists()

    def start(self, run: PurePath, line: CommandLine, backend: str, resources: Resources) -> None:
        job_service.start(Path(run), line.argv(), backend, resources)

    def resume(self, run: PurePath, backend: str, resources: Resources | None) -> None:
        job_service.resume(Path(run), backend, resources)

    def stop(self, run: PurePath) -> None:
        job_service.stop(Path(run))

    def request(self, run: PurePath, action: Action) -> ControlRequest:
        return job_service.request(Path(run), action)

    def kill(self, run: PurePath) -> None:
        job_service.end(Path(run), force=True)

    def move(self, run: str, earlier: bool) -> None:
        waiting.move(run, earlier)


def free_name(folder: Path, stem: str) -> Path:
    """FOLDER/STEM, or with a number behind it where that is taken."""
    path, number = folder / stem, 2
    while path.exists():
        path, number = folder / f"{stem}-{number}", number + 1
    return path
