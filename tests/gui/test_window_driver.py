"""What the driver of these tests leaves behind in the process that runs them."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.gui.window_driver import drive

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "undrawn", "small_pictures")]


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel through /proc")
def test_a_broken_pipe_is_no_crash_once_a_window_was_open() -> None:
    """The test engine's own handler, which Python does not know of, ended such a process at its next broken pipe."""
    drive(lambda hands: hands.settle())
    lines = Path("/proc/self/status").read_text().splitlines()
    ignored = next(int(line.split()[1], 16) for line in lines if line.startswith("SigIgn:"))
    assert ignored >> (signal.SIGPIPE - 1) & 1
