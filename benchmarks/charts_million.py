"""Charts of a run of 10⁶ lines.

Frame times in the Training workspace and in the monitor, and the reader's time to first data. `python -m
benchmarks.charts_million [--quick]`; about three minutes on two quiet cores. Each window is a process of its
own (`benchmarks.charts_driver`), so that its processor time is its own.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.running import Findings, Settings, run_script, say
from benchmarks.window_start import display, report_of
from core_model.schema.bench import Measure, measure

FRAME_AIM_MS = 1000.0 / 30.0
FIRST_DATA_AIM_S = 1.0
LINES, QUICK_LINES = 1_000_000, 20_000
LONGEST_S = 1500.0
SCENES = {
    "still": "nothing changes",
    "zoom": "the window of all charts moves in every frame",
    "smoothing": "the smoothing slider moves in every frame",
    "live": "a line is appended before every frame",
}


def body(settings: Settings) -> Findings:
    lines = QUICK_LINES if settings.quick else LINES
    measures: list[Measure] = []
    details: dict[str, object] = {"lines": lines}
    with display() as (name, why_not), tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "million"
        write_run(run, lines)
        details["bytes"] = (run / "stats.jsonl").stat().st_size
        for window in ("viewer", "monitor") if name else ():
            said = drive(settings, name, window, run, Path(folder) / "config")
            say(f"  {window}: {said}")
            details[window] = said
            measures += _measures(window, said)
            restore(run, int(details["bytes"]))  # type: ignore[call-overload]
    if not name:
        measures.append(measure("charts", "charts of 10⁶ lines", "ms", None, aim=FRAME_AIM_MS, note=why_not))
    return Findings(tuple(measures), details)


def _measures(window: str, said: dict[str, dict[str, float]]) -> list[Measure]:
    """Each scene's frame: wall time and the processor time of the thread that draws."""
    made = [
        measure(f"{window}_first_data", f"{window}: first points after the run was opened", "s", said["reading"]["first_data_s"],
                aim=FIRST_DATA_AIM_S, note=f"everything read after {said['reading']['whole_s']:.1f} s"),
    ]  # fmt: skip
    for scene, what in SCENES.items():
        found = said[scene]
        note = f"95 %: {found['p95_ms']:.1f} ms; processor: {found['thread_ms']:.1f} ms of its thread, {found['process_ms']:.1f} ms in all"
        made.append(
            measure(f"{window}_{scene}", f"{window}: a frame while {what}", "ms", found["median_ms"], aim=FRAME_AIM_MS,
                    plain=said["bare"]["median_ms"], plain_path="the same window without charts (page Machine)", note=note)
        )  # fmt: skip
    return made


def write_run(run: Path, lines: int) -> None:
    """A run directory with a statistics file of `lines` lines, twelve series."""
    run.mkdir(parents=True)
    with open(run / "stats.jsonl", "w", encoding="utf-8") as file:
        for start in range(0, lines, 10_000):
            file.write("".join(stats_line(i) for i in range(start, min(start + 10_000, lines))))


def stats_line(i: int) -> str:
    """Line `i`: the names that the trainer uses, curves that wander."""
    a, b = math.sin(i / 9973), ((i * 2654435761) & 0xFFFF) / 65536 - 0.5
    return (
        f'{{"step":{i},"images":{i * 32},"time":{1.79e9 + 0.3 * i:.1f},"losses":{{"loss/G":{1.1 + 0.3 * a + 0.2 * b:.4f},'
        f'"loss/D":{0.9 - 0.2 * a + 0.1 * b:.4f},"r1":{0.02 + 0.01 * abs(b):.5f},"logits/real":{0.4 + a + 0.2 * b:.4f},'
        f'"logits/fake":{-0.4 - a + 0.2 * b:.4f},"sign/real":{0.3 + 0.1 * b:.4f},"sign/fake":{-0.3 + 0.1 * b:.4f},'
        f'"beta":{0.004 + 0.001 * b:.6f},"surface":{0.1 + 0.02 * b:.4f}}},"speed":{{"images_s":{105 + 5 * b:.2f}}},'
        f'"memory":{{"process_peak":{6100 + i // 5000}}},"augment_p":{0.2 + 0.1 * a:.4f}}}\n'
    )


def restore(run: Path, size: int) -> None:
    """Forget what the live scene has appended."""
    os.truncate(run / "stats.jsonl", size)


def drive(
    settings: Settings, display_name: str, window: str, run: Path, config: Path
) -> dict[str, dict[str, float]]:
    """What the driver of one window reports."""
    environment = {"DISPLAY": display_name, "TRISCOPE_CONFIG_DIR": str(config), "OMP_NUM_THREADS": "1"}
    frames = "6" if settings.quick else "60"
    return report_of(
        "benchmarks.charts_driver", window, str(run), frames, environment=environment, limit_s=LONGEST_S
    )


if __name__ == "__main__":
    sys.exit(run_script("charts_million", "Charts of a million lines", body))
