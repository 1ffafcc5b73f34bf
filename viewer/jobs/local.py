"""Jobs on this machine: a detached supervisor for each, and a queue for every device."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from core_model.schema.atomic import write_json
from core_model.schema.errors import InputError, TriscopeError
from core_model.schema.processes import kill_tree, tree_of, untied
from core_model.schema.run_owner import live_owner, this_place
from viewer.jobs import supervisor
from viewer.jobs.backend import BACKENDS, Resources
from viewer.jobs.waiting import queue_folder
from viewer.runs.job_record import JobRecord, ShownState
from viewer.runs.states import process_alive, this_host

if TYPE_CHECKING:
    import psutil

START_TIMEOUT_S = 20.0


class LocalBackend:
    """Supervisors outlive the window. Jobs that share a device wait for each other in the order of
    submission.
    """

    name = "local"

    def why_not(self) -> str:
        return ""

    def folder(self, run: Path) -> str:
        return os.getcwd()

    def submit(self, job: JobRecord, resources: Resources) -> JobRecord:
        """Start the supervisor; returns once it has taken the job over."""
        run = Path(job.run)
        write_json(run / supervisor.JOB_FILE, job.replace(devices=resources.devices).model_dump())
        environment = untied(os.environ) | {supervisor.QUEUE_VARIABLE: str(queue_folder())}
        status = _start_supervisor(run, environment)
        until = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until:
            found = read_job(run)
            if found is not None and found.id == job.id and found.supervisor_pid:
                return found
            time.sleep(0.01)
        raise TriscopeError(
            f"the job's supervisor did not report within {START_TIMEOUT_S:g} s (exit status {status})"
        )

    def state(self, job: JobRecord) -> ShownState | None:
        if job.ended:
            return job.outcome
        if job.host != this_host():
            return None
        if process_alive(job.supervisor_pid, job.supervisor_started) or process_alive(
            job.pid, job.pid_started
        ):
            return "running" if job.started else "queued"
        return "lost"

    def end(self, job: JobRecord, force: bool = False) -> None:
        """SIGTERM to the supervisor, which ends the command; `force`: SIGKILL to every process of the
        command's tree.
        """
        if job.host != this_host():
            raise InputError(
                what="the job runs on another machine", where=job.run, expected=this_host(), got=job.host
            )
        run, kept = Path(job.run), process_alive(job.supervisor_pid, job.supervisor_started)
        by = supervisor.ask_end(run, job.id, force)
        if force:
            left = kill_tree(lambda: [*tree_of(job.id, job.pid, job.pid_started), *_owner_tree(run)])
            if left:
                raise TriscopeError(f"processes {', '.join(map(str, left))} of the job could not be ended")
            if not kept:  # no supervisor will record the end
                supervisor.mark_killed(run, by)
                last = (read_job(run) or job).replace(
                    ended=time.time(), cancelled=True, killed=True, ended_by=by
                )
                write_json(run / supervisor.JOB_FILE, last.model_dump())
            elif not job.pid:  # it waits in its queue
                _signal(job.supervisor_pid)
        elif kept:
            _signal(job.supervisor_pid)
        elif process_alive(
            job.pid, job.pid_started
        ):  # its supervisor was killed where nothing ties the command to it
            _signal(job.pid)


def detached_flags(apart: bool) -> int:
    """Windows flags for subprocess.Popen: no console, and (`apart`) outside the Job Object of whatever
    started the window.
    """
    names = (
        "DETACHED_PROCESS",
        "CREATE_NEW_PROCESS_GROUP",
        *(["CREATE_BREAKAWAY_FROM_JOB"] if apart else []),
    )
    return sum(int(getattr(subprocess, name, 0)) for name in names)


def _start_supervisor(run: Path, environment: dict[str, str]) -> int | None:
    """Start a supervisor that outlives this process; returns the exit status of its launcher, where it has
    one.
    """
    command, quiet = [sys.executable, supervisor.__file__, "--detach", str(run)], subprocess.DEVNULL
    fault: OSError | None = None
    for apart in (True, False):  # some Job Objects of Windows let nobody out
        try:
            flags = detached_flags(apart)
            child = subprocess.Popen(
                command, stdin=quiet, stdout=quiet, stderr=quiet, env=environment, creationflags=flags
            )
        except OSError as error:
            fault = error
            continue
        # Elsewhere than on Windows the process that was started forks, and ends at once.
        return child.poll() if os.name == "nt" else child.wait()
    raise TriscopeError(f"the job's supervisor did not start: {fault}")


def sweep(job: JobRecord) -> None:
    """End processes that an ended job left behind: its supervisor was killed, or the system has no other
    means.
    """
    if job.host == this_host() and not process_alive(job.supervisor_pid, job.supervisor_started):
        kill_tree(lambda: tree_of(job.id, job.pid, job.pid_started))


def _owner_tree(run: Path) -> "list[psutil.Process]":
    """The processes of whoever works in the run directory on this machine, perhaps not started by this job."""
    owner = live_owner(run)
    return tree_of("", owner.pid, owner.started) if owner is not None and owner.place == this_place() else []


def read_job(run: Path) -> JobRecord | None:
    """RUN/job.json; None where there is none that can be read."""
    try:
        return JobRecord.model_validate_json((run / supervisor.JOB_FILE).read_bytes())
    except (OSError, ValueError):
        return None


def _signal(pid: int) -> None:
    """SIGTERM; nothing on Windows, where it would kill the supervisor itself, which reads RUN/end.json
    instead.
    """
    if os.name == "nt":
        return
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass


BACKENDS.add("local", LocalBackend())
