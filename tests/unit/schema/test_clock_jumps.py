"""The wall clock is set while processes run (after a sleep, by NTP): nobody is taken for dead."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from core_model.schema.processes import process_alive, started_at
from core_model.schema.run_owner import live_owner, owned


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch):
    """Sets the clock by so many seconds, as psutil and Python see it."""
    if not sys.platform.startswith("linux"):
        pytest.skip("elsewhere the system notes the time of a start, and keeps it")
    import time

    import psutil._pslinux as linux

    boot, now = linux.boot_time, time.time

    def jump(seconds: float) -> None:
        monkeypatch.setattr(linux, "boot_time", lambda: boot() + seconds)
        monkeypatch.setattr(time, "time", lambda: now() + seconds)

    return jump


@pytest.mark.parametrize("seconds", [-7200.0, 3.0, 86400.0])
def test_a_process_is_the_same_after_the_clock_was_set(clock, seconds: float) -> None:
    before, told = started_at(os.getpid()), psutil.Process().create_time()
    clock(seconds)
    assert psutil.Process().create_time() == pytest.approx(told + seconds), (
        "psutil's time moves with the clock"
    )
    assert started_at(os.getpid()) == before and process_alive(os.getpid(), before)
    assert not process_alive(os.getpid(), before - 100.0), "another start is another process"


def test_the_owner_of_a_run_stays_its_owner(clock, tmp_path) -> None:
    with owned(tmp_path):
        clock(86400.0)
        assert live_owner(tmp_path) is not None
        clock(-86400.0)
        assert live_owner(tmp_path) is not None
    assert live_owner(tmp_path) is None


def test_the_start_is_that_of_the_process_whatever_its_name(tmp_path) -> None:
    odd = tmp_path / "a) b (c"
    odd.symlink_to(sys.executable)
    with subprocess.Popen([str(odd), "-c", "input()"], stdin=subprocess.PIPE) as child:
        try:
            assert started_at(child.pid) >= started_at(os.getpid()) > 0 and process_alive(
                child.pid, started_at(child.pid)
            )
        finally:
            child.kill()
    assert started_at(child.pid) == 0.0 and not process_alive(child.pid, 0.0)


def test_records_of_earlier_builds_are_understood() -> None:
    """They hold seconds since 1970."""
    assert process_alive(os.getpid(), psutil.Process().create_time())
    assert not process_alive(os.getpid(), psutil.Process().create_time() - 100.0)
