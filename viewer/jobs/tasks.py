"""Long work that the window starts.

A triscope command in a process of its own, with progress, pause and cancel. Each task has a folder with its
job record, what it was told and what it printed (JSON lines of progress and a last report). The process
outlives the window: the next one reads the same folders. Nothing here blocks the window's thread.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil
from pydantic import Field

from core_model.schema.atomic import write_json
from core_model.schema.config_dir import config_dir
from core_model.schema.errors import TriscopeError
from core_model.schema.far import FAR_COMMANDS
from core_model.schema.frozen import Frozen
from core_model.schema.run_lines import parse_object
from viewer.jobs.backend import Resources
from viewer.jobs.command import MAIN, as_typed
from viewer.jobs.local import START_TIMEOUT_S, LocalBackend, read_job
from viewer.runs.job_record import CONSOLE_FILE, JobRecord
from viewer.runs.states import this_host
from viewer.runs.tail import FileTail

TASK_FILE = "task.json"
LOOK_S = 0.2
KEPT = 40
"""Ended tasks that are remembered; the folders of older ones are removed."""

TaskState = Literal["starting", "running", "paused", "done", "failed", "cancelled", "lost"]
ENDED: tuple[TaskState, ...] = ("done", "failed", "cancelled", "lost")


class TaskRecord(Frozen):
    """What was asked. kind: mesh, video, picture … (the panel that started it finds its own).

    out: file or folder that is made.
    """

    id: str
    kind: str
    title: str
    out: str
    arguments: tuple[str, ...] = Field(description="of the triscope command")
    begun: float
    pinned: dict[str, Any] = Field(default_factory=dict, description="what the panel wants to remember")


@dataclass(frozen=True)
class Task:
    """A task at a glance. fraction in [0, 1]; eta_s: seconds left, nan = unknown.

    forecast, report: what the command said in JSON; message: its last words, the error where it failed.
    """

    record: TaskRecord
    folder: Path
    state: TaskState = "starting"
    stage: str = ""
    fraction: float = 0.0
    eta_s: float = float("nan")
    seconds: float = 0.0
    message: str = ""
    forecast: dict[str, Any] | None = None
    report: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def command(self) -> str:
        """The line that a person would type."""
        return as_typed(self.record.arguments)


@dataclass
class _Followed:
    record: TaskRecord
    folder: Path
    tail: FileTail
    job: JobRecord | None = None
    error: str = ""
    said: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    first: tuple[float, float] | None = None
    view: Task | None = None


class Tasks:
    """All tasks of this user on this machine, newest first.

    worker: command that leads to the machine with the checkpoints, "" = this one; FAR_COMMANDS then run there.
    """

    def __init__(self, folder: Path | None = None, worker: str = "") -> None:
        self._worker = worker
        self.folder = folder or config_dir() / "tasks"
        self._followed: dict[str, _Followed] | None = None
        self._looked = 0.0
        self._ended: list[Task] = []

    def new_folder(self) -> Path:
        """An empty folder for a task that is to be started; its name is the task's id.

        Input files may be put in it.
        """
        path = self.folder / f"{int(time.time() * 1000):013d}-{uuid.uuid4().hex[:6]}"
        path.mkdir(parents=True)
        return path

    def start(
        self,
        kind: str,
        title: str,
        arguments: tuple[str, ...],
        out: Path,
        folder: Path | None = None,
        pinned: dict[str, Any] | None = None,
    ) -> str:
        """Start `triscope ARGUMENTS`; returns the task's id. What goes wrong shows as a failed task."""
        folder = folder or self.new_folder()
        if self._worker and arguments[0] in FAR_COMMANDS:
            arguments = (*arguments, "--worker", self._worker)
        record = TaskRecord(
            id=folder.name, kind=kind, title=title, out=str(out), arguments=arguments, begun=time.time(), pinned=pinned or {}
        )  # fmt: skip
        write_json(folder / TASK_FILE, record.model_dump(mode="json"))
        followed = self._all()[record.id] = _Followed(record, folder, FileTail(folder / CONSOLE_FILE))
        job = JobRecord(
            id=uuid.uuid4().hex, backend="local", run=str(folder), host=this_host(), submitted=record.begun,
            argv=(sys.executable, "-m", MAIN, *arguments), variables={"TRISCOPE_PROGRESS": "json"},
        )  # fmt: skip
        threading.Thread(target=_submit, args=(followed, job), daemon=True).start()
        self._looked = 0.0
        return record.id

    def poll(self, now: float) -> None:
        """Look at what the tasks have printed; at most every 0.2 s."""
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        for followed in self._all().values():
            before = followed.view
            if before is None or not before.ended:
                followed.view = _look(followed)
                if before is not None and followed.view.ended:
                    self._ended.append(followed.view)
        self._forget_old()

    def take_ended(self) -> list[Task]:
        """Tasks that ended since the last call, for a word in the status bar."""
        ended, self._ended = self._ended, []
        return ended

    def views(self, kind: str = "") -> tuple[Task, ...]:
        """Tasks of a kind (all without one), newest first, as `poll` has seen them."""
        found = [f.view for f in self._all().values() if f.view is not None and kind in ("", f.record.kind)]
        return tuple(sorted(found, key=lambda t: -t.record.begun))

    def get(self, task_id: str) -> Task | None:
        followed = self._all().get(task_id)
        return None if followed is None else followed.view

    @property
    def active(self) -> bool:
        """Whether any task is under way."""
        return any(f.view is None or not f.view.ended for f in self._all().values())

    def cancel(self, task_id: str) -> None:
        """SIGTERM: the command removes what it has half written and ends."""
        followed = self._all().get(task_id)
        if followed is not None and followed.job is not None:
            if sys.platform != "win32":  # a paused one would not hear the end
                _signal_group(followed.job, signal.SIGCONT)
            LocalBackend().end(followed.job)

    def pause(self, task_id: str, paused: bool) -> None:
        """Stop the processes of the task where they are, or let them go on (POSIX)."""
        followed = self._all().get(task_id)
        if followed is not None and followed.job is not None and sys.platform != "win32":
            _signal_group(followed.job, signal.SIGSTOP if paused else signal.SIGCONT)
            self._looked = 0.0

    def remove(self, task_id: str) -> None:
        """Forget an ended task; what it has made stays."""
        followed = self._all().get(task_id)
        if followed is not None and followed.view is not None and followed.view.ended:
            del self._all()[task_id]
            shutil.rmtree(followed.folder, ignore_errors=True)

    def _all(self) -> dict[str, _Followed]:
        if self._followed is None:
            self._followed = {}
            for path in sorted(self.folder.glob(f"*/{TASK_FILE}")):
                try:
                    record = TaskRecord.model_validate_json(path.read_bytes())
                except (OSError, ValueError):
                    continue
                self._followed[record.id] = _Followed(
                    record, path.parent, FileTail(path.parent / CONSOLE_FILE)
                )
        return self._followed

    def _forget_old(self) -> None:
        ended = sorted(
            (f.record.begun, key) for key, f in self._all().items() if f.view is not None and f.view.ended
        )
        for _, key in ended[:-KEPT]:
            self.remove(key)


