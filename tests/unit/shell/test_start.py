"""The start of the window: what it imports, and what it says without a display."""

from __future__ import annotations

import subprocess
import sys


def test_the_first_frame_imports_nothing_heavy():
    heavy = ("torch", "numpy", "pydantic", "OpenGL", "PIL", "psutil")
    code = f"import viewer.shell.app, sys; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_whole_window_imports_no_torch():
    code = "import viewer.shell.app, viewer.shell.frame_loop, viewer.tour.script, viewer.gl.presenter, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_no_display_is_one_clear_line_and_status_2():
    code = "import sys; from viewer.__main__ import main; sys.exit(main([]))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin", "HOME": "/tmp"},
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "there is no display" in done.stderr
