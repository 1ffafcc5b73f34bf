"""Frames per second of the window while its worker renders heavy pictures.

And pictures per second of the latent walk.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.running import Findings, Settings, run_script, say
from benchmarks.window_start import display, report_of
from core_model.schema.bench import measure

AIM_HZ = 30.0
LONGEST_S = 400.0
SOFTWARE = ("llvmpipe", "softpipe", "swiftshader")
"""Renderers that draw on the CPU, where the window and its worker share the cores twice."""


def body(settings: Settings) -> Findings:
    """Two windows one after the other: `benchmarks.busy_driver` says what each of them does."""
    seconds = 2.0 if settings.quick else 10.0
    busy: dict[str, Any] = {}
    walk: dict[str, Any] = {}
    bare: dict[str, Any] = {}
    with display() as (name, why_not), tempfile.TemporaryDirectory() as folder:
        if name:
            busy = drive("busy", settings, name, seconds, Path(folder))
            say(f"  {busy}")
            if any(word in busy["renderer"].lower() for word in SOFTWARE):
                bare = drive("busy", settings, name, seconds, Path(folder), {"GALLIUM_NOOP": "1"})
                say(f"  without drawing {bare}")
            walk = drive("walk", settings, name, seconds, Path(folder))
            say(f"  {walk}")
    at_work, at_rest, walking = (d.get(k, {}) for d, k in ((busy, "busy"), (busy, "rest"), (walk, "walk")))
    note = why_not
    if at_work:
        note = f"worker busy in {at_work['share']:.0%} of the frames; {at_work['cpu_ms_per_frame']:.1f} ms processor time a frame; "
        note += f"95 % within {at_work['p95_ms']:.0f} ms; {busy['renderer']}"
    edges = walking.get("edges") or [0]
    return Findings(
        (
            measure(
                "window_busy_fps", "window's frames beside a worker that renders 1024²", "frames/s", at_work.get("frames_hz"),
                better="higher", aim=AIM_HZ, plain=at_rest.get("frames_hz"), plain_path="the same window, worker at rest", note=note,
            ),
            measure(
                "window_bare_fps", "the same with every OpenGL call dropped, as if a graphics card drew", "frames/s",
                bare.get("busy", {}).get("frames_hz"), better="higher", aim=AIM_HZ if bare else None,
                note="" if bare else why_not or "the window is drawn by a graphics card",
            ),
            measure(
                "walk_fps", "pictures of the latent walk on the screen", "pictures/s", walking.get("pictures_hz"), better="higher",
                note=why_not if not walking else f"edge {edges[0]} to {edges[-1]} pixels, every one a new head",
            ),
        ),
        {"busy": busy, "bare": bare, "walk": walk},
    )  # fmt: skip


def drive(
    kind: str,
    settings: Settings,
    display_name: str,
    seconds: float,
    folder: Path,
    more: dict[str, str] | None = None,
) -> dict[str, Any]:
    """What the driver of one window reports; raises RuntimeError where it fails."""
    environment = {
        "DISPLAY": display_name, "TRISCOPE_CONFIG_DIR": str(folder / kind), "OMP_NUM_THREADS": str(settings.threads), **(more or {}),
    }  # fmt: skip
    words = kind, settings.checkpoint, f"{seconds:g}"
    return report_of("benchmarks.busy_driver", *words, environment=environment, limit_s=LONGEST_S)


if __name__ == "__main__":
    sys.exit(run_script("window_busy", "Window beside a busy worker", body))
