"""Every process that the product starts is listed here with what ends it.

Whoever starts one ends its whole tree.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.house.sources import ROOT, Source, sources

STARTERS = {
    "Popen", "run", "call", "check_call", "check_output", "start_tied", "Process", "Pool", "ProcessPoolExecutor", "fork", "forkpty",
    "system", "posix_spawn", "spawnv", "spawnvp", "create_subprocess_exec", "execv", "popen", "startfile",
}  # fmt: skip
MENTIONS = re.compile(
    r"subprocess|multiprocessing|tied\(|ProcessPool|asyncio|\bos\.(fork|exec|spawn|posix_spawn|system|popen|startfile)"
)
BY_NAME = {"Popen", "start_tied", "ProcessPoolExecutor"}
MODULES = {"subprocess", "os", "multiprocessing", "context", "asyncio", "ctx", "mp", ""}

# tied: `start_tied` or `**tied()`, which end it with its starter (tests/unit/jobs/test_process_tree.py kills
# starters and looks). parent: a spawned process that waits for its parent's end by itself. waits: a command
# of seconds, waited for under a time limit. detached: lives on by design, with a supervisor or a person to end
# it. follows: a command of the user's that holds our streams; what it runs of ours follows us by
# FOLLOW_VARIABLE here, and by the closed stream and the silence of the line there (test_remote kills and stops).
STARTED = {
    "benchmarks/auto_sampler.py:_commands": "waits",
    "core_model/cli/bench_scripts.py:run_script": "tied",
    "core_model/data/workers.py:in_order": "parent",
    "core_model/schema/processes.py:start_tied": "tied",
    "core_model/doctor/asking.py:ask": "tied",
    "core_model/training/fit/pool.py:__init__": "parent",
    "core_model/training/gan/measure.py:_try": "tied",
    "core_model/training/common/local_launcher.py:_start": "tied",
    "viewer/jobs/batch_part.py:run": "tied",
    "viewer/jobs/supervisor.py:_run": "tied",
    "viewer/jobs/supervisor.py:detach": "detached",
    "viewer/jobs/local.py:_start_supervisor": "detached",
    "viewer/jobs/slurm.py:ask": "waits",
    "viewer/render_client/far_runs.py:_run": "tied",
    "viewer/render_client/link.py:__init__": "parent",
    "viewer/wire/command.py:__init__": "follows",
    "viewer/features/export/clipboard.py:_hand_over": "waits",
    "viewer/jobs/folders.py:show_folder": "detached",
    "viewer/shell/doctor_sheet.py:_ask": "tied",
    "viewer/tour/virtual_display.py:some_display": "tied",
    "benchmarks/drag.py:_burning": "tied",
    "benchmarks/drag_driver.py:_drag": "tied",
    "benchmarks/field_speed.py:child": "tied",
    "benchmarks/mesh_extraction.py:child": "tied",
    "benchmarks/recipes.py:_compared": "tied",
    "benchmarks/recipes.py:trained": "tied",
    "benchmarks/training_processes.py:_rates": "tied",
    "benchmarks/window_start.py:display": "tied",
    "benchmarks/window_start.py:report_of": "tied",
    "benchmarks/window_start.py:start_window": "tied",
    "benchmarks/window_start.py:seconds_of": "tied",
}


def calls(source: Source) -> Iterator[tuple[str, ast.Call]]:
    """(file:function, call) of everything that starts a process."""
    if not MENTIONS.search(source.text):
        return
    for function in ast.walk(source.tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in _own(function):
            if isinstance(node, ast.Call) and _starts(node.func):
                yield f"{source.path}:{function.name}", node


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function without those of functions in it."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _own(child)


def _starts(called: ast.expr) -> bool:
    if isinstance(called, ast.Name):
        return called.id in BY_NAME
    if not isinstance(called, ast.Attribute) or called.attr not in STARTERS:
        return False
    return isinstance(called.value, ast.Name) and called.value.id in MODULES


def test_every_process_that_is_started_is_listed() -> None:
    found = {place for s in sources("core_model", "viewer", "benchmarks", "scripts") for place, _ in calls(s)}
    assert found == set(STARTED), "say in STARTED what ends it, and see that it does"


def test_what_is_called_tied_is_tied_and_what_waits_has_a_limit() -> None:
    for source in sources("core_model", "viewer", "benchmarks", "scripts"):
        for place, call in calls(source):
            named = call.func.id if isinstance(call.func, ast.Name) else call.func.attr  # type: ignore[union-attr]
            spread = [ast.unparse(k.value) for k in call.keywords if k.arg is None]
            if STARTED[place] == "tied":
                assert named == "start_tied" or any(text.startswith("tied(") for text in spread), place
            if STARTED[place] == "waits":
                assert any(k.arg == "timeout" for k in call.keywords) or "quiet" in spread, place


HEADS = "from core_model.data.heads_dataset import write_heads_dataset as write"
CHILDREN = {
    "a display": "import os, time; os.environ.pop('DISPLAY', None); os.environ.pop('WAYLAND_DISPLAY', None)\n"
    "from viewer.tour.virtual_display import some_display\nwith some_display(): time.sleep(300)",
    "workers of a data set": f"{HEADS}\nif __name__ == '__main__': write(FOLDER / 'a.zip', count=4000, size=64, workers=2)",
    "truth of a fit": "import time; from core_model.schema.fit import FitConfig; from core_model.training.fit.pool import TruthPool\n"
    "from core_model.training.fit.truth import TruthSpec\nif __name__ == '__main__':\n"
    "    spec = TruthSpec(64, (('x', 'y'), ('x', 'z'), ('y', 'z')), 32, 64, 64, 64, 0.5)\n"
    "    pool = TruthPool(FOLDER, spec, FitConfig(workers=2)); time.sleep(300)",
    "siblings of a trainer": "import time; from core_model.training.common.local_launcher import siblings\n"
    "words = ['train', '--preset', 'smoke', '--data', 'nowhere', '--device', 'cpu', '--measure=0']\n"
    "with siblings(3, words): time.sleep(300)",
}


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes as Linux shows them")
@pytest.mark.parametrize("what", CHILDREN)
def test_the_death_of_a_starter_ends_what_it_started(what: str, tmp_path: Path) -> None:
    """SIGKILL to the starter, which cannot do anything any more.

    The jobs of the window are in tests/unit/jobs/test_process_tree.py.
    """
    script = tmp_path / "starter.py"
    script.write_text(f"from pathlib import Path\nFOLDER = Path({str(tmp_path)!r})\n{CHILDREN[what]}\n")
    wanted = 1 if what == "a display" else 2
    with subprocess.Popen(
        [sys.executable, str(script)], env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as starter:
        try:
            until = time.monotonic() + 100
            while len(children := psutil.Process(starter.pid).children(recursive=True)) < wanted:
                assert time.monotonic() < until and starter.poll() is None, f"{what}: {children}"
                time.sleep(0.1)
            time.sleep(0.5)
        finally:
            starter.kill()
    left = psutil.wait_procs([p for p in children if p.is_running()], timeout=30)[1]
    left = [p for p in left if p.status() != psutil.STATUS_ZOMBIE]
    for process in left:
        process.kill()
    assert not left, f"{what} lives on: {left}"
