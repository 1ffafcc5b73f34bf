"""Whoever starts a process ends its whole tree.

Kill, the death of a supervisor, and nobody else's process by mistake.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from core_model.schema import processes
from core_model.schema.errors import InputError
from core_model.schema.processes import (
    FOLLOW_VARIABLE,
    JOB_VARIABLE,
    kill_tree,
    start_tied,
    started_at,
    tree_of,
    untied,
)
from core_model.schema.run import RunRecord
from tests.house.sources import ROOT
from tests.unit.jobs.test_local_jobs import CPU, python, queue, state
from tests.unit.runs.test_reading import read
from tests.waiting import until
from viewer.jobs import job_object, job_service, local, supervisor
from viewer.jobs.local import read_job

__all__ = ["queue"]
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX sessions and signals")

# A launcher as torchrun is one: its worker has a session of its own, with a loader in it; an orphan has left
# both.
TREE = """
import os, subprocess, sys, time
LOADER = "import time; time.sleep(300)"
WORKER = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', sys.argv[1]]); time.sleep(300)"
subprocess.Popen([sys.executable, "-c", WORKER, LOADER], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-c", LOADER])
    os._exit(0)
print("up", flush=True)
time.sleep(300)
"""
# The same over and over: at any moment something is being born.
RESTLESS = """
import os, random, subprocess, sys, time
while True:
    if os.fork() == 0:
        if random.random() < 0.5:
            os.setsid()
        if random.random() < 0.5 and os.fork():
            os._exit(0)
        time.sleep(random.random() * 3)
        os._exit(0)
    time.sleep(random.random() * 0.02)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
"""


def living(job: str) -> list[psutil.Process]:
    """Every process that carries the mark of a job, found without the code under test."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(JOB_VARIABLE) == job:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def still(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(autouse=True)
def nobody_left(tmp_path: Path) -> Iterator[None]:
    """Whatever a failing test has left is ended."""
    yield
    for path in tmp_path.glob("*/job.json"):
        job = read_job(path.parent)
        if job is not None:
            kill_tree(
                lambda job=job: [
                    *tree_of(job.id, job.pid, job.pid_started),
                    *tree_of("", job.supervisor_pid, job.supervisor_started),
                ]
            )


@pytest.fixture
def bystander() -> Iterator[psutil.Process]:
    """A process of somebody else."""
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True
    ) as one:
        yield psutil.Process(one.pid)
        one.kill()


def begun(run: Path, code: str, count: int = 1) -> str:
    """Start a job and wait until its tree has `count` processes; returns its id."""
    job_service.start(run, python(code), resources=CPU)
    job = read_job(run)
    assert job is not None
    until(lambda: len(living(job.id)) >= count and read_job(run).pid, "the tree is not complete")  # type: ignore[union-attr]
    return job.id


@posix
@pytest.mark.usefixtures("queue")
def test_kill_ends_workers_in_other_sessions_and_orphans_and_says_who(
    tmp_path: Path, bystander: psutil.Process
) -> None:
    run = tmp_path / "run"
    job = begun(run, TREE, 4)
    tree = living(job)
    assert len({os.getsid(p.pid) for p in tree}) == 3
    (run / "run.json").write_text(RunRecord(id="r", state="running", updated=time.time()).model_dump_json())
    job_service.end(run, force=True)
    assert not still(tree) and not living(job)
    until(lambda: read_job(run).ended, "the supervisor noted no end")  # type: ignore[union-attr]
    record, told = read_job(run), RunRecord.model_validate_json((run / "run.json").read_bytes())
    assert record is not None and record.killed and " on " in record.ended_by and record.exit_status == -9
    assert (told.state, told.ended_by) == ("killed", record.ended_by)
    reader = read(run)
    assert state(run) == reader.state == "killed"
    assert bystander.is_running()
    again = job_service.start(run, python("pass"), resources=CPU)
    until(lambda: read_job(run).ended, "the next job did not run")  # type: ignore[union-attr]
    assert again.id != job and read_job(run).outcome == "done", "an old wish must not count for a new job"  # type: ignore[union-attr]


