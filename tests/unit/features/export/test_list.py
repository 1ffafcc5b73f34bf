"""The cross of an ended export says exactly what stays."""

from __future__ import annotations

from pathlib import Path

from viewer.jobs.tasks import Task, TaskRecord, TaskState
from viewer.state.exports import forget_tip


def task(folder: Path, state: TaskState) -> Task:
    record = TaskRecord(
        id="a", kind="mesh", title="a head", arguments=(), out=str(folder / "a.ply"), begun=0.0
    )
    return Task(record, folder, state)


def test_the_cross_names_what_stays(tmp_path: Path) -> None:
    first, second = tmp_path / "a.ply", tmp_path / "b.ply"
    assert forget_tip(task(tmp_path, "done"), (str(first),)) == "Take it off this list; it has left no file"
    first.write_bytes(b"ply")
    assert forget_tip(task(tmp_path, "done"), (str(first),)) == f"Take it off this list; {first} stays"
    assert forget_tip(task(tmp_path, "failed"), (str(first),)) == "Take it off this list; it has left no file"
    second.write_bytes(b"ply")
    assert (
        forget_tip(task(tmp_path, "done"), (str(first), str(second)))
        == "Take it off this list; its 2 files stay"
    )
