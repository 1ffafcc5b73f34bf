"""Alarms of the issue's list, each on a run directory that has its trouble, and the jump to its moment."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.runs.synthetic import Plan, line, record, tick, write_native
from tests.unit.runs.test_reading import read
from viewer.runs.alarms import Alarm
from viewer.runs.reader import RunReader
from viewer.runs.run_health import alarms_of, current_alarms
from viewer.runs.selection import Selection
from viewer.runs.states import this_host

TICKS, TROUBLE = 60, 40


def troubled(
    run: Path, losses: dict[str, float] | None = None, speed: dict[str, float] | None = None, **more: Any
) -> RunReader:
    """A run whose lines from TROUBLE on say `losses`, `speed` and `more` as well; before, their calm counterparts."""
    write_native(run, Plan(ticks=2))
    plan = Plan(ticks=TICKS)
    calm = {
        "loss/G": 1.0,
        "sign/real": 0.3,
        "sign/fake": -0.3,
        "beta": 0.01,
        "depth_std": 0.1,
        "sampler/entropy": 3.0,
        "data_ms": 1.0,
    }
    with open(run / "stats.jsonl", "w") as file:
        for i in range(TICKS):
            one = tick(plan, i)
            bad = i >= TROUBLE
            own = {k: (v if bad else calm[k]) for k, v in (losses or {}).items()}
            pace = {k: (v if bad else calm[k]) for k, v in (speed or {}).items()}
            changed = one.replace(losses=one.losses | own, speed=one.speed | pace, **(more if bad else {}))
            file.write(line(changed) + "\n")
    return read(run)


@pytest.mark.parametrize(
    ("key", "title", "trouble"),
    [
        ("nan", "NaN or infinite", {"losses": {"loss/G": float("nan")}}),
        ("saturated", "Discriminator saturated", {"losses": {"sign/real": 1.0, "sign/fake": -1.0}}),
        ("beta", "Beta collapsed", {"losses": {"beta": 1e-4}}),
        ("flat", "Flat depth", {"losses": {"depth_std": 0.01}}),
        ("entropy", "Sampler entropy collapsed", {"losses": {"sampler/entropy": 0.2}}),
        ("loader", "Loader stalled", {"speed": {"data_ms": 300.0}}),
        ("gradients", "Gradients not finite", {"bad_steps": 3}),
    ],
)
def test_trouble_in_the_curves_raises_its_alarm_and_the_jump_shows_its_moment(
    tmp_path: Path, key: str, title: str, trouble: Any
) -> None:
    run = troubled(tmp_path / "run", **trouble)
    found = [a for _, a in alarms_of([run])]
    assert [a.active for a in found] == [key != "gradients"], (
        "counted steps that were skipped are over as soon as none comes after them"
    )
    assert [(a.key.split(":")[0], a.title, a.row) for a in found] == [(key, title, TROUBLE)]
    jumps(run, found[0])


def jumps(run: RunReader, alarm: Alarm) -> None:
    """The charts show the moment in every unit of x, and the run and its pictures are chosen."""
    for axis, at in (("images", alarm.images), ("steps", alarm.step), ("time", alarm.time)):
        view = Selection(axis=axis)  # type: ignore[arg-type]
        view.jump(run, alarm)
        assert (
            view.window is not None
            and view.window[0] <= at <= view.window[1]
            and view.window[1] - view.window[0] < 0.2 * (at + 1) + 1e9
        )
        assert view.chosen == run.path and view.go_to == "charts"
        assert view.moment is not None and (view.moment.step, view.moment.images) == (
            alarm.step,
            alarm.images,
        )


def test_silence_of_a_living_process_is_an_alarm(tmp_path: Path) -> None:
    plan = Plan(ticks=30, start=time.time() - 86400)
    path = write_native(tmp_path / "run", plan, pid=os.getpid(), host=this_host())
    long_ago = time.time() - 80_000
    for file in path.iterdir():
        os.utime(file, (long_ago, long_ago))
    run = read(path)
    assert run.state == "stalled"
    (alarm,) = current_alarms(run)
    assert alarm.key == "stalled" and alarm.images == 120_000
    jumps(run, alarm)


def test_a_failure_says_the_last_line_of_its_traceback(tmp_path: Path) -> None:
    path = write_native(tmp_path / "run", Plan(ticks=30), state="failed")
    with open(path / "log.txt", "a") as log:
        log.write(
            'Traceback (most recent call last):\n  File "loop.py", line 7, in step\nRuntimeError: out of memory\n'
        )
    run = read(path)
    (alarm,) = current_alarms(run)
    assert (alarm.title, alarm.detail, alarm.row) == ("Run failed", "RuntimeError: out of memory", 29)
    jumps(run, alarm)


def test_a_disk_that_will_be_full_is_told_in_time(tmp_path: Path) -> None:
    plan = Plan(ticks=75, start=time.time() - 75 * 37.0)
    path = write_native(tmp_path / "run", plan, pid=os.getpid(), host=this_host())
    (path / "snapshots" / "009999.safetensors").write_bytes(b"\0" * (8 << 20))
    run = read(path)
    assert run.disk_free > 0 and run.bytes_needed() == pytest.approx(3 * run.listing.total_bytes), (
        "a quarter is done"
    )
    run.disk_free = run.bytes_needed() + 1
    assert not current_alarms(run)
    run.disk_free = run.bytes_needed() - 1
    (alarm,) = current_alarms(run)
    assert alarm.key == "disk" and "MB" in alarm.detail
    jumps(run, alarm)
    elsewhere = json.dumps(record(plan, path, host="another-machine").model_dump())
    (path / "run.json").write_text(elsewhere)
    other = read(path)
    other.disk_free = 0.0
    assert not current_alarms(other), (
        "this machine's disk says nothing about a mounted copy of another one's run"
    )
