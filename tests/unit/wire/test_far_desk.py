"""Runs on a far machine over a plain command: read by offsets, listed, steered, started; the line may break at any time."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core_model.schema.errors import InputError, TriscopeError
from core_model.schema.processes import started_at
from core_model.schema.run import ControlRequest
from tests.unit.runs.synthetic import Plan, line, tick, write_foreign, write_native
from tests.waiting import until
from viewer.jobs import job_service
from viewer.jobs.backend import Resources
from viewer.jobs.command import CommandLine
from viewer.jobs.desk import LocalDesk
from viewer.monitor.options import far_runs, parsed
from viewer.runs.pictures import decode
from viewer.runs.reader import RunReader
from viewer.runs.source import FarPath
from viewer.wire import desk_link, far_desk
from viewer.wire.desk_link import DeskLink
from viewer.wire.far_desk import FarDesk

ROOT = Path(__file__).parents[3]
WORKER = f"{shlex.quote(sys.executable)} -m core_model.cli.main worker"
FAR = f"sh -c {shlex.quote(f'cd {shlex.quote(str(ROOT))} && exec {WORKER}')}"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_link, "DELAYS_S", (0.1, 0.2))
    monkeypatch.setattr(far_desk, "LOOK_S", 0.02)


@contextlib.contextmanager
def reached(command: str = FAR) -> Iterator[tuple[DeskLink, FarDesk]]:
    link = DeskLink(command)
    try:
        link.first(30.0)
        yield link, FarDesk(link.line)
    finally:
        link.close()


def settle(reader: RunReader) -> None:
    if isinstance(reader.source, far_desk.FarSource):
        reader.source.forget()
    reader.look_again()
    while reader.poll():
        pass


def read(desk: FarDesk, run: Path) -> RunReader:
    path = desk.path(str(run))
    reader = RunReader(path, desk.source(path))
    settle(reader)
    return reader


def test_a_far_run_is_read_as_one_of_this_machine(tmp_path: Path) -> None:
    native = write_native(tmp_path / "a", Plan(ticks=150, nan_at=90), state="stopped")
    foreign = write_foreign(tmp_path / "00012-eg3d", Plan(ticks=60))
    with reached() as (_, desk):
        for run in (native, foreign):
            far, near = read(desk, run), RunReader(run)
            settle(near)
            assert isinstance(far.path, FarPath) and far.name == near.name
            assert list(far.names()) == list(near.names()) and len(far.scalars) == len(near.scalars) > 0
            for name, series in near.scalars.series.items():
                assert np.array_equal(far.scalars.series[name].values, series.values, equal_nan=True)
            assert far.metrics.keys() == near.metrics.keys()
            assert far.state == near.state and far.record == near.record and far.config == near.config
            assert [one.text for one in far.logs["log.txt"].lines] == [
                x.text for x in near.logs["log.txt"].lines
            ]
            assert len(far.alarms.alarms) == len(near.alarms.alarms)
            assert far.listing.total_bytes == near.listing.total_bytes
            assert [s.number for s in far.listing.snapshots] == [s.number for s in near.listing.snapshots]
            assert far.disk_free > 0
            for group, pictures in near.listing.pictures.items():
                there, here = far.listing.pictures[group][-1], pictures[-1]
                shown = decode(there, (64, 64), far.source)
                assert shown.pixels is not None and not shown.fault
                assert np.array_equal(shown.pixels, decode(here, (64, 64)).pixels)  # type: ignore[arg-type]


def test_of_a_file_of_50_mb_only_what_is_new_travels(tmp_path: Path) -> None:
    run = write_native(tmp_path / "run", Plan(ticks=3))
    stats, rng = run / "stats.jsonl", np.random.default_rng(0)
    losses = [f"loss/{i}" for i in range(100)]

    def written(step: int) -> bytes:
        values = dict(zip(losses, rng.normal(size=100).tolist(), strict=True))
        row = {"step": step, "images": 64 * step, "wall_s": 2.0 * step, "time": 1e9 + step, "losses": values}
        return json.dumps(row).encode() + b"\n"

    with stats.open("wb") as file:
        steps = 0
        while file.tell() < 50_000_000:
            file.write(written(steps := steps + 1))
    (run / "log.txt").write_bytes(b"one more line of text that is long enough\n" * 1_200_000)
    with reached() as (link, desk):
        reader = read(desk, run)
        first = link.bytes_in
        assert len(reader.scalars) == steps
        assert reader.logs["log.txt"].skipped > 45_000_000
        assert first < 30_000_000, "statistics compressed, and of the log only its end"
        print(f"{first} bytes for 100 MB")
        with stats.open("ab") as file:
            file.writelines(written(steps + 1 + i) for i in range(5))
        settle(reader)
        assert len(reader.scalars) == steps + 5
        assert reader.logs["log.txt"].count < 40_000
        assert link.bytes_in - first < 30_000, "only the end is new"
        again = link.bytes_in
        for _ in range(20):
            settle(reader)
        assert link.bytes_in - again < 30_000, "nothing is new"


def test_a_run_that_is_written_while_it_is_watched(tmp_path: Path) -> None:
    run = write_native(tmp_path / "run", Plan(ticks=5), state="running")
    with reached() as (_, desk):
        reader = read(desk, run)
        for i in range(5, 40):
            text = f"{line(tick(Plan(), i))}\n".encode()
            with (run / "stats.jsonl").open("ab") as file:
                file.write(text[: len(text) // 2])
                file.flush()
                if i % 4 == 0:
                    settle(reader)
                file.write(text[len(text) // 2 :])
            settle(reader)
            assert len(reader.scalars) == i + 1 and reader.scalars.bad_lines == 0
        (run / "stats.jsonl").write_text("".join(f"{line(tick(Plan(seed=2), i))}\n" for i in range(3)))
        settle(reader)
        assert len(reader.scalars) == 3, "a replaced file starts again"


def test_the_list_tells_only_what_changed(tmp_path: Path) -> None:
    for i in range(30):
        write_native(tmp_path / f"run{i:02}", Plan(ticks=8), state="stopped")
    write_foreign(tmp_path / "00012-eg3d", Plan(ticks=8))
    near = LocalDesk()
    with reached() as (link, desk):
        folders = (str(tmp_path), str(tmp_path / "gone"))
        first = desk.list_runs(folders)
        assert len(first.rows) == 31 and "gone" in first.faults[folders[1]]
        here = near.list_runs(folders)
        assert [(r.name, r.state, r.share, r.record, r.glance) for r in first.rows] == [
            (r.name, r.state, r.share, r.record, r.glance) for r in here.rows
        ]
        assert all(isinstance(r.path, FarPath) for r in first.rows)
        before = link.bytes_in
        assert desk.list_runs(folders).rows == first.rows
        assert link.bytes_in - before < 2000
        record = json.loads((tmp_path / "run07" / "run.json").read_text())
        (tmp_path / "run07" / "run.json").write_text(json.dumps(record | {"state": "failed"}))
        states = {r.name: r.state for r in desk.list_runs(folders).rows}
        assert states["run07"] == "failed" and states["run08"] == "stopped" and len(states) == 31


def test_wishes_arrive_and_jobs_start_there(tmp_path: Path) -> None:
    run = write_native(tmp_path / "run", Plan(ticks=5), state="running")
    with reached() as (_, desk):
        for action in ("pause", "continue", "snapshot", "stop"):
            wish = desk.request(desk.path(str(run)), action)
            told = ControlRequest.model_validate_json((run / "control.json").read_bytes())
            assert told == wish and told.action == action
        assert desk.facts().why_not("local") == "" and desk.facts().folder.endswith("runs")
        taken = desk.free_name(desk.path(str(tmp_path)), "run")
        assert str(taken) == (tmp_path / "run-2").as_posix()
        assert desk.is_run(desk.path(str(run))) and not desk.is_run(taken)
        line = CommandLine(("train", "--preset", "no-such-preset", "--data", "x.zip", "--out", str(taken)))
        desk.start(taken, line, "local", Resources(devices=("cpu",)))
        there = tmp_path / "run-2"
        until(lambda: (f := job_service.find(there)) is not None and f.state == "failed", "the job to end")
        job = job_service.find(there)
        assert job is not None and job.job is not None and job.job.exit_status == 2
        assert job.job.argv[0] == sys.executable and job.job.argv[3:5] == ("train", "--preset")
        assert job.job.argv[job.job.argv.index("--data") + 1] == str(ROOT / "x.zip"), (
            "paths are those over there"
        )
        with pytest.raises(TriscopeError, match="not a training"):
            desk.start(taken, CommandLine(("worker",)), "local", Resources())
        with pytest.raises(TriscopeError, match="no job"):
            desk.kill(desk.path(str(run)))
        assert desk.host().sample().ram_total > 0
        assert desk.data(str(tmp_path / "none")).fault == "no such file"


def test_after_a_broken_line_reading_goes_on_where_it_was(tmp_path: Path) -> None:
    run = write_native(tmp_path / "run", Plan(ticks=40))
    with reached() as (link, desk):
        reader = read(desk, run)
        assert len(reader.scalars) == 40
        pid = link.pid
        os.killpg(pid, signal.SIGKILL)
        until(lambda: desk.trouble, "the line to be missed", pause_s=0.0)
        until(lambda: not desk.trouble, "another line")
        before = link.bytes_in
        with (run / "stats.jsonl").open("ab") as file:
            file.write(f"{line(tick(Plan(), 40))}\n".encode())
        settle(reader)
        assert len(reader.scalars) == 41 and len(reader.alarms.alarms) >= 0
        assert link.bytes_in - before < 20_000, "what was read is not read again"
        os.killpg(link.pid, signal.SIGSTOP)  # the far side hangs: nothing here waits for ever
        stopped = link.pid
        began = time.monotonic()
        from viewer.wire import desk_line

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(desk_line, "CALL_S", 0.5)
            with pytest.raises(OSError, match="no answer within"):
                link.line.call(far_desk.d.IsRun(path="/"), far_desk.d.SeenPath, 0.5)
        assert time.monotonic() - began < 5.0
        os.killpg(stopped, signal.SIGCONT)
    until(lambda: started_at(stopped) == 0.0, "the far worker to end")


HOSTILE = """
import sys, os, json
sys.path.insert(0, {root!r})
from viewer.wire.channel import Channel
from viewer.wire.greeting import Greeted, greeting
from viewer.wire import records as r
channel = Channel(os.dup(0), os.dup(1), lambda: os._exit(1))
channel.say(greeting())
first = Greeted()
first.read(0)
channel.start()
mark = lambda name, size=9: [name, size, 1, 0, 0]
folder = lambda *marks: dict(digest="x", files=list(marks))
look = lambda *marks: dict(folders=[folder(*marks), folder(), folder()], free=1.0, now=1.0)
ANSWERS = {{
    "name": (look(mark("/".join(("..", "b.png")))), b""),
    "separator": (look(mark("a\\\\b.png")), b""),
    "many": (look(*[mark(f"{{i}}.png") for i in range(50_001)]), b""),
    "size": (look(mark("a.png", -1)), b""),
    "fields": (dict(folders=[], free=1.0, now=1.0, run="/etc"), b""),
    "long": (dict(mark=mark("a", 99), lengths=[1 << 40]), b"x"),
    "more": (dict(mark=mark("a", 99), lengths=[300_000]), b"x" * 300_000),
    "lies": (dict(mark=mark("a", 99), lengths=[9]), b"x" * 100),
    "bomb": (dict(mark=mark("a", 99), lengths=[9], packed=True), __import__("zstandard").compress(bytes(1 << 28))),
    "deep": ("[" * 100_000, b""),
}}
for record, _ in channel.receive(first.rest):
    if isinstance(record, r.ToDesk):
        said, blob = ANSWERS[sys.argv[1]]
        text = said if isinstance(said, str) else json.dumps(said)
        channel.send(r.FromDesk(number=record.number, answer=text), [blob] if blob else [])
        channel.send(r.FromDesk(number=record.number + 1000, answer="{{}}"))
    elif isinstance(record, r.ToStop):
        channel.flush(1.0)
        break
