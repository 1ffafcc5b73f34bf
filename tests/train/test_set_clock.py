"""The machine's clock is set while a run goes on: nothing lasts a negative time, the time left stays sane, the run ends as it would."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core_model.cli.main import main
from core_model.inversion.stages import LatentStage
from core_model.schema.run import RunRecord, TickRecord
from core_model.training.fit import pool
from core_model.training.fit.generator_stage import GeneratorStage
from core_model.training.fit.run import run_fit
from core_model.training.gan.run import run_training
from core_model.training.gan.step import GanStep
from tests.train.balls import ball_truth
from tests.train.gan_data import tiny_config, write_set
from tests.train.test_fit import TINY
from tests.train.test_invert import SETTINGS
from tests.train.test_invert import photo as photo  # a fixture
from viewer.runs.reader import RunReader

JUMPS = {"an hour back": -3600.0, "a day on": 86400.0}


class SetClock:
    """Stands for `time.time`; `jump` is what somebody has set it by. nudged: calls after which it was."""

    def __init__(self) -> None:
        self.jump, self._real = 0.0, time.time

    def __call__(self) -> float:
        return self._real() + self.jump


@pytest.fixture(params=JUMPS)
def by(request: pytest.FixtureRequest) -> float:
    """Seconds that the clock is set by."""
    return JUMPS[request.param]


@pytest.fixture
def set_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[type, str, int, float], SetClock]]:
    """`set_at(kind, method, call, seconds)`: the clock is set before that call of a stage's step."""

    def arrange(kind: type, method: str, call: int, seconds: float) -> SetClock:
        clock, real, calls = SetClock(), getattr(kind, method), [0]
        monkeypatch.setattr(time, "time", clock)

        def step(self: object, *rest: object) -> object:
            calls[0] += 1
            if calls[0] == call:
                clock.jump = seconds
            return real(self, *rest)

        monkeypatch.setattr(kind, method, step)
        return clock

    yield arrange


def check(run: Path, clock: SetClock, by: float) -> None:
    """What is written down, and what the window makes of it."""
    assert clock.jump == by, "the clock was never set"
    record = RunRecord.model_validate_json((run / "run.json").read_bytes())
    assert record.state == "finished" and not record.error
    assert record.started <= record.updated < record.started + 600
    ticks = [TickRecord.model_validate_json(line) for line in (run / "stats.jsonl").read_text().splitlines()]
    assert len(ticks) >= 3
    for before, after in zip(ticks, ticks[1:], strict=False):
        assert 0 <= after.wall_s - before.wall_s < 600 and 0 <= after.time - before.time < 600
        assert all(value >= 0 for value in after.speed.values())
    for line in (run / "metrics.jsonl").read_text().splitlines() if (run / "metrics.jsonl").exists() else ():
        metric = json.loads(line)
        assert 0 <= metric["seconds"] < 600 and record.started <= metric["time"] <= record.updated
    reader = RunReader(run)
    while reader.poll():
        pass
    assert reader.state == "done"
    assert 0 < reader.tick_seconds() < 600 and 0 < reader.rate() < math.inf and reader.eta_seconds() == 0


def test_a_gan_run_does_not_mind(
    by: float, set_at: Callable[[type, str, int, float], SetClock], tmp_path: Path
) -> None:
    clock = set_at(GanStep, "run", 8, by)
    assert (
        run_training(tmp_path / "run", tiny_config(write_set(tmp_path / "set")), device="cpu") == "finished"
    )
    check(tmp_path / "run", clock, by)


def test_a_fit_does_not_mind(
    by: float,
    set_at: Callable[[type, str, int, float], SetClock],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "head_truth", ball_truth)
    clock = set_at(GeneratorStage, "advance", 2, by)
    run_fit(tmp_path / "run", TINY.replace(tick_steps=1))
    check(tmp_path / "run", clock, by)


def test_an_inversion_does_not_mind(
    by: float, set_at: Callable[[type, str, int, float], SetClock], photo: Path, tmp_path: Path
) -> None:
    clock = set_at(LatentStage, "advance", 5, by)
    line = ["invert", str(photo), str(photo.parent / "base.safetensors"), "--out", str(tmp_path / "run")]
    assert main([*line, *SETTINGS]) == 0
    check(tmp_path / "run", clock, by)


def test_a_running_run_is_still_read_after_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that waited for the hour that the clock lost would show old pictures and states all that time."""
    clock = SetClock()
    monkeypatch.setattr(time, "time", clock)
    run = tmp_path / "run"
    run.mkdir()
    (run / "stats.jsonl").write_text('{"step": 1, "images": 2, "time": 1.0}\n')
    reader = RunReader(run)
    while reader.poll():
        pass
    clock.jump = -3600.0
    (run / "log.txt").touch()
    monkeypatch.setattr(time, "monotonic", lambda real=time.monotonic: real() + 30.0)
    reader.poll()
    assert "log.txt" in reader.listing.names
