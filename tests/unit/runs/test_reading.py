"""Readers of run directories.

Incremental, exact, and never beaten by torn, cut, replaced or hostile files.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from pathlib import Path

import numpy as np
import pytest

from core_model.schema.run import ControlRequest
from core_model.schema.run_lines import parse_block
from tests.unit.runs.synthetic import START, Plan, foreign_line, line, tick, write_foreign, write_native
from viewer.jobs import job_service
from viewer.runs.facts import facts, settings
from viewer.runs.files import picture_name
from viewer.runs.job_record import JobRecord
from viewer.runs.log import Log
from viewer.runs.pictures import decode
from viewer.runs.reader import RunReader
from viewer.runs.run_health import current_alarms
from viewer.runs.tail import FileTail


def read(run: Path) -> RunReader:
    reader = RunReader(run)
    settle(reader)
    return reader


def settle(reader: RunReader) -> None:
    reader.look_again()
    while reader.poll():
        pass


class CountingTail(FileTail):
    """Counts the bytes that are taken in."""

    taken = 0

    def _take(self, block: bytes) -> tuple[bytes, ...]:
        self.taken += len(block)
        return super()._take(block)


def test_a_native_run_is_read_whole(tmp_path: Path) -> None:
    plan = Plan(ticks=120)
    reader = read(write_native(tmp_path / "run", plan))
    assert len(reader.scalars) == 120 and reader.scalars.bad_lines == 0 and not reader.is_foreign
    for i in (0, 57, 119):
        one = tick(plan, i)
        assert reader.scalars.series["loss/G"].values[i] == one.losses["loss/G"]
        assert reader.scalars.series["schedule/resolution"].values[i] == one.schedule["resolution"]
        assert reader.scalars.images.view[i] == one.images and reader.scalars.step.view[i] == one.step
    assert reader.scalars.time.view[-1] == pytest.approx(119 * plan.tick_s)
    assert reader.rate() == pytest.approx(plan.images_per_tick / plan.tick_s)
    assert reader.eta_seconds() == pytest.approx((plan.total - 480_000) / reader.rate())
    assert reader.table_of("fid") is not reader.scalars and len(reader.table_of("fid").series["fid"]) == 8
    assert set(reader.listing.pictures) == {"fakes", "fakes depth"} and len(reader.listing.snapshots) == 8
    assert any("resolution" in m.text for m in reader.marks())
    assert reader.record is not None and reader.record.preset == "heads128"


def test_a_foreign_run_is_read_whole(tmp_path: Path) -> None:
    plan = Plan(ticks=100)
    reader = read(write_foreign(tmp_path / "run", plan))
    assert reader.is_foreign and reader.images_total() == plan.total and reader.images_done() == 400_000
    r1 = reader.scalars.series["Loss/r1_penalty"]
    assert len(r1) == 25 and np.isfinite(r1.values).all(), "lazy values that were not measured are no NaN"
    assert r1.rows[:3].tolist() == [0, 4, 8]
    assert not reader.alarms.alarms
    fid = reader.table_of("fid50k_full")
    assert len(fid.series["fid50k_full"]) == 6
    assert fid.step.view[0] == pytest.approx(fid.images.view[0] / plan.images_per_tick - 1)
    assert reader.listing.pictures["fakes"][0].number == 64 and set(reader.listing.pictures) == {
        "fakes",
        "fakes depth",
        "reals",
    }
    assert reader.state == "running", "what was written just now is alive"
    for path in (tmp_path / "run").iterdir():
        os.utime(path, (START, START))
    assert read(tmp_path / "run").state == "lost"


def test_growth_is_followed_without_reading_again(tmp_path: Path) -> None:
    path = tmp_path / "stats.jsonl"
    tail, seen = CountingTail(path), []
    assert tail.read() == tail.read() and tail.offset == 0
    for i in range(200):
        with open(path, "a") as file:
            file.write(
                f'{{"step": {i}}}\n' if i % 3 else f'{{"step": {i}'
            )  # every third line arrives in two parts
            if not i % 3:
                file.flush()
                seen += tail.read().lines
                file.write("}\n")
        seen += tail.read().lines
    assert [json.loads(one)["step"] for one in seen] == list(range(200))
    assert tail.taken == path.stat().st_size


def test_a_copy_that_is_renamed_over_is_continued_and_another_file_is_not(tmp_path: Path) -> None:
    path, new = tmp_path / "stats.jsonl", tmp_path / "new"
    path.write_text("".join(f"line {i}\n" for i in range(1000)))
    tail = CountingTail(path)
    assert len(tail.read().lines) == 1000
    new.write_text("".join(f"line {i}\n" for i in range(1010)))
    os.replace(new, path)
    again = tail.read()
    assert again.lines == tuple(f"line {i}".encode() for i in range(1000, 1010)) and not again.restarted
    new.write_text("".join(f"other {i}\n" for i in range(2000)))
    os.replace(new, path)
    other = tail.read()
    assert other.restarted and len(other.lines) == 2000
    path.write_text("short\n")
    assert tail.read().lines == (b"short",)
    path.unlink()
    gone = tail.read()
    assert gone.fault and not gone.restarted
    path.write_text("short\nmore\n")
    assert tail.read().lines == (b"more",)


def test_space_that_is_not_filled_yet_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "stats.jsonl"
    text = b"".join(b'{"step": %d}\n' % i for i in range(50))
    path.write_bytes(text[:300] + b"\0" * (len(text) - 300))
    tail = FileTail(path)
    first = tail.read().lines
    path.write_bytes(text)
    os.utime(path, (1, 1))
    assert b"\n".join([*first, *tail.read().lines]) + b"\n" == text


def test_a_line_without_end_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer.runs.tail.LINE_LIMIT", 1000)
    path = tmp_path / "stats.jsonl"
    tail, lines = FileTail(path), []
    for part in (b"first\n", b"x" * 900, b"x" * 900, b"x" * 900 + b"\nlast\n"):
        with open(path, "ab") as file:
            file.write(part)
        lines += tail.read().lines
    assert lines == [b"first", b"last"] and tail.dropped == 1


def test_the_last_line_counts_as_soon_as_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "stats.jsonl"
    path.write_text('{"step": 1, "a": 1}\n{"step": 2, "a": 2}')
    reader = read(tmp_path)
    assert reader.scalars.series["a"].values.tolist() == [1, 2]
    with open(path, "a") as file:
        file.write('\n{"step": 3, "a": 3')
    settle(reader)
    with open(path, "a") as file:
        file.write("3}\n")
    settle(reader)
    assert reader.scalars.series["a"].values.tolist() == [1, 2, 33]


def test_a_resumed_run_forgets_what_it_does_again(tmp_path: Path) -> None:
    path = tmp_path / "stats.jsonl"
    rows = [{"step": s, "time": START + t, "a": t} for t, s in enumerate([0, 1, 2, 3, 4, 2, 3, 4, 5])]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[:4]))
    reader = read(tmp_path)
    with open(path, "a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows[4:])
    settle(reader)
    assert reader.scalars.step.view.tolist() == [0, 1, 2, 3, 4, 5]
    assert reader.scalars.series["a"].values.tolist() == [0, 1, 5, 6, 7, 8]
    assert [(m.step, m.kind) for m in reader.scalars.marks] == [(1, "resume")]


def test_random_damage_to_every_file_never_stops_a_reader(tmp_path: Path) -> None:
    rng = random.Random(0)
    for foreign in (False, True):
        run = tmp_path / f"run{foreign}"
        (write_foreign if foreign else write_native)(run, Plan(ticks=20))
        if not foreign:
            _write_the_rest(run)
        names = [p for p in run.rglob("*") if p.is_file()]
        assert foreign or {p.name for p in names} >= {
            "stats.jsonl",
            "config.json",
            "run.json",
            "job.json",
            "control.json",
            "console.txt",
        }
        whole = {p: p.read_bytes() for p in names}
        live = RunReader(run)
        kinds = list(
            {(p.suffix, p.name if p.suffix in (".json", ".jsonl", ".txt") else ""): p for p in names}.values()
        )
        for turn in range(2 * len(kinds)):
            path = kinds[turn % len(kinds)]
            data, kind = whole[path], rng.randrange(6)
            cut = rng.randrange(len(data) + 1)
            middle = bytes(rng.randrange(256) for _ in range(30))
            damaged = (
                data[:cut],
                data[:cut] + middle + data[cut:],
                data[cut:],
                b"[" * 9999,
                data + data[:cut],
                b"",
            )[kind]
            path.write_bytes(damaged)
            settle(live)
            fresh = read(run)
            for reader in (live, fresh):
                for name in reader.names():
                    table = reader.table_of(name)
                    curve = table.curve(name, "images", 0.0, 1e9, 50, 0.5)
                    assert len(curve.x) == len(curve.low) == len(curve.smooth) and np.all(
                        np.diff(curve.x) >= 0
                    )
                reader.marks(), reader.eta_seconds(), reader.record, reader.job
                facts(reader), settings(reader), current_alarms(reader), job_service.find(run)
                for pictures in reader.listing.pictures.values():
                    shown = decode(pictures[0], (64, 64))
                    assert (shown.pixels is None) == bool(shown.fault)
            path.write_bytes(data)
        settle(live)
        assert len(live.scalars) == 20, "a mended run is whole again"


def _write_the_rest(run: Path) -> None:
    """What stands beside the trainer's own words: the job, a wish, the console, events, the resume state."""
    job = JobRecord(
        id="1", backend="local", run=str(run), argv=("x",), submitted=1.0, ended=2.0, exit_status=1
    )
    (run / "job.json").write_text(job.model_dump_json())
    (run / "control.json").write_text(ControlRequest(id="1", action="stop", time=1.0).model_dump_json())
    (run / "console.txt").write_text(
        "Traceback (most recent call last):\n  File 'a.py', line 1\nValueError: no\n"
    )
    (run / "tensorboard").mkdir()
    (run / "tensorboard" / "events.out.tfevents.1.host").write_bytes(bytes(range(256)))
    (run / "snapshots" / "000480.state.pt").write_bytes(bytes(2000))


