"""Frames a second that the window draws while its worker renders heavy pictures, and pictures a second of the latent walk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from benchmarks.running import ROOT, Findings, Settings, run_script, say
from benchmarks.window_start import display
from core_model.schema.bench import measure

AIM_HZ = 30.0
LONGEST_S = 400.0


def body(settings: Settings) -> Findings:
    """Two windows one after the other: `benchmarks.busy_driver` says what each of them does."""
    seconds = 2.0 if settings.quick else 10.0
    busy: dict[str, Any] = {}
    walk: dict[str, Any] = {}
    with display() as (name, why_not), tempfile.TemporaryDirectory() as folder:
        if name:
            busy = drive("busy", settings, name, seconds, Path(folder))
            say(f"  {busy}")
            walk = drive("walk", settings, name, seconds, Path(folder))
            say(f"  {walk}")
    at_work, at_rest, walking = (d.get(k, {}) for d, k in ((busy, "busy"), (busy, "rest"), (walk, "walk")))
    note = why_not
    if at_work:
        note = f"worker busy in {at_work['share']:.0%} of the frames; {at_work['cpu_ms_a_frame']:.1f} ms processor time a frame; "
        note += f"95 % within {at_work['p95_ms']:.0f} ms; {busy['renderer']}"
    edges = walking.get("edges") or [0]
    return Findings(
        (
            measure(
                "window_busy_fps", "window's frames while the worker renders 1024² pictures", "frames/s", at_work.get("frames_hz"),
                better="higher", aim=AIM_HZ, plain=at_rest.get("frames_hz"), plain_path="the same window beside a worker at rest", note=note,
            ),
            measure(
                "walk_fps", "pictures of the latent walk on the screen", "pictures/s", walking.get("pictures_hz"), better="higher",
                note=why_not if not walking else f"edge {edges[0]} to {edges[-1]} pixels, every one a new head",
            ),
        ),
        {"busy": busy, "walk": walk},
    )  # fmt: skip


def drive(kind: str, settings: Settings, display_name: str, seconds: float, folder: Path) -> dict[str, Any]:
    """What the driver of one window reports; raises RuntimeError where it fails."""
    environment = os.environ | {
        "DISPLAY": display_name, "TRISCOPE_CONFIG_DIR": str(folder / kind), "OMP_NUM_THREADS": str(settings.threads),
    }  # fmt: skip
    command = [sys.executable, "-m", "benchmarks.busy_driver", kind, settings.checkpoint, f"{seconds:g}"]
    driver = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    give_up = threading.Timer(LONGEST_S, driver.kill)
    give_up.start()
    try:
        assert driver.stdout is not None
        said = [line for line in driver.stdout if line.startswith("{")]
        if driver.wait(20) or not said:
            raise RuntimeError(f"the window ({kind}) ended with status {driver.returncode} and said nothing")
        return json.loads(said[-1])
    finally:
        give_up.cancel()
        if driver.poll() is None:
            driver.kill()
            driver.wait(10)


if __name__ == "__main__":
    sys.exit(run_script("window_busy", "Window beside a busy worker", body))
