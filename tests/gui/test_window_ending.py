"""A window that is ended from outside ends properly: signals, a terminal that closes, a display that goes away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.house.sources import ROOT
from viewer.shell.autosave import LAST, Autosave
from viewer.tour.virtual_display import some_display

pytestmark = [
    pytest.mark.gui,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals"),
]
PATIENCE_S = 150.0


class Window:
    """The real command on an analytic shape, with settings of its own."""

    def __init__(self, config: Path, display: str) -> None:
        self.sessions = config / "sessions"
        env = {**os.environ, "TRISCOPE_CONFIG_DIR": str(config), "DISPLAY": display}
        command = [sys.executable, "-m", "core_model.cli.main", "view", "analytic:sphere"]
        # a shell's background job ignores Ctrl+C, and its children with it
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        self.own = self.sessions / f"{self.process.pid}.json"
        self._until(self.own.exists, "the view to be written down")
        self.family = psutil.Process(self.process.pid).children(recursive=True)
        assert self.family, "no render process"

    def end(self) -> tuple[int, str]:
        """(exit status, what it said) once it has ended; its processes are gone."""
        try:
            said = self.process.communicate(timeout=PATIENCE_S)[1]
        finally:
            self.process.kill()
        gone, left = psutil.wait_procs(self.family, timeout=10)
        for process in left:
            process.kill()
        assert not left
        return self.process.returncode, said

    def _until(self, condition, what: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.process.poll() is None, self.process.communicate()[1]
            if time.monotonic() > end:
                self.process.kill()
                raise AssertionError(f"waited for {what}")
            time.sleep(0.05)


def kept_properly(config: Path) -> bool:
    """What the next window finds: the last view, and no crash."""
    found = Autosave(config).found
    return found is not None and not found.crashed and found.document.checkpoint == "analytic:sphere"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_ends_the_window_as_its_cross_does(name: str, display: str, tmp_path: Path) -> None:
    window = Window(tmp_path, display)
    window.process.send_signal(signal.Signals[name])
    status, said = window.end()
    assert status == 128 + signal.Signals[name]
    assert "Traceback" not in said
    assert kept_properly(tmp_path) and (tmp_path / "preferences.json").exists()
    assert [p.name for p in window.sessions.iterdir()] == [LAST]


def test_a_log_out_that_signals_every_process_at_once(display: str, tmp_path: Path) -> None:
    window = Window(tmp_path, display)
    os.killpg(window.process.pid, signal.SIGTERM)
    assert window.end()[0] == 128 + signal.SIGTERM
    assert kept_properly(tmp_path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11 only")
def test_a_display_that_goes_away_takes_no_view_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with some_display() as own:
        window = Window(tmp_path, own)
        servers = [p for p in psutil.Process().children() if p.name() == "Xvfb"]
        max(servers, key=lambda p: p.create_time()).kill()  # the tests' own display goes on
        status, said = window.end()
    assert status == 1 and "the display went away" in said
    assert kept_properly(tmp_path)
