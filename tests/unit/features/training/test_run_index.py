"""The runs that the Training workspace knows: list, followed readers, snapshots, queue places, what is chosen."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests.unit.runs.synthetic import Plan, write_foreign, write_native
from tests.waiting import until
from viewer.features.training.run_index import RunIndex
from viewer.jobs import supervisor, waiting
from viewer.jobs.errands import Errands
from viewer.jobs.run_rows import RunRow
from viewer.runs.selection import Selection
from viewer.state.workspace import SnapshotWatch, run_of

PLAN = Plan(ticks=12)


def test_the_list_holds_native_and_foreign_runs_and_says_what_is_wrong_with_a_folder(tmp_path: Path) -> None:
    write_native(tmp_path / "runs" / "a", PLAN, state="failed")
    write_foreign(tmp_path / "runs" / "00012-eg3d", PLAN)
    (tmp_path / "runs" / "empty").mkdir()
    index = RunIndex()
    index.look_in((str(tmp_path / "runs"), str(tmp_path / "gone")))
    index.look()
    rows = {row.name: row for row in index.rows}
    assert set(rows) == {"a", "00012-eg3d"}
    assert (
        rows["a"].state == "failed"
        and not rows["a"].foreign
        and not rows["a"].alive
        and 0 < rows["a"].share < 1
    )
    assert rows["00012-eg3d"].foreign and rows["00012-eg3d"].state == "running"
    assert "gone" in index.faults[str(tmp_path / "gone")]


def test_followed_runs_are_read_and_the_others_let_go(tmp_path: Path) -> None:
    woken: list[int] = []
    paths = tuple(write_native(tmp_path / name, PLAN) for name in "ab")
    index = RunIndex(wake=lambda: woken.append(1))
    index.start((str(tmp_path),))
    try:
        until(lambda: len(index.rows) == 2, "the list")
        index.follow(paths)
        until(
            lambda: all((r := index.reader(p)) is not None and len(r.scalars) == 12 for p in paths),
            "both runs",
        )
        first = index.reader(paths[0])
        index.follow(paths[:1])
        assert index.reader(paths[0]) is first and index.reader(paths[1]) is None
        assert woken
        write_native(tmp_path / "c", PLAN)
        index.look_again()
        until(lambda: len(index.rows) == 3, "the new run")
    finally:
        index.stop()


def test_places_in_the_queue_count_only_living_jobs_of_the_same_device(tmp_path: Path) -> None:
    def ticket(order: int, devices: list[str], run: str, pid: int = os.getpid()) -> None:
        text = json.dumps(
            {"pid": pid, "started": supervisor.started_at(os.getpid()), "devices": devices, "run": run}
        )
        (tmp_path / f"{order:020d}-{pid}.json").write_text(text)

    ticket(1, ["cuda:0"], "first")
    ticket(2, ["cuda:0", "cuda:1"], "second")
    ticket(3, ["cuda:1"], "third")
    ticket(4, ["cpu"], "alone")
    ticket(5, ["cpu"], "dead", pid=2**22 - 1)
    (tmp_path / "6.json").write_text("{torn")
    assert waiting.places(tmp_path) == {"second": 1, "third": 1}
    assert waiting.places(tmp_path / "none") == {}


def test_foreign_runs_tell_their_state_without_being_followed(tmp_path: Path) -> None:
    plan = Plan(ticks=40, start=time.time() - 40 * 37.0)
    run = write_foreign(tmp_path / "00001-eg3d", plan)
    (tmp_path / "00002-empty").mkdir()
    (tmp_path / "00002-empty" / "log.txt").write_text("no statistics\n")
    index = RunIndex()
    index.look_in((str(tmp_path),))

    def row(name: str = run.name) -> RunRow:
        index.look()
        return next(row for row in index.rows if row.name == name)

    shown = row()
    assert (
        shown.foreign
        and shown.state == "running"
        and shown.alive
        and shown.images == (160_000, plan.total)
        and not index.poller.runs
    )
    assert shown.share == pytest.approx(160_000 / plan.total) and row("00002-empty").state is None
    for quiet, said in ((20 * 60, "stalled"), (3 * 86400, "lost")):
        for path in run.iterdir():
            os.utime(path, (time.time() - quiet, time.time() - quiet))
        assert row().state == said
    with open(run / "log.txt", "a") as log:
        log.write("Exiting...\n")
    assert row().state == "done" and not row().alive
    whole = (run / "stats.jsonl").read_bytes()
    for cut in range(0, len(whole), max(1, len(whole) // 23)):
        (run / "stats.jsonl").write_bytes(whole[:cut])
        assert row().state == "done"


def test_run_of_a_checkpoint() -> None:
    assert run_of("/r/run/snapshots/000480.safetensors") == Path("/r/run")
    assert run_of("/r/eg3d/network-snapshot-000200.pkl") == Path("/r/eg3d")
    assert run_of("analytic:sphere") is None and run_of("/x/demo.safetensors") is None and run_of("") is None


def test_the_newest_snapshot_is_due_only_while_it_is_followed(tmp_path: Path) -> None:
    run = write_native(tmp_path / "run", PLAN, pictures=3)
    watch = SnapshotWatch()
    until(lambda: len(watch.watch(run)) == 3, "snapshots")
    first, last = str(watch.snapshots[0].path), str(watch.snapshots[-1].path)
    assert watch.place_of(first) == 0 and watch.place_of("analytic:sphere") == -1
    assert watch.due(first, "") == ""
    watch.follow = True
    assert watch.due(first, "") == last and watch.due(first, "busy") == "" and watch.due(last, "") == ""
    assert watch.due("analytic:sphere", "") == "", "another checkpoint is not replaced"
    (run / "snapshots" / "999999.safetensors").write_bytes(b"new")
    until(lambda: len(watch.watch(run)) == 4, "the new snapshot")
    assert watch.due(last, "").endswith("999999.safetensors")


def test_colours_stay_with_their_run_and_missing_runs_are_dropped() -> None:
    view = Selection()
    a, b, c = Path("/a"), Path("/b"), Path("/c")
    for run in (a, b):
        view.tick(run, True)
        view.colour_of(run)
    view.tick(a, False)
    assert view.colour_of(b) == 1
    view.tick(c, True)
    assert view.colour_of(c) == 0, "the colour that nobody shows is free"
    view.choose(a)
    assert view.followed == (b, c, a) and view.compared == (b, c)
    view.drop_missing({c})
    assert view.ticked == [c] and view.chosen is None
    view.tick(c, False)
    assert view.compared == ()


def test_errands_tell_what_went_wrong() -> None:
    woken: list[int] = []
    errands = Errands(wake=lambda: woken.append(1))

    def fail() -> None:
        raise OSError("disk full")

    errands.run("Writing", fail)
    errands.run("Looking", lambda: None)
    found: dict[str, str] = {}
    until(
        lambda: (found.update({o.what: o.error for o in errands.take()}), len(found) == 2)[1], "both errands"
    )
    assert found == {"Writing": "disk full", "Looking": ""} and len(woken) == 2
    assert errands.under_way == ()


@pytest.mark.parametrize("name", ["run.json", "job.json", "stats.jsonl", "config.json", "metrics.jsonl"])
def test_torn_files_never_break_the_list(tmp_path: Path, name: str) -> None:
    run = write_native(tmp_path / "a", PLAN)
    (run / "job.json").write_text(
        json.dumps({"id": "1", "backend": "local", "run": str(run), "argv": ["x"], "submitted": 1.0})
    )
    whole = (run / name).read_bytes()
    index = RunIndex()
    index.look_in((str(tmp_path),))
    for cut in range(0, len(whole), max(1, len(whole) // 23)):
        (run / name).write_bytes(whole[:cut])
        index.look()
        assert [row.name for row in index.rows] == ["a"] and not index.faults
