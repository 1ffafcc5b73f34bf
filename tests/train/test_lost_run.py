"""A run whose directory is taken from under it: one line, no traceback, nothing made anew, and it goes on afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core_model.cli.main import main
from core_model.inversion.stages import LatentStage
from core_model.schema.errors import TriscopeError
from core_model.schema.run import RunRecord
from core_model.training.fit import pool
from core_model.training.fit.generator_stage import GeneratorStage
from core_model.training.fit.run import run_fit
from core_model.training.gan import step as step_module
from core_model.training.gan.run import resumed_config, run_training
from tests.small_disk import fill, make_read_only, small_disk
from tests.train.balls import ball_truth
from tests.train.gan_data import tiny_config, write_set
from tests.train.test_fit import TINY
from tests.train.test_invert import SETTINGS
from tests.train.test_invert import photo as photo  # a fixture

AT = 7
"""Step at which it happens: a tick, a picture and a snapshot follow within a few."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("data") / "set")


def ended_by(out: Path, data: Path, monkeypatch: pytest.MonkeyPatch, happen: Any) -> str:
    """The line with which the run ends after `happen()`."""
    real = step_module.GanStep.run

    def step(self: step_module.GanStep, done: int, *rest: Any) -> step_module.StepReport:
        if done == AT:
            happen()
        return real(self, done, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(step_module.GanStep, "run", step)
        with pytest.raises(TriscopeError) as caught:
            run_training(out, tiny_config(data), device="cpu")
    line = str(caught.value)
    assert "\n" not in line and str(out) in line and ".part" not in line
    return line


def test_a_removed_directory_ends_the_run_and_is_not_made_anew(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    line = ended_by(out, data, monkeypatch, lambda: shutil.rmtree(out))
    assert "is gone: the run ends at step" in line and not out.exists()


def test_a_directory_that_became_read_only_ends_the_run(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "disk", 16 << 10) as disk:
        line = ended_by(disk / "run", data, monkeypatch, lambda: make_read_only(disk))
        assert "Read-only file system" in line and "--resume goes on" in line


def test_a_full_disk_ends_the_run_and_room_lets_it_go_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "disk", 16 << 10) as disk:
        out, filler = disk / "run", disk / "filler"
        line = ended_by(out, data, monkeypatch, lambda: fill(disk, left=2 << 10))
        assert "the disk is full" in line and "--resume goes on" in line
        filler.unlink()
        assert not list(out.rglob(".*.part"))
        for state in out.glob("snapshots/*.state.safetensors"):
            assert state.stat().st_size > 10_000
        cfg = resumed_config(out, [])
        assert run_training(out, cfg, resume=True, device="cpu") == "finished"
        record = RunRecord.model_validate_json((out / "run.json").read_bytes())
        assert record.state == "finished" and record.step == cfg.steps


Run = Callable[[Path], object]
"""Begins a run in a directory, or goes on with the one that is there."""


@pytest.fixture(params=["fit", "invert"])
def other(
    request: pytest.FixtureRequest, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Run, type, Callable[[Any], None]]:
    """The other trainers: (begin, stage, `arrange(happen)`: before its third step `happen()` is called, once)."""
    monkeypatch.setattr(pool, "head_truth", ball_truth)
    kind = GeneratorStage if request.param == "fit" else LatentStage

    def fit(out: Path) -> object:
        resume = (out / "config.json").exists()
        return run_fit(out, TINY.replace(tick_steps=1, save_every=1, steps=8), resume=resume)

    def invert(out: Path) -> object:
        base = str(photo.parent / "base.safetensors")
        line = ["invert", str(photo), base, "--out", str(out), *SETTINGS, "--tick-steps=1", "--save-steps=1"]
        status = main(["invert", "--out", str(out), "--resume"] if (out / "config.json").exists() else line)
        if status:
            raise TriscopeError(str(status))
        return status

    def arrange(happen: Any) -> None:
        real, calls = kind.advance, [0]

        def advance(self: Any) -> dict[str, float]:
            calls[0] += 1
            if calls[0] == 3:
                happen()
            return real(self)

        monkeypatch.setattr(kind, "advance", advance)

    return (fit if request.param == "fit" else invert), kind, arrange


def line_of(run: Run, out: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a run ends that lost its directory."""
    with pytest.raises(TriscopeError) as caught:
        run(out)
    told = capsys.readouterr().err.strip().splitlines()
    line = told[-1].removeprefix("triscope: ") if str(caught.value).isdecimal() else str(caught.value)
    assert (
        "\n" not in line and str(out) in line and ".part" not in line and "Traceback" not in "\n".join(told)
    )
    return line


def test_a_removed_directory_ends_fit_and_invert(
    other: tuple[Run, type, Callable[[Any], None]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _, arrange = other
    out = tmp_path / "run"
    arrange(lambda: shutil.rmtree(out))
    assert "is gone: the run ends at step" in line_of(run, out, capsys) and not out.exists()


def test_a_read_only_directory_ends_fit_and_invert(
    other: tuple[Run, type, Callable[[Any], None]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _, arrange = other
    with small_disk(tmp_path / "disk", 64 << 10) as disk:
        arrange(lambda: make_read_only(disk))
        line = line_of(run, disk / "run", capsys)
        assert "Read-only file system" in line and "--resume goes on" in line
        assert not list((disk / "run").rglob(".*.part"))


def test_a_full_disk_ends_fit_and_invert_and_room_lets_them_go_on(
    other: tuple[Run, type, Callable[[Any], None]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _, arrange = other
    with small_disk(tmp_path / "disk", 64 << 10) as disk:
        out = disk / "run"
        arrange(lambda: fill(disk, left=2 << 10))
        line = line_of(run, out, capsys)
        assert "the disk is full" in line and "--resume goes on" in line
        assert not list(out.rglob(".*.part"))
        (disk / "filler").unlink()
        run(out)
        record = RunRecord.model_validate_json((out / "run.json").read_bytes())
        assert record.state == "finished" and not record.error