"""


@pytest.mark.parametrize(
    "how", ("name", "separator", "many", "size", "fields", "long", "more", "lies", "bomb", "deep")
)
def test_what_a_hostile_machine_says_is_an_error_in_one_line(tmp_path: Path, how: str) -> None:
    program = tmp_path / "far.py"
    program.write_text(HOSTILE.format(root=str(ROOT)))
    with reached(f"{shlex.quote(sys.executable)} {program} {how}") as (_, desk):
        source = desk.source(FarPath("/runs/a"))
        with pytest.raises(OSError, match="understood|does not fit|compressed data") as told:
            if how in ("long", "more", "lies", "bomb"):
                source.read(FarPath("/runs/a/stats.jsonl"), (0, 9))
            else:
                source.files(FarPath("/runs/a"))
        assert "\n" not in str(told.value) and len(str(told.value)) < 500
    assert sorted(p.name for p in tmp_path.iterdir()) == ["far.py"]


def test_the_monitor_finds_the_runs_of_a_far_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_native(tmp_path / "runs" / name, Plan(ticks=3), state="stopped")
    (tmp_path / "empty").mkdir()
    options = parsed(["runs/none", "--worker", FAR, "--tab=log"])
    assert (
        options.worker == FAR
        and options.words == ("runs/none",)
        and options.runs == ()
        and options.tab == "log"
    )
    with pytest.raises(InputError, match="--worker is empty"):
        parsed(["x", "--worker", " "])
    with reached() as (_, desk):
        both = far_runs(desk, [str(tmp_path / "runs"), str(tmp_path / "runs" / "a")])
        assert sorted(path.name for path in both) == ["a", "b"] and all(isinstance(p, FarPath) for p in both)
        assert [p.name for p in far_runs(desk, [str(tmp_path / "empty")])] == ["empty"], "it may become a run"
        with pytest.raises(InputError, match="no such folder"):
            far_runs(desk, [str(tmp_path / "none")])


def test_a_far_path_is_no_file_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    path = FarPath(str(tmp_path)) / "secret"
    for use in (open, os.stat, os.listdir, os.fspath):
        with pytest.raises(TypeError):
            use(path)
    assert (path.parent / "b").name == "b" and str(path) == (tmp_path / "secret").as_posix()


def test_a_command_that_leads_nowhere_says_so() -> None:
    link = DeskLink(f"{shlex.quote(sys.executable)} -c 'raise SystemExit(\"no such host\")'")
    try:
        with pytest.raises(TriscopeError, match="no such host"):
            link.first(30.0)
    finally:
        link.close()
