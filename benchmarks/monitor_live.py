"""The detached monitor: command → first frame → first charts, wall and processor time.

And redraws with new data per second. `python -m benchmarks.monitor_live [--quick]`; half a minute. The monitor
is started as `triscope monitor RUN` starts it, in a process of its own that runs its own loop
(`benchmarks.monitor_driver` only writes down when its frames were drawn).
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.charts_million import write_run
from benchmarks.running import Findings, Settings, run_script, say
from benchmarks.window_start import display, report_of
from core_model.schema.bench import measure

FIRST_FRAME_AIM_MS = 1000.0
LIVE_AIM_HZ = 10.0
LINES = 2000
LONGEST_S = 120.0


def body(settings: Settings) -> Findings:
    """A few starts; the first one may find cold caches and is reported on its own."""
    repeats, seconds = (1, 2.0) if settings.quick else (5, 8.0)
    starts: list[dict[str, Any]] = []
    with display() as (name, why_not), tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        write_run(run, LINES)
        for i in range(repeats if name else 0):
            starts.append(start(name, run, seconds if i == repeats - 1 else 0.0, Path(folder) / "config"))
            say(f"  start {i + 1}: {starts[-1]}")
    warm = starts[1:] or starts
    middle = lambda key: statistics.median(s[key] for s in warm) if warm else None
    live = starts[-1]["live"] if starts else {}
    words = (
        why_not
        if not starts
        else f"processor time {middle('frame_cpu_ms'):.0f} ms; first start {starts[0]['frame_ms']:.0f} ms"
    )
    more = why_not if not starts else f"processor time {middle('charts_cpu_ms'):.0f} ms"
    note = (
        why_not
        if not live
        else f"lines were appended at {live['written_hz']:.1f} Hz; processor {live['cpu_share']:.0%} of a core"
    )
    return Findings(
        (
            measure("monitor_first_frame", "monitor's first frame after the command", "ms", middle("frame_ms"), aim=FIRST_FRAME_AIM_MS,
                    note=words),
            measure("monitor_first_charts", "monitor's first charts with points after the command", "ms", middle("charts_ms"), note=more),
            measure("monitor_live", "redraws with new points per second", "Hz", live.get("drawn_hz"), better="higher",
                    aim=LIVE_AIM_HZ - 0.5, note=note),
        ),
        {"starts": starts},
    )  # fmt: skip


def start(display_name: str, run: Path, live_s: float, config: Path) -> dict[str, Any]:
    """What the driver of one monitor reports."""
    environment = {"DISPLAY": display_name, "TRISCOPE_CONFIG_DIR": str(config), "OMP_NUM_THREADS": "1"}
    return report_of(
        "benchmarks.monitor_driver", str(run), f"{live_s:g}", environment=environment, limit_s=LONGEST_S
    )


if __name__ == "__main__":
    sys.exit(run_script("monitor_live", "Detached monitor", body))
