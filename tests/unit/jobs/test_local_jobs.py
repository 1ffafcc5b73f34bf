"""Local jobs: real processes that outlive their starter, wait for their devices, and are found again."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core_model.schema.errors import InputError
from core_model.schema.run import ControlRequest
from tests.waiting import throughout, until
from viewer.jobs import job_service, supervisor, waiting
from viewer.jobs.backend import Resources
from viewer.jobs.command import CommandLine, resume_arguments
from viewer.jobs.job_service import request
from viewer.jobs.local import read_job
from viewer.runs.states import process_alive

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX sessions and signals")
CPU = Resources(devices=("cpu",))


@pytest.fixture(autouse=True)
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(supervisor.QUEUE_VARIABLE, str(tmp_path / "the queue"))
    return tmp_path / "the queue"


@pytest.fixture
def started() -> Iterator[list[Path]]:
    """Run directories whose processes are gone after the test."""
    runs: list[Path] = []
    yield runs
    for run in runs:
        job = read_job(run)
        for pid, since in (
            ((job.pid, job.pid_started), (job.supervisor_pid, job.supervisor_started)) if job else ()
        ):
            if process_alive(pid, since):
                os.kill(pid, signal.SIGKILL)


def python(code: str, *args: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *args)


def state(run: Path) -> str:
    found = job_service.find(run)
    return found.state if found else "none"


@pytest.mark.parametrize(
    "name", ["plain", "with spaces & 'quotes' \"double\"", "ünïcode-日本-$HOME;`x`%j", "-dash\nline"]
)
def test_odd_paths_and_arguments_arrive_as_they_are(tmp_path: Path, name: str, started: list[Path]) -> None:
    run = tmp_path / name
    started.append(run)
    odd = ["a b", "$(touch hacked)", "q'\"", "é\n"]
    job_service.start(run, python("import json, sys; print(json.dumps(sys.argv[1:]))", *odd), resources=CPU)
    until(lambda: state(run) == "done", "the job did not end")
    assert json.loads((run / "console.txt").read_text()) == odd
    assert read_job(run).exit_status == 0  # type: ignore[union-attr]


def test_a_job_outlives_the_process_that_started_it_and_is_found_again(
    tmp_path: Path, started: list[Path]
) -> None:
    run = tmp_path / "run"
    started.append(run)
    code = "import sys; from pathlib import Path; from viewer.jobs import job_service; job_service.start(Path(sys.argv[1]), (sys.executable, '-c', 'import time; time.sleep(60)')); print('up', flush=True); import time; time.sleep(60)"  # noqa: E501
    window = subprocess.Popen(
        [sys.executable, "-c", code, str(run)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert window.stdout is not None and window.stdout.readline().strip() == b"up"
    os.killpg(window.pid, signal.SIGKILL)  # the whole session of the window, as a closed terminal would
    window.wait()
    window.stdout.close()
    until(lambda: state(run) == "starting", "the job died with its window")
    job = read_job(run)
    assert job is not None and process_alive(job.pid, job.pid_started)
    assert not process_alive(job.pid, job.pid_started - 100), (
        "another process with the same number must not count"
    )
    job_service.end(run)
    until(lambda: state(run) == "stopped", "SIGTERM did not end the job")
    assert not process_alive(job.pid, job.pid_started)


def test_a_failing_job_keeps_its_traceback(tmp_path: Path, started: list[Path]) -> None:
    run = tmp_path / "run"
    started.append(run)
    job_service.start(run, python("raise RuntimeError('no such data')"), resources=CPU)
    until(lambda: state(run) == "failed", "failure was not noticed")
    assert "RuntimeError: no such data" in (run / "console.txt").read_text()
    assert read_job(run).exit_status == 1  # type: ignore[union-attr]
    job_service.start(run, (str(tmp_path / "no such program"),), resources=CPU)
    until(lambda: state(run) == "failed", "a missing program was not noticed")
    assert "cannot start" in read_job(run).error  # type: ignore[union-attr]


def test_jobs_of_one_device_wait_for_each_other_in_order(tmp_path: Path, started: list[Path]) -> None:
    go = tmp_path / "go"
    runs = [tmp_path / str(i) for i in range(3)]
    started += runs
    for run in runs:
        job_service.start(run, python(STAMP, str(go)), resources=CPU)
    other = tmp_path / "other device"
    started.append(other)
    job_service.start(other, python("pass"), resources=Resources(devices=("cuda:7",)))
    until(lambda: state(other) == "done", "another device had to wait")
    assert state(runs[1]) == state(runs[2]) == "queued"
    go.touch()
    until(lambda: all(state(r) == "done" for r in runs), "the queue does not move")
    spans = [[float(line) for line in (r / "console.txt").read_text().split()] for r in runs]
    assert spans[0][1] <= spans[1][0] and spans[1][1] <= spans[2][0]


STAMP = "import os, sys, time\nprint(time.time())\nwhile not os.path.exists(sys.argv[1]):\n    time.sleep(0.02)\nprint(time.time())"


def test_the_order_of_the_queue_can_be_changed(tmp_path: Path, started: list[Path]) -> None:
    go = tmp_path / "go"
    first, second, third, other = runs = [
        tmp_path / name for name in ("first", "second", "third", "other device")
    ]
    started += runs
    for run in (first, second):
        job_service.start(run, python(STAMP, str(go)), resources=CPU)
    job_service.start(other, python(STAMP, str(go)), resources=Resources(devices=("cuda:7",)))
    job_service.start(third, python(STAMP, str(go)), resources=CPU)
    until(lambda: [one.running for one in waiting.queue()].count(True) == 2, "two devices, two jobs")
    shown = {Path(one.run).name: (one.before, one.up, one.down) for one in waiting.queue()}
    assert shown == {
        "first": (0, False, False),
        "other device": (0, False, False),
        "second": (1, False, True),
        "third": (2, True, False),
    }
    for run in (first, second, other):
        with pytest.raises(InputError, match="does not wait|no job waits before"):
            waiting.move(str(run), earlier=True)
    waiting.move(str(third), earlier=True)
    assert waiting.places() == {str(third): 1, str(second): 2}
    with pytest.raises(InputError, match="no job waits behind"):
        waiting.move(str(second), earlier=False)
    waiting.move(str(third), earlier=False)
    waiting.move(str(second), earlier=False)
    go.touch()
    until(lambda: all(state(r) == "done" for r in runs), "the queue does not move")
    spans = {r.name: [float(line) for line in (r / "console.txt").read_text().split()] for r in runs}
    assert spans["first"][1] <= spans["third"][0] and spans["third"][1] <= spans["second"][0], (
        "the third came before the second"
    )
    until(lambda: not waiting.queue(), "tickets were left")


def test_whoever_runs_cannot_be_overtaken_and_equal_ranks_are_told_apart(queue: Path) -> None:
    queue.mkdir(parents=True)

    def ticket(name: str, rank: int, **more: object) -> None:
        own = {
            "pid": os.getpid(),
            "started": supervisor.started_at(os.getpid()),
            "devices": ["cpu"],
            "run": name,
            "rank": rank,
        }
        (queue / f"{rank:020d}-{name}.json").write_text(json.dumps(own | more))

    ticket("old", 1)
    ticket("runs", 50, running=True)
    ticket("a", 7)
    ticket("b", 7)
    (queue / "torn.json").write_text('{"pid"')
    assert [one.run for one in waiting.queue()] == ["runs", "old", "a", "b"]
    waiting.move("b", earlier=True)
    assert [one.run for one in waiting.queue()] == ["runs", "old", "b", "a"]
    waiting.move("b", earlier=True)
    assert [(one.run, one.before, one.up) for one in waiting.queue()] == [
        ("runs", 0, False), ("b", 1, False), ("old", 2, True), ("a", 3, True)
    ]  # fmt: skip
    with pytest.raises(InputError, match="no job waits before"):
        waiting.move("b", earlier=True)


def test_a_job_that_left_its_queue_starts_again_as_it_was_meant(tmp_path: Path, started: list[Path]) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    started += [first, second]
    job_service.start(first, python("import time; time.sleep(60)"), resources=CPU)
    job_service.start(second, python("print('here')"), resources=CPU)
    job_service.stop(second)
    until(lambda: state(second) == "stopped", "it was not taken out")
    job_service.end(first)
    until(lambda: state(first) == "stopped", "the first did not end")
    again = job_service.resume(second)
    assert again.devices == ("cpu",) and again.argv[-1] == "print('here')"
    until(
        lambda: state(second) == "done" and (second / "console.txt").read_text() == "here\n", "it did not run"
    )


def test_what_a_job_asked_for_is_written_down_for_the_next_start() -> None:
    asked = Resources(gpus=2, hours=1.5, partition="long", options=("--exclusive",))
    assert asked.asked() == {"gpus": 2, "hours": 1.5, "partition": "long", "options": ("--exclusive",)}
    assert Resources.of(json.loads(json.dumps(asked.asked()))) == asked and Resources.of({}) == Resources()
    assert Resources.of({"gpus": "many", "hours": 2, "devices": ["cpu"], "new": 1}) == Resources(
        devices=("cpu",), hours=2
    )


def test_a_queued_job_is_taken_out_and_a_dead_supervisor_does_not_block(
    tmp_path: Path, started: list[Path], queue: Path
) -> None:
    first, second, third = (tmp_path / n for n in "abc")
    started += [first, second, third]
    job_service.start(first, python("import time; time.sleep(60)"), resources=CPU)
    job_service.start(second, python("pass"), resources=CPU)
    job_service.start(third, python("pass"), resources=CPU)
    job_service.stop(second)
    until(lambda: state(second) == "stopped", "a queued job was not taken out")
    job = read_job(first)
    assert job is not None
    until(lambda: read_job(first).pid, "the first did not start")  # type: ignore[union-attr]
    job = read_job(first)
    assert job is not None
    os.kill(job.supervisor_pid, signal.SIGKILL)
    if process_alive(job.pid, job.pid_started):  # where the kernel does not end it with its supervisor
        os.killpg(job.pid, signal.SIGKILL)
    until(lambda: state(first) == "lost", "a killed supervisor was not noticed")
    until(lambda: state(third) == "done", "a dead ticket blocked the queue")
    until(lambda: not list(queue.glob("*.json")), "tickets were left")


def test_kill_ends_a_command_that_ignores_sigterm(tmp_path: Path, started: list[Path]) -> None:
    run = tmp_path / "run"
    started.append(run)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    job_service.start(run, python(code), resources=CPU)
    until(
        lambda: "deaf" in (run / "console.txt").read_text() if (run / "console.txt").exists() else False,
        "it did not start",
    )
    job_service.end(run)
    throughout(lambda: state(run) == "starting", "SIGTERM ended it", 0.5)
    job_service.end(run, force=True)
    until(lambda: state(run) == "killed", "SIGKILL did not end it")
    assert read_job(run).exit_status == -9  # type: ignore[union-attr]


def test_a_living_job_is_not_started_twice(tmp_path: Path, started: list[Path]) -> None:
    run = tmp_path / "run"
    started.append(run)
    job_service.start(run, python("import time; time.sleep(60)"), resources=CPU)
    with pytest.raises(InputError, match="has a job already"):
        job_service.start(run, python("pass"), resources=CPU)
    job_service.end(run)
    until(lambda: state(run) == "stopped", "not ended")


def test_wishes_are_requests_that_the_trainer_reads(tmp_path: Path) -> None:
    first, second = request(tmp_path, "snapshot"), request(tmp_path, "stop")
    read = ControlRequest.model_validate_json((tmp_path / "control.json").read_bytes())
    assert (
        read == second
        and first.id != second.id
        and read.action == "stop"
        and abs(read.time - time.time()) < 60
    )
    with pytest.raises(InputError, match="cannot ask the run"):
        request(tmp_path / "missing", "pause")


def test_devices_become_environment() -> None:
    assert supervisor.device_variables(("cuda:1", "cuda:3")) == {"CUDA_VISIBLE_DEVICES": "1,3"}
    assert supervisor.device_variables(("cpu",)) == {"CUDA_VISIBLE_DEVICES": ""}
    assert supervisor.device_variables(()) == {}


def test_what_is_typed_forecast_and_launched_is_one_line(tmp_path: Path) -> None:
    arguments = resume_arguments(tmp_path / "my run")
    assert resume_arguments(tmp_path / "my run", "fit") == ("fit", *arguments[1:])
    one, four = CommandLine(arguments), CommandLine(arguments, 4)
    assert shlex.split(one.typed()) == ["triscope", *arguments]
    assert one.argv("/opt/my python") == ("/opt/my python", "-m", "core_model.cli.main", *arguments), (
        "no launcher that says one process"
    )
    dry = [w if w != str(tmp_path / "my run") else "OUT" for w in arguments]
    assert one.dry(Path("OUT")) == (*dry, "--dry-run") and four.dry(Path("OUT")) == (
        *dry,
        "--dry-run",
        "--processes=4",
    )
    line = four.argv("/opt/my python")
    assert line[:3] == ("/opt/my python", "-m", "torch.distributed.run") and "--nproc-per-node=4" in line
    assert line[-len(arguments) :] == arguments and "core_model.cli.main" in line
    assert shlex.split(four.typed()) == [
        "torchrun",
        "--nproc-per-node=4",
        "-m",
        "core_model.cli.main",
        *arguments,
    ]


def test_a_record_of_an_earlier_build_still_names_its_supervisor(tmp_path: Path) -> None:
    old = {
        "id": "a",
        "backend": "local",
        "run": str(tmp_path),
        "argv": ["x"],
        "keeper_pid": 41,
        "keeper_started": 2.5,
    }
    (tmp_path / "job.json").write_text(json.dumps(old), encoding="utf-8")
    job = read_job(tmp_path)
    assert job is not None and (job.supervisor_pid, job.supervisor_started) == (41, 2.5)
    assert "supervisor_pid" in job.model_dump() and "keeper_pid" not in job.model_dump()