def test_directories_that_vanish_and_strange_contents(tmp_path: Path) -> None:
    run = write_native(tmp_path / "run", Plan(ticks=16))
    reader = read(run)
    run.rename(tmp_path / "away")
    settle(reader)
    assert len(reader.scalars) == 16 and "run directory" in reader.fault
    version, said = reader.version, reader.fault
    for _ in range(5):  # nothing new is to be drawn, however often it is looked at
        reader.look_again()
        reader.poll()
        assert (reader.version, reader.fault) == (version, said)
    (tmp_path / "away").rename(run)
    (run / "run.json").unlink()
    (run / "run.json").mkdir()
    (run / "images" / "x000001.png").mkdir()
    os.symlink("nowhere", run / "images" / "y000001.png")
    os.symlink(run, run / "snapshots" / "000009.safetensors")
    settle(reader)
    assert reader.fault == "" and len(reader.listing.snapshots) == 8


def test_odd_numbers_and_names() -> None:
    lines = [
        b'{"step": 1, "a": NaN, "b": Infinity, "c": 1e999, "huge": 1' + b"0" * 400 + b"}",
        b'{"step": 2, "a": null, "b": "nan", "c": true, "text": "hello", "list": [1, 2]}',
        b'{"step": 3, "a": 5, "deep": {"x": {"y": 7}}, "\xc3\xa4/\xe6\x97\xa5": 1}',
        b"not json", b"[1, 2]", b"17", b"", b'{"step": 4,', b"\xff\xfe",
    ]  # fmt: skip
    block = parse_block(lines)
    assert block.count == 3 and block.bad == 5
    assert math.isnan(block.columns["a"].values[0]) and block.columns["a"].rows.tolist() == [0, 2]
    assert block.columns["b"].values[0] == math.inf and block.columns["huge"].values[0] == math.inf
    assert block.columns["c"].values[1] == 1.0 and block.columns["deep/x/y"].values.tolist() == [7]
    assert (
        block.columns["list/1"].values.tolist() == [2]
        and "ä/日" in block.columns
        and block.texts["text"] == [(1, "hello")]
    )


