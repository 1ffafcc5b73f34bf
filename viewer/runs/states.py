"""The state of a run, from its files, its process and the age of its last tick; and whether a process is
alive.
"""

from __future__ import annotations

import socket
from functools import cache

from core_model.schema.processes import process_alive
from core_model.schema.run import RunRecord
from viewer.runs.job_record import JobRecord, ShownState

STALL_FLOOR_S = 90.0
STALL_TICKS = 8.0
"""A run is stalled when nothing was written for this many usual ticks, and for at least the floor."""

_ENDED: dict[str, ShownState] = {
    "finished": "done",
    "failed": "failed",
    "stopped": "stopped",
    "killed": "killed",
}


@cache
def this_host() -> str:
    return socket.gethostname()


def stall_limit(tick_s: float) -> float:
    """Seconds of silence after which a run counts as stalled.

    tick_s: usual time between ticks (nan: unknown).
    """
    return max(STALL_FLOOR_S, STALL_TICKS * tick_s) if tick_s == tick_s else STALL_FLOOR_S


def judge(
    record: RunRecord | None,
    job: JobRecord | None,
    now: float,
    last_written: float,
    tick_s: float,
    owned: bool = False,
) -> ShownState:
    """State to show. last_written: newest change of any file of the run.

    now and it in seconds since 1970. owned: whether a living process has the run directory: whatever became
    of the job that was started from here, the run goes on then. A run.json that is older than the job was
    left by an earlier start of the same run and says nothing about this one.
    """
    said = record if record is not None and (job is None or record.updated >= job.submitted) else None
    if said is not None and said.state in _ENDED:
        return _ENDED[said.state]
    if job is not None and job.ended and not owned:
        return job.outcome
    known, alive = _alive(said, job)
    if known and not alive and not owned:
        return "lost"
    if said is None:
        return "starting" if owned or (job is not None and job.started) else "queued"
    if said.state in ("paused", "starting"):
        return said.state
    return "stalled" if now - max(last_written, said.updated) > stall_limit(tick_s) else "running"


def _alive(record: RunRecord | None, job: JobRecord | None) -> tuple[bool, bool]:
    """(whether it can be known on this machine, whether it is alive): a job's supervisor, else the run's own
    process.
    """
    here = this_host()
    if job is not None and job.host == here and job.supervisor_pid:
        return True, process_alive(job.supervisor_pid, job.supervisor_started) or process_alive(
            job.pid, job.pid_started
        )
    if record is not None and record.host == here and record.pid:
        return True, process_alive(record.pid, record.process_started)
    return False, False
