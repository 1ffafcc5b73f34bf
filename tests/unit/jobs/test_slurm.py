"""Slurm for real: a single-node cluster of Debian's packages, started by the test where root allows, on ports of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.waiting import until
from viewer.jobs import job_service, slurm
from viewer.jobs.backend import Resources
from viewer.jobs.local import read_job
from viewer.runs.job_record import ENDED

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scontrol", "scancel")
CONF = """ClusterName=triscopetest
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
SlurmUser=root
SlurmdUser=root
SlurmctldPort={port}
SlurmdPort={port2}
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/spool
SlurmctldPidFile={dir}/slurmctld.pid
SlurmdPidFile={dir}/slurmd.pid
SlurmctldLogFile={dir}/slurmctld.log
SlurmdLogFile={dir}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2
PropagateResourceLimits=NONE
MpiDefault=none
ReturnToService=2
KillWait=5
MinJobAge=600
NodeName={host} NodeAddr=127.0.0.1 CPUs=1 Sockets=1 CoresPerSocket=1 ThreadsPerCore=1 RealMemory=1000 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def why_skipped() -> str:
    missing = [p for p in PROGRAMS if shutil.which(p) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (apt-get install slurm-wlm munge)"
    return "" if hasattr(os, "geteuid") and os.geteuid() == 0 else "starting a cluster needs root"


pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why_skipped()), reason=why_skipped() or "runs")]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running controller and node; ended by their pid files."""
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    host = socket.gethostname().split(".")[0]
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(host=host, dir=folder, port=free_port(), port2=free_port()))
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(conf)
    own_munge = not Path("/run/munge/munge.socket.2").exists()
    if own_munge:
        subprocess.run(["install", "-d", "-o", "munge", "-g", "munge", "-m", "755", "/run/munge"], check=True)
        subprocess.run(["runuser", "-u", "munge", "--", "/usr/sbin/munged"], check=True)
    try:
        subprocess.run(["slurmctld", "-c", "-f", str(conf)], check=True)
        subprocess.run(["slurmd", "-f", str(conf)], check=True)
        wait(
            lambda: (
                "idle" in subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True).stdout
            ),
            "the node is not idle",
        )
        yield folder
    finally:
        subprocess.run(["scancel", "--state=RUNNING"], capture_output=True)
        subprocess.run(["scancel", "--state=PENDING"], capture_output=True)
        left = lambda: subprocess.run(
            ["squeue", "-h", "-o", "%i"], capture_output=True, text=True
        ).stdout.strip()
        end = time.monotonic() + 30.0
        while (
            left() and time.monotonic() < end
        ):  # a daemon that goes before its last step would leave that behind
            time.sleep(0.2)
        pid_files = [
            folder / "slurmd.pid",
            folder / "slurmctld.pid",
            *([Path("/run/munge/munged.pid")] if own_munge else []),
        ]
        for path in pid_files:
            if path.exists():
                subprocess.run(["kill", path.read_text().strip()], capture_output=True)
        os.environ.pop("SLURM_CONF")
        if before is not None:
            os.environ["SLURM_CONF"] = before


def wait(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """`until` that asks Slurm ten times per second at most."""
    until(condition, what, seconds, pause_s=0.1)


def state(run: Path) -> str:
    found = job_service.find(run)
    return found.state if found else "none"


def python(code: str, *args: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *args)


def test_a_job_with_an_odd_path_runs_and_ends(cluster: Path, tmp_path: Path) -> None:
    run = tmp_path / 'it\'s a "run" %j 日本 $HOME'
    odd = ["a b", "$(touch hacked)", "q'\"", "é"]
    job = job_service.start(run, python("import json, sys; print(json.dumps(sys.argv[1:]))", *odd), "slurm")
    assert job.native_id.isdecimal()
    wait(lambda: state(run) == "done", "it did not end")
    assert json.loads((run / "console.txt").read_text()) == odd and not (run / "hacked").exists()
    wait(lambda: slurm.SlurmBackend().state(job) == "done", "Slurm itself does not say done")


def test_queue_cancel_fail_and_end(cluster: Path, tmp_path: Path) -> None:
    first, second, third = (tmp_path / n for n in ("first", "second", "third"))
    long = python("import time; time.sleep(120)")
    job_service.start(first, long, "slurm")
    wait(lambda: (job := read_job(first)) and job.started, "the first did not start")
    job_service.start(second, long, "slurm")
    job_service.start(
        third,
        python("raise RuntimeError('no such data')"),
        "slurm",
        Resources(cpus=1, hours=0.1, memory_mb=100),
    )
    assert state(first) == "starting" and state(second) == "queued"
    job_service.stop(second)
    wait(lambda: state(second) == "stopped", "a waiting job was not taken out")
    job_service.end(first)
    wait(lambda: state(first) == "stopped", "scancel did not end it")
    wait(lambda: state(third) == "failed", "a failure was not noticed")
    assert "RuntimeError: no such data" in (third / "console.txt").read_text()


def test_what_sbatch_refuses_is_said(cluster: Path, tmp_path: Path) -> None:
    from core_model.schema.errors import TriscopeError

    with pytest.raises(TriscopeError, match="sbatch: .*partition"):
        job_service.start(tmp_path / "run", python("pass"), "slurm", Resources(partition="nowhere"))


@pytest.mark.timeout(900)
def test_the_form_starts_stops_and_resumes_a_real_run_on_the_cluster(cluster: Path, tmp_path: Path) -> None:
    """What the New run page and the run's head do with their buttons, on a trainer that really trains."""
    from core_model.schema.overrides import changed_paths
    from core_model.schema.train_presets import PRESETS
    from tests.train.gan_data import tiny_config, write_set
    from viewer.features.training.draft import Draft
    from viewer.jobs import job_service

    data, run = write_set(tmp_path / "a set"), tmp_path / "run ü 'one'"
    draft = Draft(
        preset="smoke",
        data=str(data),
        out=str(run),
        backend="slurm",
        gpus=0,
        cpus=1,
        hours=0.25,
        partition="debug",
    )
    changes = changed_paths(tiny_config(data, images=4000), PRESETS.get("smoke"))
    for path, text in changes.items():
        if path != "data.path":
            draft.put(path, text)
    assert draft.problems("") == [] and "--device cpu" in draft.command()
    job = job_service.start(draft.run, draft.argv(), draft.backend, draft.resources())
    assert job.native_id.isdecimal() and read_job(run).asked == {
        "cpus": 1,
        "hours": 0.25,
        "partition": "debug",
    }  # type: ignore[union-attr]
    shown = slurm.ask(["scontrol", "--oneliner", "show", "job", job.native_id])
    assert "TimeLimit=00:15:00" in shown and "Partition=debug" in shown and "NumCPUs=1" in shown
    wait(lambda: (run / "stats.jsonl").exists() or state(run) in ENDED, "it does not train", 240.0)
    assert state(run) == "running", (run / "console.txt").read_text()[-2000:]
    job_service.request(run, "stop")
    wait(lambda: state(run) == "stopped", "it was not stopped", 120.0)
    wait(lambda: slurm.SlurmBackend().state(job) in ("done", "stopped"), "Slurm still runs it")
    lines = len((run / "stats.jsonl").read_text().splitlines())
    again = job_service.resume(run, "slurm")
    assert again.native_id != job.native_id and again.asked == read_job(run).asked != {}  # type: ignore[union-attr]
    wait(
        lambda: state(run) == "running" and len((run / "stats.jsonl").read_text().splitlines()) > lines,
        "it was not resumed",
        240.0,
    )
    job_service.end(run)
    wait(lambda: state(run) == "stopped", "scancel did not end it")
    assert json.loads((run / "run.json").read_text())["resumes"] == 1
