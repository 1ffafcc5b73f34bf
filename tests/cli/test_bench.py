"""`triscope bench` and its scripts: verdicts, records, and that every script runs (tiny, on the CPU)."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from benchmarks import soak
from benchmarks.gpu import correctness, ffhq512, heads128, training
from benchmarks.gpu.random_model import preset_config
from benchmarks.running import Settings, percentile, spread, write_json
from core_model.cli.bench import SCRIPTS
from core_model.cli.bench_scripts import run_script, summary_of, table
from core_model.schema.bench import BenchRecord, BenchReport, BenchSummary, Quiet, measure
from core_model.schema.errors import InputError
from core_model.schema.render import RenderResult
from tests.cli.command import triscope
from tests.house.sources import ROOT

TINY = Settings(checkpoint="analytic:sphere", threads=1, quick=True, device="cpu", preset="tiny")


@pytest.mark.parametrize(
    ("value", "better", "aim", "met"),
    [
        (9.0, "lower", 10.0, True),
        (10.0, "lower", 10.0, True),
        (11.0, "lower", 10.0, False),
        (11.0, "higher", 10.0, True),
        (9.9, "higher", 10.0, False),
        (None, "higher", 10.0, None),
        (5.0, "higher", None, None),
    ],
)
def test_verdicts(value: float | None, better: str, aim: float | None, met: bool | None) -> None:
    assert measure("a", "A", "ms", value, better=better, aim=aim).met is met  # type: ignore[arg-type]


def record(name: str, others: float, value: float | None) -> BenchRecord:
    quiet = Quiet(quiet=others < 6, others_before=others, others_after=0.0, waited_s=0.0, limit=6.0)
    figures = (measure("a", f"time of {name}", "ms", value, aim=10.0, plain=40.0),)
    return BenchRecord(name=name, title=name, created="now", quiet=quiet, measures=figures)


def test_summary_says_whether_the_machine_was_quiet() -> None:
    quiet = summary_of([record("one", 1.0, 5.0), record("two", 2.0, 25.0)], {}, 1.0, False)
    busy = summary_of([record("one", 1.0, 5.0), record("two", 60.0, 5.0)], {}, 1.0, False)
    assert quiet.quiet and not busy.quiet and not summary_of([], {"one": "died"}, 1.0, False).quiet
    assert "not quiet" in table(busy) and "not quiet" not in table(quiet)


def test_table_shows_value_aim_verdict_and_plain_path() -> None:
    records = [record("fast", 0.0, 5.0), record("slow", 0.0, 25.0), record("lost", 0.0, None)]
    lines = table(summary_of(records, {}, 1.0, False)).splitlines()
    assert "5 ms" in lines[1] and "≤ 10" in lines[1] and " met " in lines[1] and lines[1].endswith("40")
    assert "missed" in lines[2] and "not measured" in lines[3]


def test_percentiles_and_spread() -> None:
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.5) == 2.0 and percentile([3.0, 1.0], 0.95) == 3.0
    assert spread([1.0, 2.0, 6.0]) == {
        "median": 2.0,
        "mean": 3.0,
        "p95": 6.0,
        "min": 1.0,
        "max": 6.0,
        "count": 3.0,
    }


def test_results_are_strict_json_and_whole(tmp_path: Path) -> None:
    write_json(tmp_path / "deep" / "a.json", {"x": float("inf"), "y": (1, 2.5)})
    assert json.loads((tmp_path / "deep" / "a.json").read_text()) == {"x": None, "y": [1, 2.5]}
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a.json"]


def test_unknown_script_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = triscope(capsys, "bench", "--only", "orbbit", "--out", tmp_path)
    assert done.status == 2 and "orbit" in done.line and not list(tmp_path.iterdir())


def test_every_script_is_there() -> None:
    assert all((ROOT / "benchmarks" / f"{name}.py").is_file() for name in SCRIPTS)


def test_the_papers_frame_is_counted_as_by_hand() -> None:
    """512², probe 128² × 192, 17.6 samples per ray: rows 2 to 15 of Table A5 and the MLP of Table A2."""
    frame = RenderResult(width=512, height=512, evaluated_per_pixel=17.6, probe_per_pixel=192 / 16)
    found = ffhq512.flops(preset_config("ffhq512"), frame)
    small = (197 + 4 * 256) * 256 * 128**2  # rows 2 to 6
    middle = 3 * 256 * 256 * 256**2  # rows 7 to 9
    large = (2 * 256 * 191 + 191 * 256 + 2 * 256 * 256) * 512**2  # rows 10 to 15
    assert found["proposal network"] == pytest.approx(18 * (small + middle + large) / 1e12)
    # 71·128 + 128·128 + 128·66 multiply-adds a point (spec toolchain §7: 67,840 FLOP)
    assert found["field"] == pytest.approx(67_840 * 29.6 * 512**2 / 1e12)
    # the 2.5 TFLOP counts rows 6 and 9 after their doubling; here they run before it
    assert 2.1 < sum(found.values()) < 2.5


def test_gpu_scripts_agree_with_themselves_on_the_cpu() -> None:
    found = correctness.body(TINY)
    figures = {m.name: m for m in found.measures}
    assert figures["off_learned_robust"].value == 0.0 and figures["off_importance"].value == 0.0
    assert figures["cancelled"].met and figures["tiles_differ"].met


def test_gpu_speed_script_measures_every_stage() -> None:
    found = ffhq512.body(TINY)
    figures = {m.name: m.value for m in found.measures}
    assert all(v is not None and v > 0 for v in figures.values())
    assert {"probe", "proposal", "samples", "field", "composite"} <= set(found.details["stages_ms"]["bf16"])
    assert set(found.details["proposal_network_ms"]) == {
        "fp32_nchw", "bf16_nchw", "fp32_channels_last", "bf16_channels_last",
    }  # fmt: skip


def test_gpu_training_script_measures_every_kind_of_step() -> None:
    found = training.body(dataclasses.replace(TINY, preset="smoke"))
    figures = {m.name: m.value for m in found.measures}
    assert set(figures) == {
        "images_s_16",
        "images_s_16_supervised",
        "images_s_32_supervised",
        "images_s_32_by_proposals",
    }
    assert all(v is not None and v > 0 for v in figures.values())
    assert {"generator", "discriminator"} <= set(found.details["stages"]["16"]["phases_ms"])


@pytest.mark.parametrize("script", ["correctness", "ffhq512", "training", "heads128"])
def test_gpu_scripts_end_in_one_line_without_a_gpu(script: str) -> None:
    """Imported and refused, whatever this machine has: the devices are hidden."""
    command = [
        sys.executable,
        "-m",
        f"benchmarks.gpu.{script}",
        *([] if script == "heads128" else ["--wait", "0"]),
    ]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    )
    assert done.returncode == 2 and "no accelerator here" in done.stderr and "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if "accelerator" in line]) == 1


def test_gpu_script_names_an_unknown_preset() -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.gpu.ffhq512",
        "--device",
        "cpu",
        "--preset",
        "huge",
        "--wait",
        "0",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "tiny" in done.stderr and "Traceback" not in done.stderr


def test_the_gpu_command_names_what_it_needs_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu", "--out", str(tmp_path / "a.json")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    )
    assert done.returncode == 2 and "no accelerator here" in done.stderr and not list(tmp_path.iterdir())
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_gpu_command_writes_everything_into_one_file(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    command = [
        sys.executable,
        "-m",
        "benchmarks.gpu",
        "--device",
        "cpu",
        "--quick",
        "--wait",
        "0",
        "--out",
        str(out),
    ]
    done = subprocess.run([*command, "--minutes", "14"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = BenchReport.model_validate_json(out.read_text())
    assert (
        set(report.records) == {"correctness", "ffhq512", "training"} and report.quick and not report.failed
    )
    assert len(report.measures) == sum(len(r.measures) for r in report.records.values()) > 10


def test_a_script_that_takes_too_long_is_ended_and_named() -> None:
    words = ["--device", "cpu", "--preset", "tiny", "--quick", "--wait", "60"]
    record, problem = run_script(ROOT, "gpu.ffhq512", words, limit_s=0.5)
    assert record is None and problem == "took longer than 0.5 s"


def test_growth_is_that_after_the_warm_up() -> None:
    """Of what is held: the least in the first and last quarter of what follows the first fifth."""
    assert soak.growth([100.0, 300.0, *[400.0] * 8]) == 1.0
    assert soak.growth([100.0, 100.0, *[200.0] * 4, *[300.0] * 4]) == 1.5
    assert soak.growth([100.0, 100.0, *[900.0, 200.0] * 2, *[300.0, 900.0] * 2]) == 1.5
    assert soak.more([5.0] * 10) == 0.0 and soak.more([5.0] * 9 + [9.0]) == 2.0
    assert soak.growth([1.0]) is None and soak.more([]) is None


def test_a_life_that_was_not_lived_is_no_figure() -> None:
    found = {m.name: m for m in soak.measures_of("day", (5, 5, 5), None, "no display")}
    assert found["day_done"].value is None and found["day_done"].note == "no display"
    assert all(m.value is None and m.met is None for m in found.values())
    sample = {
        "window_mb": 100.0,
        "worker_mb": 200.0,
        "handles": 4.0,
        "threads": 2.0,
        "segments": 1.0,
        "children": 1.0,
    }
    samples = [sample] * 6 + [sample | {"worker_mb": 300.0, "handles": 6.0}] * 4
    life = {"samples": samples, "done": [5, 4, 5], "left": {"processes": 0, "segments": 1}}
    found = {m.name: m for m in soak.measures_of("day", (5, 5, 5), life, "")}
    assert found["day_done"].met is False and found["day_done"].note == "5 of 5, 4 of 5, 5 of 5"
    assert found["day_window"].met and found["day_worker"].value == 1.5 and not found["day_worker"].met
    assert (
        found["day_handles"].value == 2.0
        and "handles +2" in found["day_handles"].note
        and found["day_left"].value == 1
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_soak_quickly(tmp_path: Path) -> None:
    out = tmp_path / "soak.json"
    command = [sys.executable, "-m", "benchmarks.soak", "--quick", "--wait", "0", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = BenchRecord.model_validate_json(out.read_text())
    figures = {m.name: m.value for m in found.measures}
    assert {name: life["done"] for name, life in found.details.items()} == {
        k: list(v) for k, v in soak.QUICK.items()
    }
    assert figures["storm_broken"] == 0 and all(figures[f"{name}_left"] == 0 for name in soak.QUICK)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_whole_bench_quickly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = triscope(
        capsys,
        "bench",
        "--quick",
        "--wait",
        0,
        "--threads",
        1,
        "--checkpoint",
        "analytic:sphere",
        "--out",
        tmp_path,
    )
    assert done.status == 0, done.err
    assert {p.stem for p in tmp_path.iterdir()} == {*SCRIPTS, "summary"}
    summary = BenchSummary.model_validate_json((tmp_path / "summary.json").read_text())
    assert summary.quick and not summary.failed and all(m.met is None for m in summary.measures)
    names = {m.name for m in summary.measures}
    assert {
        "first_frame",
        "orbit_fps",
        "full_ms",
        "learned_speedup",
        "learned_psnr",
        "field_fp32",
        "worker_peak",
    } <= names
    for name in SCRIPTS:
        found = BenchRecord.model_validate_json((tmp_path / f"{name}.json").read_text())
        assert found.quick and found.threads == 1 and found.machine["processor"] and "torch" in found.versions


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_gpu_training_goes_on_from_its_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a smoke run on one machine, the rest on another that gets the packed folder only, bit for bit
    the run in one go.
    """
    monkeypatch.setattr(heads128, "PIECE", 1 << 16)
    options = heads128._parser().parse_args
    line = ["--quick", "--device", "cpu", "--minutes", "10"]
    heads128.train(
        options([*line, "--run", str(tmp_path / "one" / "run"), "--pack", str(tmp_path / "whole")])
    )
    (tmp_path / "two").mkdir()
    shutil.copy(tmp_path / "one" / "heads128.zip", tmp_path / "two" / "heads128.zip")
    early = sorted((tmp_path / "one" / "run" / "snapshots").glob("[0-9]*.state.safetensors"))
    assert len(early) == 2  # the newest states are kept
    early[1].rename(tmp_path / "last")
    heads128.pack(tmp_path / "one" / "run", tmp_path / "half")
    assert len(list((tmp_path / "half").glob("*.piece*"))) > 1
    heads128.train(options([*line, "--run", str(tmp_path / "two" / "run"), "--from", str(tmp_path / "half")]))
    again = tmp_path / "two" / "run" / "snapshots" / early[1].name
    one, two = load_file(tmp_path / "last"), load_file(again)
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    with pytest.raises(InputError, match="pieces"):
        heads128.unpack(tmp_path, tmp_path / "none")


ENDED = """
import signal, subprocess, sys, time
from benchmarks.running import at_once
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
with at_once(2) as pool:
    for _ in range(3):
        pool.submit(subprocess.run, [sys.executable, "-c", "import time; time.sleep(300)"])
    print("up", flush=True)
    time.sleep(300)
"""


def test_a_benchmark_that_waits_for_processes_ends_with_them_at_once() -> None:
    """Its pool of threads would wait for each of them."""
    with subprocess.Popen(
        [sys.executable, "-c", ENDED], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as script:
        assert script.stdout is not None and script.stdout.readline() == "up\n"
        family = psutil.Process(script.pid).children(recursive=True)
        script.terminate()
        assert script.wait(30) == 143
    assert not psutil.wait_procs(family, timeout=10)[1]
