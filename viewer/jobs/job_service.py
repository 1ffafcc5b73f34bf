"""Operations on jobs: start, duplicate, resume, stop, kill, and find them by their run directory."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from core_model.schema.atomic import why_not_written, write_json
from core_model.schema.errors import InputError
from core_model.schema.run import Action, ControlRequest, RunRecord
from core_model.schema.run_lines import parse_object
from core_model.schema.run_owner import live_owner, refuse_if_owned
from viewer.jobs import local, slurm
from viewer.jobs.backend import BACKENDS, Backend, Resources
from viewer.jobs.command import CommandLine, processes_for, resume_arguments
from viewer.runs.documents import JsonFile, lenient
from viewer.runs.job_record import ENDED, JOB_FILE, JobRecord, ShownState
from viewer.runs.states import judge, this_host

__all__ = ["FoundJob", "end", "find", "find_all", "local", "request", "resume", "slurm", "start", "stop"]

TAIL_BYTES = 1 << 16
CONFIG_FILE = "config.json"
CONTROL_FILE = "control.json"
"""Requests to a running trainer: the one file of a run that the trainer does not write."""


@dataclass(frozen=True)
class FoundJob:
    """A run directory as its files and its backend describe it. record: the trainer's, once it has started."""

    run: Path
    state: ShownState
    job: JobRecord | None
    record: RunRecord | None


def start(
    run: Path, argv: tuple[str, ...], backend: str = "local", resources: Resources | None = None
) -> JobRecord:
    """Start `argv` as the job of the run directory `run`, made if missing. Raises InputError where a job is
    alive there.
    """
    place = usable(backend)
    resources = resources or Resources()
    run = Path(os.path.abspath(run))
    before = find(run)
    if before is not None and before.job is not None and before.state not in ENDED:
        refuse_if_owned(run)
        raise InputError(
            what="the run has a job already", where=str(run), expected="one that has ended", got=before.state
        )
    refuse_if_owned(run)
    if before is not None and before.job is not None and before.job.backend == local.LocalBackend.name:
        local.sweep(before.job)
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            what="cannot make the run directory", where=str(run), got=why_not_written(error)
        ) from None
    job = JobRecord(
        id=uuid.uuid4().hex, backend=backend, run=str(run), argv=argv, cwd=place.folder(run), devices=resources.devices,
        asked=resources.asked(), host=this_host(), submitted=time.time(),
    )  # fmt: skip
    started = place.submit(job, resources)
    if started.native_id:  # the supervisor may be writing already: only the number is added
        written = local.read_job(run) or started
        write_json(run / JOB_FILE, written.replace(native_id=started.native_id).model_dump())
    return started


def resume(run: Path, backend: str = "local", resources: Resources | None = None) -> JobRecord:
    """Start the run again from its newest complete state, on its last job's resources or on `resources`.

    A run that left its queue before it began is started as it was meant to be.
    """
    before = local.read_job(run)
    if resources is None:
        resources = Resources.of(before.asked) if before is not None else Resources()
    if before is not None and not (run / CONFIG_FILE).exists():
        return start(run, before.argv, backend, resources)
    processes = processes_for(resources.devices) if resources.devices else max(1, resources.gpus)
    record = _record_of(run)
    kind = record.kind if record is not None else "gan"
    processes = processes if kind == "gan" else 1  # a fit starts its own, on the CPU
    return start(run, CommandLine(resume_arguments(run, kind), processes).argv(), backend, resources)


def find(run: Path) -> FoundJob | None:
    """The job of a run directory, from this window or an earlier one; None where there is no run."""
    job = local.read_job(run)
    record = _record_of(run)
    if job is None and record is None:
        return None
    newest = max(
        (_changed(run / name) for name in ("stats.jsonl", "log.txt", "console.txt", "run.json")), default=0.0
    )
    tick_s = _tick_seconds(run)
    state = judge(record, job, time.time(), newest, tick_s, live_owner(run) is not None)
    if job is not None and job.native_id and job.backend in BACKENDS and state not in ENDED:
        place = BACKENDS.get(job.backend)
        told = place.state(job) if not place.why_not() else None
        # The cluster knows best whether a job waits or is gone; what a running one does, its own files say.
        state = told if told in ("queued", *ENDED) else state
    return FoundJob(run, state, job, record)


def find_all(folder: Path) -> list[FoundJob]:
    """Every run below `folder` (one level), newest submission first."""
    try:
        inside = [p for p in folder.iterdir() if p.is_dir()]
    except OSError:
        return []
    found = [f for p in inside if (f := find(p)) is not None]
    return sorted(found, key=lambda f: -(f.job.submitted if f.job else f.record.started if f.record else 0.0))


def stop(run: Path) -> None:
    """Ask the trainer to write a snapshot and end; a job that still waits is taken out of its queue."""
    found = find(run)
    if found is not None and found.job is not None and found.state in ("queued", "starting"):
        end(run)
    else:
        request(run, "stop")


def request(run: Path, action: Action) -> ControlRequest:
    """Write a request (stop, pause, continue, snapshot); the trainer writes a snapshot before it stops or
    pauses.
    """
    wanted = ControlRequest(id=uuid.uuid4().hex, action=action, time=time.time())
    try:
        write_json(run / CONTROL_FILE, wanted.model_dump())
    except OSError as error:
        raise InputError(
            what=f"cannot ask the run to {action}", where=str(run), got=why_not_written(error)
        ) from None
    return wanted


def end(run: Path, force: bool = False) -> None:
    """End the job by SIGTERM, or with `force` its whole tree by SIGKILL. Raises InputError where there is no
    job.
    """
    job = local.read_job(run)
    if job is None:
        raise InputError(what="the run has no job", where=str(run), expected=JOB_FILE, got="none")
    usable(job.backend).end(job, force)


def usable(backend: str) -> Backend:
    place = BACKENDS.get(backend, where="jobs")
    why = place.why_not()
    if why:
        raise InputError(what=f"jobs cannot run on {backend!r}", expected="an installed backend", got=why)
    return place


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _tick_seconds(run: Path) -> float:
    """Time between the last two ticks, seconds; nan before the second."""
    try:
        with open(run / "stats.jsonl", "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = file.read().splitlines()[-3:]
    except OSError:
        return float("nan")
    times = [
        row["time"]
        for line in lines
        if (row := parse_object(line)) and isinstance(row.get("time"), int | float)
    ]
    return float(times[-1] - times[-2]) if len(times) > 1 else float("nan")


def _record_of(run: Path) -> RunRecord | None:
    """The trainer's own record; None where there is none that can be read."""
    file = JsonFile(run / "run.json")
    file.refresh()
    return lenient(RunRecord, {"id": run.name} | file.value) if file.value else None