@posix
@pytest.mark.usefixtures("queue")
def test_what_is_killed_from_elsewhere_has_failed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    job = begun(run, TREE, 4)
    os.kill(read_job(run).pid, signal.SIGKILL)  # type: ignore[union-attr]
    until(lambda: read_job(run).ended, "the supervisor noted no end")  # type: ignore[union-attr]
    assert not living(job), "what the command left behind lives on"
    assert state(run) == "failed" and "SIGKILL" in read_job(run).error  # type: ignore[union-attr]


@posix
@pytest.mark.usefixtures("queue")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("trials", [6, pytest.param(40, marks=pytest.mark.slow)])
def test_kills_at_random_moments_leave_nobody(tmp_path: Path, bystander: psutil.Process, trials: int) -> None:
    dice = random.Random(trials)
    for trial in range(trials):
        run = tmp_path / str(trial)
        job = begun(run, RESTLESS)
        time.sleep(dice.random() * 0.4)
        seen = living(job)
        job_service.end(run, force=True)
        assert not living(job), f"trial {trial}: of {len(seen)} some live on"
        until(lambda run=run: state(run) == "killed", "no end was noted")
    assert bystander.is_running()


@posix
@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="elsewhere only triscope's own commands follow"
)
@pytest.mark.usefixtures("queue")
def test_the_supervisor_s_death_ends_the_command_and_the_next_start_ends_the_rest(tmp_path: Path) -> None:
    run = tmp_path / "run"
    job = begun(run, TREE, 4)
    record = read_job(run)
    assert record is not None
    os.kill(record.supervisor_pid, signal.SIGKILL)
    until(
        lambda: not processes.process_alive(record.pid, record.pid_started),
        "the command outlived its supervisor",
        5,
    )
    assert state(run) == "lost"
    job_service.start(run, python("pass"), resources=CPU)
    assert not living(job), "of the job before"
    until(lambda: state(run) == "done", "the next job did not run")


@posix
@pytest.mark.usefixtures("queue")
def test_kill_ends_an_owner_that_no_job_started_and_a_live_owner_is_never_doubled(tmp_path: Path) -> None:
    run = tmp_path / "run"
    job_service.start(run, python("pass"), resources=CPU)
    until(lambda: state(run) == "done", "the first job")
    code = "import sys, time; from pathlib import Path; from core_model.schema.run_owner import owned\nwith owned(Path(sys.argv[1])): print('up', flush=True); time.sleep(300)"  # noqa: E501
    with subprocess.Popen(
        [sys.executable, "-c", code, str(run)], cwd=ROOT, stdout=subprocess.PIPE
    ) as trainer:
        assert trainer.stdout is not None and trainer.stdout.readline() == b"up\n"
        assert state(run) not in ("done", "failed", "lost"), (
            "a run whose directory has a living owner goes on"
        )
        for again in (
            lambda: job_service.start(run, python("pass"), resources=CPU),
            lambda: job_service.resume(run),
        ):
            with pytest.raises(InputError, match=f"in use by pid {trainer.pid} on host"):
                again()
        job_service.end(run, force=True)
        assert trainer.wait(5) == -9
    assert state(run) == "killed"


def test_a_pid_that_was_given_away_again_is_not_touched(bystander: psutil.Process) -> None:
    assert tree_of("nobody's job", bystander.pid, bystander.create_time() - 100) == []
    assert [p.pid for p in tree_of("nobody's job", bystander.pid, bystander.create_time())] == [bystander.pid]
    assert tree_of("", 0, 0.0) == [] and tree_of("", 2**22 + 1, 5.0) == []


