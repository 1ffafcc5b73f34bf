"""Jobs of a cluster through Slurm's own commands: sbatch, squeue, scontrol, scancel.

Works without accounting. The batch script is a constant (`exec "$@"`); what is to run is handed over as
arguments, so that no path is ever quoted.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from core_model.schema.atomic import write_json
from core_model.schema.errors import TriscopeError
from core_model.schema.run_owner import release
from core_model.schema.whole import whole
from viewer.jobs import supervisor
from viewer.jobs.backend import BACKENDS, Resources
from viewer.runs.job_record import ENDED, JobRecord, ShownState

COMMANDS = ("sbatch", "squeue", "scontrol", "scancel")
SCRIPT_FILE = "job.sh"
SCRIPT = '#!/bin/sh\nexec "$@"\n'
TIMEOUT_S = 30.0

_STATES: dict[str, ShownState] = {
    "PENDING": "queued", "CONFIGURING": "queued", "REQUEUED": "queued", "SUSPENDED": "paused", "RUNNING": "running",
    "COMPLETING": "running",
    "COMPLETED": "done", "CANCELLED": "stopped", "FAILED": "failed", "TIMEOUT": "failed", "NODE_FAIL": "failed", "OUT_OF_MEMORY": "failed",
    "PREEMPTED": "failed", "BOOT_FAIL": "failed", "DEADLINE": "failed",
}  # fmt: skip


class SlurmBackend:
    """One node per job: torchrun starts the processes on it."""

    name = "slurm"

    def why_not(self) -> str:
        missing = [c for c in COMMANDS if shutil.which(c) is None]
        return f"Slurm's {', '.join(missing)} are not installed here" if missing else ""

    def folder(self, run: Path) -> str:
        return str(run)

    def submit(self, job: JobRecord, resources: Resources) -> JobRecord:
        """sbatch; returns the job with its number."""
        run = Path(job.run)
        (run / SCRIPT_FILE).write_text(SCRIPT, encoding="utf-8")
        write_json(run / supervisor.JOB_FILE, job.model_dump())
        command = [
            "sbatch",
            "--parsable",
            "--no-requeue",
            f"--job-name=triscope {run.name}"[:200],
            f"--chdir={run}",
            f"--output={output(run)}",
        ]
        said = ask(
            [
                *command,
                *options(resources),
                str(run / SCRIPT_FILE),
                sys.executable,
                supervisor.__file__,
                str(run),
            ]
        )
        return job.replace(native_id=job_number(said))

    def state(self, job: JobRecord) -> ShownState | None:
        if not job.native_id:
            return None
        try:
            shown = ask(["squeue", "--noheader", "--states=all", f"--jobs={job.native_id}", "--format=%T"])
        except TriscopeError:
            shown = ""  # a number that Slurm has forgotten is an error of squeue
        word = shown.split()[0] if shown.split() else self._by_scontrol(job.native_id)
        return _STATES.get(word.rstrip("+"))

    def end(self, job: JobRecord, force: bool = False) -> None:
        """scancel: SIGTERM to the supervisor, then to what it runs.

        `force`: SIGKILL to every process of the job.
        """
        if self.state(job) == "queued":  # a signal would be sent again and again until it starts
            ask(["scancel", job.native_id])
        elif force:
            self._kill(job)
        else:
            ask(["scancel", "--signal=TERM", "--batch", job.native_id])

    def _kill(self, job: JobRecord) -> None:
        """SIGKILL reaches the supervisor as well.

        What it would have written is written here, once Slurm says that the job is over.
        """
        run = Path(job.run)
        by = supervisor.ask_end(run, job.id, force=True)
        ask(["scancel", "--signal=KILL", "--full", job.native_id])
        until = time.monotonic() + TIMEOUT_S
        while self.state(job) in ("running", "paused") and time.monotonic() < until:
            time.sleep(0.2)
        if self.state(job) in (None, *ENDED):
            supervisor.mark_killed(run, by)
            release(run)
            last = job.replace(ended=time.time(), cancelled=True, killed=True, ended_by=by)
            write_json(run / supervisor.JOB_FILE, last.model_dump())

    def _by_scontrol(self, number: str) -> str:
        try:
            found = re.search(r"\bJobState=(\w+)", ask(["scontrol", "--oneliner", "show", "job", number]))
        except TriscopeError:
            return ""
        return found[1] if found else ""


def output(run: Path) -> str:
    """Where the batch step's own words go (those of the command go to console.txt).

    Slurm reads patterns in the whole path, the directory that --chdir names included: a % of the path is
    doubled. A backslash would switch patterns off.
    """
    return "/dev/null" if "\\" in str(run) else f"{str(run).replace('%', '%%')}/slurm-%j.out"


def options(resources: Resources) -> list[str]:
    """sbatch options of what a job asks for."""
    made = ["--nodes=1", "--ntasks=1"]
    if resources.gpus:
        made.append(f"--gres=gpu:{resources.gpus}")
    if resources.cpus:
        made.append(f"--cpus-per-task={resources.cpus}")
    if resources.memory_mb:
        made.append(f"--mem={resources.memory_mb}M")
    if resources.hours:
        made.append(f"--time={max(1, round(resources.hours * 60))}")
    if resources.partition:
        made.append(f"--partition={resources.partition}")
    if resources.account:
        made.append(f"--account={resources.account}")
    return [*made, *resources.options]


def job_number(said: str) -> str:
    """The number of the job in `sbatch --parsable`'s answer (`NUMBER` or `NUMBER;CLUSTER`); raises TriscopeError."""
    number = said.strip().rpartition("\n")[2].split(";")[0]
    if whole(number) is None:
        raise TriscopeError(f"sbatch gave no job number: {said.strip()[:200]!r}")
    return number


def ask(command: Sequence[str]) -> str:
    """Output of one of Slurm's commands; raises TriscopeError with what it complained of."""
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TriscopeError(f"{command[0]}: {error}") from None
    if done.returncode:
        raise TriscopeError(
            f"{command[0]}: {(done.stderr or done.stdout).strip()[:400] or f'exit status {done.returncode}'}"
        )
    return done.stdout


BACKENDS.add("slurm", SlurmBackend())
