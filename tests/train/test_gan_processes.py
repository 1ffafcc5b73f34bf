"""`triscope train --processes N`: the command starts its own siblings, and no end of one leaves another behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from core_model.schema.errors import InputError
from core_model.schema.run import RunRecord
from core_model.schema.run_owner import live_owner
from core_model.training.common import local_launcher
from tests.house.sources import ROOT
from tests.train.gan_data import write_set
from tests.waiting import until

QUIET = (
    "--output.evaluate=false",
    "--output.tensorboard=false",
    "--output.image_ticks=1000",
    "--data.resolution=32",
)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "RANK", local_launcher.PARENT, local_launcher.RENDEZVOUS):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("cores", "batch", "expected"),
    [(2, 8, 2), (2, 7, 1), (3, 8, 2), (6, 9, 3), (16, 32, 8), (1, 8, 1), (64, 6, 6), (4, 1, 1)],
)
def test_auto_is_as_many_as_there_are_cores_and_the_batch_divides(
    monkeypatch: pytest.MonkeyPatch, cores: int, batch: int, expected: int
) -> None:
    monkeypatch.setattr(local_launcher, "usable_cores", lambda: cores)
    assert local_launcher.chosen_processes("auto", "cpu", batch) == expected


def test_a_resumed_run_keeps_its_number_and_a_gpu_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_launcher, "usable_cores", lambda: 8)
    assert local_launcher.chosen_processes("auto", "cpu", 8, before=2) == 2
    assert local_launcher.chosen_processes("4", "cpu", 8, before=2) == 4
    assert local_launcher.chosen_processes("auto", "cpu", 32, before=16) == 8  # a run from a larger machine
    assert local_launcher.chosen_processes("auto", "cuda", 8, before=2) == 1
    assert local_launcher.chosen_processes("auto", "cuda:0", 8) == 1
    monkeypatch.setattr(local_launcher, "accelerator", lambda: "cuda")
    assert local_launcher.chosen_processes("auto", "auto", 8) == 1
    assert local_launcher.chosen_processes("auto", "cpu", 8) == 8


@pytest.mark.parametrize("wanted", ["0", "-1", "two", "3", ""])
def test_bad_numbers_are_refused(wanted: str) -> None:
    with pytest.raises(InputError, match="--processes"):
        local_launcher.chosen_processes(wanted, "cpu", 8)


def test_under_torchrun_only_torchrun_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert local_launcher.chosen_processes("auto", "cpu", 8) == 1
    with pytest.raises(InputError, match="torchrun"):
        local_launcher.chosen_processes("2", "cpu", 8)


def train(data: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    words = [
        "train",
        "--preset",
        "smoke",
        "--data",
        str(data),
        "--out",
        str(out),
        "--device",
        "cpu",
        *QUIET,
        *more,
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "core_model.cli.main", *words], cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip


def record(out: Path) -> RunRecord:
    return RunRecord.model_validate_json((out / "run.json").read_bytes())


def family_of(process: subprocess.Popen[str], out: Path) -> list[psutil.Process]:
    """The siblings of a trainer that has begun to step."""
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        if (out / "stats.jsonl").exists():
            return [
                p
                for p in psutil.Process(process.pid).children(recursive=True)
                if "core_model.cli.main" in p.cmdline()
            ]
        time.sleep(0.1)
    raise AssertionError(f"no step was made: {process.communicate(timeout=10)}")


def gone(processes: list[psutil.Process], within_s: float = 20.0) -> bool:
    return not psutil.wait_procs(processes, timeout=within_s)[1]


@pytest.mark.timeout(300)
def test_two_processes_train_and_a_resumed_run_has_two_again(tmp_path: Path) -> None:
    data, out = write_set(tmp_path / "set", count=8, size=32), tmp_path / "run"
    first = train(data, out, "--processes=2", "--images=48")
    said, wrong = first.communicate(timeout=200)
    assert first.returncode == 0, wrong[-2000:]
    assert said.count("finished:") == 1 and record(out).world_size == 2 and record(out).state == "finished"
    words = ["train", "--out", str(out), "--resume", "--images=64", "--device", "cpu"]
    again = subprocess.run(
        [sys.executable, "-m", "core_model.cli.main", *words], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr[-2000:]
    assert (record(out).world_size, record(out).step, record(out).resumes) == (2, 16, 1)
    assert [json.loads(line)["images"] for line in (out / "stats.jsonl").read_text().splitlines()][-1] == 64


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_siblings_compute_what_torchrun_computes(tmp_path: Path) -> None:
    data = write_set(tmp_path / "set", count=8, size=32)
    own = train(data, tmp_path / "own", "--processes=2", "--images=40", "--output.threads=1")
    assert own.wait(200) == 0
    words = [
        "--preset",
        "smoke",
        "--data",
        str(data),
        "--out",
        str(tmp_path / "torchrun"),
        "--device",
        "cpu",
        *QUIET,
    ]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "core_model.cli.main", "train", *words,
         "--images=40", "--output.threads=1"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (
        load_file(tmp_path / name / "snapshots" / "000010.state.safetensors") for name in ("own", "torchrun")
    )
    assert one.keys() == two.keys() and [name for name in one if not torch.equal(one[name], two[name])] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
@pytest.mark.parametrize("end", ["parent killed", "sibling killed", "stopped"])
def test_whoever_ends_nobody_is_left_and_the_record_says_so(tmp_path: Path, end: str) -> None:
    data, out = write_set(tmp_path / "set", count=8, size=32), tmp_path / "run"
    process = train(data, out, "--processes=2", "--images=100k", "--output.tick_images=4")
    family = family_of(process, out)
    assert len(family) == 1
    if end == "parent killed":
        process.kill()
    elif end == "sibling killed":
        family[0].kill()
    else:
        process.terminate()
    _, wrong = process.communicate(timeout=60)
    assert gone(family), "a sibling was left behind"
    if end == "sibling killed":
        assert process.returncode not in (0, None) and record(out).state == "failed"
        assert "process 1 of 2 ended with status -9" in wrong
    if end == "stopped":
        assert process.returncode == 0 and record(out).state == "stopped", wrong


LAUNCHER = (
    "-m",
    "torch.distributed.run",
    "--nnodes=1",
    "--nproc-per-node=2",
    "--rdzv-backend=c10d",
    "--rdzv-endpoint=localhost:0",
)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_the_death_of_torchrun_ends_its_trainers_and_the_directory_is_free(tmp_path: Path) -> None:
    """What Kill did before: SIGKILL to the launcher alone, whose workers are in sessions of their own."""
    data, out = write_set(tmp_path / "set", count=8, size=32), tmp_path / "run"
    words = [
        "train",
        "--preset",
        "smoke",
        "--data",
        str(data),
        "--out",
        str(out),
        "--device",
        "cpu",
        *QUIET,
        "--images=100k",
    ]
    with subprocess.Popen(
        [sys.executable, *LAUNCHER, "--max-restarts=0", "-m", "core_model.cli.main", *words, "--output.tick_images=4"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as launcher:  # fmt: skip
        family = family_of(launcher, out)
        assert len(family) == 2 and record(out).pid in [p.pid for p in family] and live_owner(out) is not None
        launcher.kill()
    assert gone(family, 10), "a trainer lives on"
    assert live_owner(out) is None


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_resumes_at_once_are_one_trainer(tmp_path: Path) -> None:
    data, out = write_set(tmp_path / "set", count=8, size=32), tmp_path / "run"
    assert train(data, out, "--processes=1", "--images=16").wait(200) == 0
    words = ["train", "--out", str(out), "--resume", "--images=4000", "--device", "cpu"]
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "core_model.cli.main", *words], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]  # fmt: skip
    until(lambda: any(p.poll() is not None for p in both), "the refusal of one of them", 200.0, pause_s=0.1)
    (refused,) = [p for p in both if p.poll() is not None]
    (other,) = [p for p in both if p is not refused]
    _, said = refused.communicate()
    assert (
        refused.returncode == 2
        and f"is in use by pid {other.pid} on host" in said
        and len(said.strip().splitlines()) == 1
    ), said
    other.terminate()
    other.communicate(timeout=60)
    assert other.returncode == 0 and record(out).state == "stopped" and record(out).resumes == 1


@pytest.mark.timeout(120)
def test_wrong_input_gives_one_line_not_one_for_each_process(tmp_path: Path) -> None:
    process = train(tmp_path / "nothing", tmp_path / "run", "--processes=2")
    said, wrong = process.communicate(timeout=100)
    assert process.returncode == 2 and len(wrong.strip().splitlines()) == 1 and "nothing" in wrong, (
        said,
        wrong,
    )