@posix
def test_a_follower_without_the_kernel_s_help_ends_too(tmp_path: Path) -> None:
    """The way of macOS and Windows: a thread looks for the starter."""
    follower = (
        "import time; from core_model.schema import processes; processes._LIBC = None\n"
        "processes.follow_starter(); print('up', flush=True); time.sleep(300)"
    )
    starter = (
        "import sys, subprocess; from core_model.schema import processes; processes._LIBC = None\n"
        f"one = processes.start_tied([sys.executable, '-c', {follower!r}], stdout=subprocess.PIPE)\n"
        "one.stdout.readline(); print(one.pid, flush=True); one.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        pid = int(first.stdout.readline())
        born = started_at(pid)
        first.kill()
    until(lambda: not processes.process_alive(pid, born), "the follower lives on", 10)


def test_a_process_that_is_to_outlive_us_carries_no_mark() -> None:
    assert untied({"A": "1", JOB_VARIABLE: "x", FOLLOW_VARIABLE: "1:2"}) == {"A": "1"}


@posix
def test_kill_says_who_could_not_be_ended(bystander: psutil.Process) -> None:
    class Deaf:
        pid = 77

        def kill(self) -> None:
            raise psutil.AccessDenied

    assert kill_tree(lambda: [Deaf()], within_s=0.1) == [77]  # type: ignore[list-item]
    tied = start_tied([sys.executable, "-c", "import time; time.sleep(300)"])
    assert kill_tree(lambda: tree_of("", tied.pid, started_at(tied.pid))) == [] and tied.wait(5) == -9


class FakeKernel:
    """kernel32, as far as a supervisor uses it."""

    def __init__(self, assigns: bool = True) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.assigns = assigns

    def CreateJobObjectW(self, security: Any, name: str) -> int:
        self.calls.append(("create", name))
        return 11

    def SetInformationJobObject(self, job: int, kind: int, limits: Any, size: int) -> int:
        held = limits._obj.BasicLimitInformation.LimitFlags
        self.calls.append(("limit", job, kind, held, size))
        return 1

    def AssignProcessToJobObject(self, job: int, process: int) -> int:
        self.calls.append(("assign", job, process))
        return int(self.assigns)

    def TerminateJobObject(self, job: int, status: int) -> int:
        self.calls.append(("terminate", job))
        return 1


@pytest.mark.parametrize("assigns", [True, False])
def test_on_windows_a_job_object_holds_the_command_before_it_runs(assigns: bool) -> None:
    api = FakeKernel(assigns)
    held = job_object.JobObject("abc", api, lambda pid: api.calls.append(("resume", pid)))
    assert held.hold(5, 17) is assigns
    held.terminate()
    size = 144 if sys.maxsize > 2**32 else 112  # of JOBOBJECT_EXTENDED_LIMIT_INFORMATION
    assert api.calls == [
        ("create", "triscope-abc"), ("limit", 11, 9, 0x2000, size), ("assign", 11, 17), ("resume", 5), ("terminate", 11)
    ]  # fmt: skip
    assert (
        job_object.creation_flags(api) & job_object.CREATE_SUSPENDED and job_object.creation_flags(None) == 0
    )
    nothing = job_object.JobObject("abc", None)
    nothing.terminate()
    assert not nothing.hold(5, 17)


def test_on_windows_a_supervisor_is_in_nobody_s_job_object(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = {
        "DETACHED_PROCESS": 0x8,
        "CREATE_NEW_PROCESS_GROUP": 0x200,
        "CREATE_BREAKAWAY_FROM_JOB": 0x1000000,
    }
    for name, value in flags.items():
        monkeypatch.setattr(subprocess, name, value, raising=False)
    assert (local.detached_flags(True), local.detached_flags(False)) == (0x1000208, 0x208)


@posix
def test_a_supervisor_hands_its_command_to_the_job_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor's own way through, with a kernel that only writes down (the flags are those of POSIX: none)."""
    api = FakeKernel()
    monkeypatch.setattr(job_object, "resume", lambda pid: api.calls.append(("resume", pid)))
    monkeypatch.setattr(supervisor, "creation_flags", lambda api: 0)
    (tmp_path / "job.json").write_text(
        json.dumps({"id": "j1", "argv": [sys.executable, "-c", "print('ran')"], "submitted": 0.0})
    )
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        assert supervisor.Supervisor(tmp_path, api).supervise() == 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert [call[0] for call in api.calls] == ["create", "limit", "assign", "resume", "terminate"]
    assert (tmp_path / "console.txt").read_text() == "ran\n"
