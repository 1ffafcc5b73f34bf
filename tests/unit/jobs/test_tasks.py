"""Long work in processes of its own.

Progress, report, failure, pause, cancel, and found again by the next window.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from viewer.jobs.tasks import Task, Tasks


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tasks:
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path / "config ü"))
    return Tasks()


def until(tasks: Tasks, task_id: str, condition: Callable[[Task], bool], timeout_s: float = 60.0) -> Task:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        tasks.poll(time.monotonic())
        view = tasks.get(task_id)
        if view is not None and condition(view):
            return view
        time.sleep(0.05)
    raise AssertionError(f"task did not get there: {tasks.get(task_id)}")


def test_a_task_is_done_and_is_found_again(tasks: Tasks, tmp_path: Path) -> None:
    out = tmp_path / "a head's.ply"
    folder = tasks.new_folder()
    arguments = ("mesh", "analytic:sphere", "--out", str(out), "--resolution", "48", "--json")
    task_id = tasks.start("mesh", "Sphere", arguments, out, folder)
    view = until(tasks, task_id, lambda t: t.ended)
    assert view.state == "done", view.message
    assert out.stat().st_size > 1000 and view.fraction == 1.0
    assert view.forecast is not None and view.report is not None and view.report["files"]
    assert view.command.startswith("triscope mesh analytic:sphere --out ")
    assert [t.record.id for t in tasks.take_ended()] == [task_id]

    later = Tasks()
    later.poll(time.monotonic())
    again = later.get(task_id)
    assert again is not None and again.state == "done" and again.report == view.report
    later.remove(task_id)
    assert not folder.exists() and out.exists()


def test_a_failed_task_says_why(tasks: Tasks, tmp_path: Path) -> None:
    task_id = tasks.start(
        "mesh", "Nothing", ("mesh", "analytic:sphre", "--out", str(tmp_path / "a.ply")), tmp_path / "a.ply"
    )
    view = until(tasks, task_id, lambda t: t.ended)
    assert view.state == "failed" and "sphre" in view.message


def test_pause_and_cancel_leave_no_file(tasks: Tasks, tmp_path: Path) -> None:
    out = tmp_path / "big.ply"
    task_id = tasks.start(
        "mesh", "Large", ("mesh", "analytic:sphere", "--out", str(out), "--resolution", "1024", "--json"), out
    )
    until(tasks, task_id, lambda t: t.state == "running" and t.fraction > 0)
    tasks.pause(task_id, True)
    until(tasks, task_id, lambda t: t.state == "paused")
    tasks.pause(task_id, False)
    until(tasks, task_id, lambda t: t.state == "running")
    tasks.cancel(task_id)
    assert until(tasks, task_id, lambda t: t.ended).state == "cancelled"
    assert not list(tmp_path.glob("*.ply*"))