def test_foreign_means_of_nothing_are_left_out() -> None:
    block = parse_block([json.dumps(foreign_line(Plan(), i)).encode() for i in range(8)])
    assert block.columns["Loss/r1_penalty"].rows.tolist() == [0, 4] and block.bad == 0


def test_the_log_finds_errors_and_whole_tracebacks() -> None:
    log = Log()
    log.add(
        (
            b"tick 1",
            b"\x1b[31mwarning: slow\x1b[0m",
            b"10%\r50%\r100% done",
            b"Traceback (most recent call last):",
            b'  File "x.py", line 3, in f',
        )
    )
    log.add((b"    g()", b"ValueError: bad \xff value", b"tick 2"))
    assert [line.text for line in log.lines][1:3] == ["warning: slow", "100% done"]
    assert log.lines[1].level == "warn" and log.last_error().splitlines()[-1] == "ValueError: bad � value"
    assert log.tracebacks[0][0] == 4 and len(log.tracebacks[0][1].splitlines()) == 4
    assert [line.number for line in log.find("TICK")] == [1, 8] and [
        line.level for line in log.find("", True)
    ] == ["error", "error"]


def test_picture_names() -> None:
    assert picture_name("fakes000200") == ("fakes", 200) and picture_name("fakes000200_depth") == (
        "fakes depth",
        200,
    )
    assert picture_name("000400") == ("samples", 400) and picture_name("reals") == ("reals", -1)


def test_a_million_points_are_read_and_drawn_quickly(tmp_path: Path) -> None:
    count = 100_000
    with open(tmp_path / "stats.jsonl", "w") as file:
        file.writelines(
            f'{{"step":{i},"images":{i * 32},"time":{START + i},"loss/G":{math.sin(i / 999):.5f}}}\n'
            for i in range(count)
        )
    began = time.process_time()
    reader = read(tmp_path)
    assert len(reader.scalars) == count
    assert time.process_time() - began < 8.0
    reader.scalars.curve("loss/G", "images", 0, count * 32, 1200, 0.99)
    began = time.process_time()
    for i in range(50):
        reader.scalars.curve("loss/G", "images", i * 1000, count * 32 - i * 1000, 1200, 0.99)
    assert (time.process_time() - began) / 50 < 0.02


def test_native_lines_are_those_of_the_schema(tmp_path: Path) -> None:
    """What the generator of these tests writes is what the trainer's own record reads back."""
    from core_model.schema.run import TickRecord

    one = tick(Plan(), 3)
    assert TickRecord.model_validate_json(line(one)) == one
