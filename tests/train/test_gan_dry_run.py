"""`triscope train --dry-run`: a chart, a forecast, and no training; the ablations and options that no other test turns on."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest
import torch
from PIL import Image

from core_model.schema.train_presets import PRESETS
from core_model.training.gan import measure
from core_model.training.gan.forecast import calibrated, forecast
from core_model.training.gan.measure import Measured, StageTime
from tests.cli.command import triscope
from tests.train.gan_data import tiny_config, write_set
from viewer.jobs.command import forecast_words


def test_dry_run_draws_and_forecasts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "dry"
    done = triscope(
        capsys, "train", "--preset", "smoke", "--out", out, "--dry-run", "--images=1M", "--device=cpu"
    )
    assert done.status == 0, done.err
    for word in (
        "Rendering resolution",
        "R1 gamma",
        "B_target",
        "1,000,000 images",
        "parameters",
        "GiB",
        "hours",
        "within a factor",
    ):
        assert word in done.out, word
    with Image.open(out / "schedule.png") as chart:
        assert chart.width > 1000 and len(set(chart.convert("L").resize((64, 64)).tobytes())) > 3
    assert sorted(p.name for p in out.iterdir()) == ["schedule.png"]


def stage(number: int, step_s: float) -> StageTime:
    return StageTime(stage=number, step_s=step_s, picture_s=0.01)


def test_real_steps_take_the_place_of_the_estimate() -> None:
    cfg = PRESETS.get("smoke")
    plain = forecast(cfg, torch.device("cpu"), world=2)
    assert plain.measured == 0 and plain.pictures_s == 0
    count = len(plain.stages)
    whole = calibrated(plain, Measured(stages=tuple(stage(i, 0.5) for i in range(count))), cfg)
    grids = 8 * (96 / 16 / 2 + 1) + 16 * (
        96 / 16 / 3 + 1
    )  # images of the sample grids and of the evaluations
    assert whole.measured == count and whole.pictures_s == pytest.approx(0.01 * grids)
    assert whole.seconds == pytest.approx(0.5 * cfg.steps + whole.pictures_s)
    one = calibrated(
        plain, Measured(stages=(stage(1, 4 * cfg.batch / plain.stages[1].images_s), stage(99, 1.0))), cfg
    )
    ratios = [s.seconds / p.seconds for s, p in zip(one.stages, plain.stages, strict=True)]
    assert one.measured == 1 and ratios == pytest.approx([4] * count)
    assert calibrated(plain, Measured(why_not="no step ended"), cfg) == plain


def test_the_steps_that_are_timed_lie_in_their_stage() -> None:
    stages = (
        (0, 500, 8, 16),
        (900, 1050, 8, 16),
        (1050, 1200, 8, 16),
        (0, 16, 4, 4),
        (72, 80, 4, 4),
        (80, 81, 4, 1),
    )
    for start, stop, batch, interval in stages:
        plain, penalised = measure.chosen_steps(start, stop, batch, interval)
        assert start <= plain * batch < stop and (plain % interval or interval == 1), (start, stop)
        assert penalised is None or (start <= penalised * batch < stop and penalised % interval == 0), (
            start,
            stop,
        )
    assert measure.chosen_steps(900, 1050, 8, 16) == (122, 128)


@pytest.mark.parametrize(
    "real", [False, pytest.param(True, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
def test_a_dry_run_measures_just_what_would_be_trained_and_remembers_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real: bool
) -> None:
    """real: by steps of the trainer, else by a process that says in their place what they would."""
    monkeypatch.setenv(measure.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(measure, "LIMIT_S", 400.0)  # of a machine that is busy with other tests
    started: list[list[str]] = []
    start = measure.start_tied
    says = "".join(f"print({stage(i, 0.25).model_dump_json()!r})\n" for i in range(7))

    def begin(command: list[str], *more: object, **options: object) -> object:
        started.append(command)
        wrong = "no such set" in " ".join(command)
        said = "import sys; sys.exit('triscope: no such set')" if wrong else says
        return start(command if real else [sys.executable, "-c", said], *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(measure, "start_tied", begin)
    words = (
        "train",
        "--preset",
        "smoke",
        "--data",
        write_set(tmp_path / "set", size=32),
        "--out",
        tmp_path / "dry",
        "--device=cpu",
    )
    done = triscope(capsys, *words, "--processes", "2", "--dry-run")
    assert done.status == 0, done.err
    assert "2 processes, cpu, measured on this machine: real steps of 7 of 7 stages" in done.out, done.out
    assert forecast_words(done.out).startswith(
        "about "
    ) and " 2 processes, cpu, measured on this machine" in forecast_words(done.out)
    (command,) = started
    assert command[3:13] == ["train", *map(str, words[1:]), "--processes", "2"] and "--dry-run" not in command
    assert sorted(p.name for p in (tmp_path / "dry").iterdir()) == ["schedule.png"], (
        "nothing else is left there"
    )
    again = triscope(capsys, *words, "--processes=2", "--dry-run", "--output.tick_images=32")
    assert again.status == 0 and "measured on this machine" in again.out and len(started) == 1, "remembered"
    other = triscope(capsys, *words, "--processes=1", "--dry-run", "--data", tmp_path / "no such set")
    assert other.status == 0 and len(started) == 2
    assert "1 process, cpu, estimated" in other.out and "no such set" in other.out


@pytest.mark.timeout(100)
def test_a_measurement_that_takes_too_long_ends_with_all_its_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    words = [
        "--preset",
        "smoke",
        "--data",
        str(write_set(tmp_path / "set", size=32)),
        "--out",
        str(tmp_path / "r"),
        "--device=cpu",
    ]
    found = measure._try([*words, "--dry-run"], 2, 1.5, [0])
    assert found.stages == () and "no step ended within 2 s" in found.why_not
    assert not [
        p
        for p in psutil.Process().children(recursive=True)
        if p.pid not in before and p.status() != psutil.STATUS_ZOMBIE
    ]


def test_mistakes_end_with_status_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for args, said in (
        (("--preset", "smok", "--dry-run"), "smoke"),
        (("--preset", "smoke", "--optim.generatr_lr=1", "--dry-run"), "optim.generator_lr"),
        (("--preset", "smoke", "--out", tmp_path / "r"), "data"),
        (("--preset", "smoke", "--data", tmp_path / "none.zip", "--out", tmp_path / "r"), "none.zip"),
        (("--resume", "--out", tmp_path / "r"), "nothing to resume"),
        (("--preset", "smoke", "--device", "tpu", "--dry-run"), "device"),
    ):
        done = triscope(capsys, "train", *args)
        assert done.status == 2 and said in done.line
    assert not (tmp_path / "r").exists()


def test_forecast_follows_the_schedule() -> None:
    cfg = PRESETS.get("ffhq512")
    made = forecast(cfg, torch.device("cpu"), world=16)
    assert sum(made.generator.values()) > 30e6 and made.judges["discriminator"] > 28e6
    by_size = {s.values.resolution: s for s in made.stages if not s.values.propose}
    assert by_size[128].gflop > 2 * by_size[64].gflop
    proposed = next(s for s in made.stages if s.values.propose and s.values.resolution == 128)
    trained = next(s for s in made.stages if s.values.propose and s.values.resolution == 512)
    assert trained.gflop > proposed.gflop and made.memory_gib < 200
    assert made.seconds == pytest.approx(sum(s.seconds for s in made.stages))


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", ["no sampler", "unstratified", "dual", "bf16", "recompute", "micro", "no labels"]
)
def test_options_train(change: str, tmp_path: Path) -> None:
    from core_model.training.gan.run import run_training

    cfg = tiny_config(write_set(tmp_path / "set"), images=6)
    s = cfg.schedule
    cfg = cfg.replace(schedule=s.replace(supervise=1, propose=1, resolution=12))
    changed = {
        "no sampler": lambda: cfg.replace(
            render=cfg.render.replace(sampler=False), loss=cfg.loss.replace(surface=0)
        ),
        "unstratified": lambda: cfg.replace(render=cfg.render.replace(stratified=False, robust=False)),
        "dual": lambda: cfg.replace(discriminator=cfg.discriminator.replace(dual=True, pose_noise=0.5)),
        "bf16": lambda: cfg.replace(optim=cfg.optim.replace(precision="bf16")),
        "recompute": lambda: cfg.replace(render=cfg.render.replace(checkpoint_rays=50)),
        "micro": lambda: cfg.replace(microbatch=1),
        "no labels": lambda: cfg.replace(
            data=cfg.data.replace(labels=False), network=cfg.network.replace(c_dim=0)
        ),
    }[change]()
    assert run_training(tmp_path / "run", changed, device="cpu") == "finished"
    log = (tmp_path / "run" / "log.txt").read_text()
    assert "moved nothing" not in log and (tmp_path / "run" / "snapshots" / "000003.safetensors").is_file()