def _submit(followed: _Followed, job: JobRecord) -> None:
    try:
        LocalBackend().submit(job, Resources())
    except TriscopeError as error:
        followed.error = str(error)


def _look(followed: _Followed) -> Task:
    """The task as its folder tells it now."""
    if followed.error:
        return Task(followed.record, followed.folder, "failed", message=followed.error)
    followed.job = read_job(followed.folder) or followed.job
    state = _state(followed)  # before the text is read, so that the final output of an ended one is in it
    job = followed.job
    for line in followed.tail.read().lines:
        said = parse_object(line)
        if said is not None:
            followed.said |= said
        elif line.strip():
            followed.message = line.decode(errors="replace").strip().removeprefix("triscope: ")
    progress = followed.said.get("progress") or {}
    stage, fraction = str(progress.get("stage", "")), float(progress.get("fraction") or 0.0)
    begun = job.started if job is not None and job.started else followed.record.begun
    until = job.ended if job is not None and job.ended else time.time()
    return Task(
        followed.record, followed.folder, state, stage, 1.0 if state == "done" else min(max(fraction, 0.0), 1.0),
        _seconds_left(followed, fraction, until), max(until - begun, 0.0), (job.error if job is not None else "") or followed.message,
        followed.said.get("forecast"), followed.said.get("report"),
    )  # fmt: skip


def _state(followed: _Followed) -> TaskState:
    job = followed.job
    if job is None or not (job.supervisor_pid or job.ended):
        return "starting" if time.time() - followed.record.begun < START_TIMEOUT_S else "lost"
    told = LocalBackend().state(job)
    if told == "lost":  # the supervisor may have written its last words and gone since its record was read
        followed.job = job = read_job(followed.folder) or job
        told = LocalBackend().state(job)
    if told in ("done", "failed", "lost"):
        return told
    if told in ("stopped", "killed"):
        return "cancelled"
    if not job.pid:
        return "starting"
    try:
        return "paused" if psutil.Process(job.pid).status() == psutil.STATUS_STOPPED else "running"
    except psutil.Error:
        return "running"


def _seconds_left(followed: _Followed, fraction: float, now: float) -> float:
    """Seconds left, from the speed since the first report of progress; nan before there are two."""
    if fraction <= 0.0:
        return float("nan")
    if followed.first is None:
        followed.first = (now, fraction)
    then, at = followed.first
    return (now - then) * (1.0 - fraction) / (fraction - at) if fraction > at + 1e-3 else float("nan")


def _signal_group(job: JobRecord, number: int) -> None:
    if sys.platform == "win32":
        return
    try:
        os.killpg(job.pid, number)
    except OSError:
        return
