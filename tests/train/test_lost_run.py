"""A run whose directory is taken from under it: one line, no traceback, nothing made anew, and it goes on afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from core_model.schema.errors import TriscopeError
from core_model.schema.run import RunRecord
from core_model.training.gan import step as step_module
from core_model.training.gan.run import resumed_config, run_training
from tests.small_disk import fill, make_read_only, small_disk
from tests.train.gan_data import tiny_config, write_set

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
