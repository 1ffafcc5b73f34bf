"""How long after the command the window draws its first frame, and when the first picture is in it."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.running import ROOT, Findings, Settings, run_script, say
from core_model.schema.bench import measure
from core_model.schema.processes import start_tied, tied

FRAME_AIM_MS, PICTURE_AIM_MS = 1000.0, 6000.0
LONGEST_START_S = 120.0


def body(settings: Settings) -> Findings:
    """Starts the window a few times; the first start may find cold disk caches and is reported on its own."""
    repeats = 1 if settings.quick else 4
    starts: list[dict[str, float]] = []
    with display() as (name, why_not), tempfile.TemporaryDirectory() as folder:
        for i in range(repeats if name else 0):
            starts.append(start_window(settings, name, Path(folder)))
            say(f"  start {i + 1}: {starts[-1]}")
        import_s = [seconds_of([sys.executable, "-c", "import torch"], settings) for _ in range(repeats)]
        target = Path(folder) / "picture.png"
        command = [sys.executable, "-m", "core_model.cli.main", "render", settings.checkpoint]
        command += ["--out", str(target), "--size", "256"]
        render_s = [seconds_of(command, settings) for _ in range(1 if settings.quick else 2)]
    warm = starts[1:] or starts
    frame = statistics.median(s["first_frame_ms"] for s in warm) if warm else None
    shown = statistics.median(s["first_picture_ms"] for s in warm) if warm else None
    torch_ms = 1e3 * statistics.median(import_s)
    note = (
        why_not
        if not name
        else ("" if not starts else f"first start of the run {starts[0]['first_frame_ms']:.0f} ms")
    )
    return Findings(
        (
            measure(
                "first_frame",
                "window's first frame after the command",
                "ms",
                frame,
                aim=FRAME_AIM_MS,
                plain=None if frame is None else frame + torch_ms,
                plain_path="the same window if its process imported torch (both measured here, added)",
                note=note,
            ),
            measure(
                "first_picture",
                "first picture of the demo",
                "ms",
                shown,
                aim=PICTURE_AIM_MS,
                plain=1e3 * min(render_s),
                plain_path="`triscope render --size 256` without a window, full quality, start to exit",
                note="" if not starts else f"first start of the run {starts[0]['first_picture_ms']:.0f} ms",
            ),
        ),
        {"starts": starts, "display": name, "import_torch_s": import_s, "render_command_s": render_s},
    )


@contextmanager
def display() -> Iterator[tuple[str, str]]:
    """(name of a display, why there is none): the one that is there, else an Xvfb of its own."""
    if os.environ.get("DISPLAY"):
        yield os.environ["DISPLAY"], ""
        return
    if shutil.which("Xvfb") is None:
        yield "", "no DISPLAY and no Xvfb"
        return
    server = start_tied(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        number = server.stdout.readline().strip()
        yield (f":{number}", "") if number else ("", "Xvfb did not start")
    finally:
        server.terminate()
        server.wait(10)


def report_of(module: str, *words: str, environment: Mapping[str, str], limit_s: float) -> dict[str, Any]:
    """The last JSON line that `python -m MODULE WORDS…` prints.

    RuntimeError where it fails, or takes longer than `limit_s`.
    """
    command = [sys.executable, "-m", module, *words]
    driver = start_tied(
        command, cwd=ROOT, env=os.environ | dict(environment), stdout=subprocess.PIPE, text=True
    )
    give_up = threading.Timer(limit_s, driver.kill)
    give_up.start()
    try:
        assert driver.stdout is not None
        said = [line for line in driver.stdout if line.startswith("{")]
        if driver.wait(20) or not said:
            raise RuntimeError(
                f"{module} {' '.join(words)} ended with status {driver.returncode} and said nothing"
            )
        return json.loads(said[-1])
    finally:
        give_up.cancel()
        if driver.poll() is None:
            driver.kill()
            driver.wait(10)


def start_window(settings: Settings, display_name: str, folder: Path) -> dict[str, float]:
    """Milliseconds since the start of the process, as the window itself reports them."""
    # users' machines keep byte code: an environment that forbids it would have every start compile the checkout anew
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {
        "DISPLAY": display_name,
        "TRISCOPE_TRACE_START": "1",
        "TRISCOPE_CONFIG_DIR": str(folder),
        "OMP_NUM_THREADS": str(settings.threads),
    }
    command = [sys.executable, "-m", "core_model.cli.main", "view", settings.checkpoint]
    window = start_tied(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    give_up = threading.Timer(LONGEST_START_S, window.kill)
    give_up.start()
    try:
        assert window.stdout is not None
        for line in window.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"the window reported nothing within {LONGEST_START_S:g} s, or ended before")
    finally:
        give_up.cancel()
        window.terminate()
        try:
            window.wait(10)
        except subprocess.TimeoutExpired:
            window.kill()
            window.wait(10)


def seconds_of(command: list[str], settings: Settings) -> float:
    """Wall time of a process from start to exit."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["OMP_NUM_THREADS"] = str(settings.threads)
    start = time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, cwd=ROOT, check=True, **quiet, **tied(environment))
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(run_script("window_start", "Start of the window", body))
