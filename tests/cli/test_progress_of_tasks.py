"""Whatever the window starts as a task tells it how far it is: a bar that stands at nothing for an hour says that it hangs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from viewer.state.export_settings import COMMANDS

OTHERS = ("mesh", "invert", "data", "photos", "film", "fit", "metrics", "samplers")


@pytest.mark.parametrize("command", sorted({*COMMANDS.values(), *OTHERS}))
def test_a_command_that_the_window_starts_reports_its_progress(command: str) -> None:
    tree = ast.parse(Path("core_model/cli", f"{command}.py").read_text())
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "progress"]
    assert calls, f"triscope {command} never opens `progress`"
    used = [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.Name) and n.id == "update" and isinstance(n.ctx, ast.Load)
    ]
    assert used, f"triscope {command} opens a bar and never moves it"
