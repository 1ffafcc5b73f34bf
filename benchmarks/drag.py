"""Pictures that a dragging hand sees in the real window, and how soon each motion shows, quiet and beside a busy core.

`benchmarks.drag_driver` opens the window and moves a real mouse in it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.running import Findings, Settings, run_script, say
from benchmarks.window_start import display, report_of
from core_model.schema.bench import measure
from core_model.schema.processes import start_tied

AIM_HZ, AIM_DELAY_S, AIM_REST_S = 15.0, 0.1, 1.5
LONGEST_S = 600.0
_BURN = "while True: sum(range(1000))"


def body(settings: Settings) -> Findings:
    """The baked volume, then the plain path: pictures of the worker alone; each again beside a busy core."""
    seconds = 2.0 if settings.quick else 8.0
    found: dict[str, dict[str, Any]] = {}
    note = "" if shutil.which("xdotool") else "xdotool is not installed: nothing moves the mouse"
    with display() as (name, why_not), tempfile.TemporaryDirectory() as folder:
        note = note or why_not
        for way in ("baked", "exact") if not note else ():
            for beside in ("quiet", "busy"):
                with _burning(beside == "busy"):
                    found[f"{way}_{beside}"] = _driven(
                        settings, name, seconds, way, Path(folder) / way / beside
                    )
                say(f"  {way}, {beside}: {found[f'{way}_{beside}']}")
    baked, plain = found.get("baked_quiet", {}), found.get("exact_quiet", {})
    busy, plain_busy = found.get("baked_busy", {}), found.get("exact_busy", {})
    told = (
        f"{baked['edge']}² viewport, {', '.join(baked['labels'])}; longest gap {baked['longest_gap_s']} s"
        if baked
        else note
    )
    pictures, motion = (
        "distinct pictures on the screen while a hand drags",
        "motion of the mouse → its picture, 95th percentile",
    )
    alone = "the worker's pictures alone"
    return Findings(
        (
            measure(
                "drag_fps", pictures, "pictures/s", baked.get("pictures_hz"), better="higher", aim=AIM_HZ,
                plain=plain.get("pictures_hz"), plain_path=alone, note=told,
            ),
            measure(
                "drag_fps_busy", f"{pictures}, beside a busy core", "pictures/s", busy.get("pictures_hz"), better="higher",
                plain=plain_busy.get("pictures_hz"), plain_path=alone, note=note,
            ),
            measure(
                "drag_delay", motion, "s", baked.get("delay_p95_s"), aim=AIM_DELAY_S, plain=plain.get("delay_p95_s"),
                plain_path=alone, note=note,
            ),
            measure(
                "drag_delay_busy", f"{motion}, beside a busy core", "s", busy.get("delay_p95_s"),
                plain=plain_busy.get("delay_p95_s"), plain_path=alone, note=note,
            ),
            measure(
                "drag_rest_512", "hand at rest → exact picture of 512²", "s", baked.get("exact_after_small_s"), aim=AIM_REST_S,
                plain=plain.get("exact_after_small_s"), plain_path=alone, note=note,
            ),
            measure(
                "drag_rest", "hand at rest → exact picture of the viewport's size", "s", baked.get("exact_after_s"),
                plain=plain.get("exact_after_s"), plain_path=alone, note=note,
            ),
        ),
        found,
    )  # fmt: skip


def _driven(settings: Settings, display_name: str, seconds: float, way: str, folder: Path) -> dict[str, Any]:
    environment = {
        "DISPLAY": display_name, "TRISCOPE_CONFIG_DIR": str(folder), "OMP_NUM_THREADS": str(settings.threads)
    }  # fmt: skip
    words = settings.checkpoint, f"{seconds:g}", way
    return report_of("benchmarks.drag_driver", *words, environment=environment, limit_s=LONGEST_S)


@contextmanager
def _burning(on: bool) -> Iterator[None]:
    """A process that keeps one core busy."""
    burner = start_tied([sys.executable, "-c", _BURN]) if on else None
    try:
        yield
    finally:
        if burner is not None:
            burner.kill()
            burner.wait()


if __name__ == "__main__":
    sys.exit(run_script("drag", "Dragging in the window", body))
