"""Images per second of `heads64-cpu` through the command itself.

One process with one thread, with all threads, and as many processes. Each way trains a few steps at the first
resolution and, by a schedule moved to its end, at the last one before proposals. The first tick of each is
left out: it holds the start.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.running import ROOT, Findings, Settings, run_script, say
from core_model.schema.bench import measure
from core_model.schema.processes import tied
from core_model.schema.train_presets import PRESETS

PRESET = "heads64-cpu"
LIMIT_S = 600


def body(settings: Settings) -> Findings:
    """Three ways at two resolutions."""
    from core_model.data.heads_dataset import write_heads_dataset

    cfg = PRESETS.get(PRESET)
    last = int(cfg.schedule.resolution.top)
    small = last // 2
    tick = cfg.batch * (2 if settings.quick else 10)
    ways = {
        "one thread": ("1", 1),
        "threads": (str(settings.threads), 1),
        "processes": ("", settings.threads),
    }
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "heads.zip"
        write_heads_dataset(data, 8 if settings.quick else 64, cfg.data.resolution, depth=False)
        for edge in (small, last):
            rates = found[f"{edge}"] = {}
            for name, (threads, processes) in ways.items():
                rates[name] = _rates(Path(folder) / f"{edge}{name}", data, edge, threads, processes, tick)
                say(f"  {edge}², {name}: {statistics.median(rates[name]):.1f} img/s")
    return Findings(
        tuple(
            measure(
                f"processes_{edge}", f"{PRESET} at {edge}², {settings.threads} processes", "img/s", statistics.median(rates["processes"]),
                better="higher", plain=statistics.median(rates["threads"]), plain_path=f"one process, {settings.threads} threads",
                note=f"one process, one thread: {statistics.median(rates['one thread']):.1f}",
            )
            for edge, rates in found.items()
        ),
        {"images_s": found},
    )  # fmt: skip


def _rates(out: Path, data: Path, edge: int, threads: str, processes: int, tick: int) -> list[float]:
    """img/s of the ticks after the first; raises RuntimeError with what a failed training said."""
    command = [
        sys.executable, "-m", "core_model.cli.main", "train", "--preset", PRESET, "--data", str(data), "--out", str(out), "--device", "cpu",
        f"--processes={processes}", f"--images={4 * tick}", f"--output.tick_images={tick}", "--output.snapshot_ticks=100",
        "--output.image_ticks=100", "--output.evaluate=false", "--output.tensorboard=false", f"--schedule.resolution={edge}",
        "--optim.warmup_images=0",
    ]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"} | (
        {"OMP_NUM_THREADS": threads} if threads else {}
    )
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, **tied(environment)
    )
    if done.returncode:
        raise RuntimeError(f"training failed: {done.stderr[-600:]}")
    lines = [json.loads(line) for line in (out / "stats.jsonl").read_text().splitlines()]
    return [line["speed"]["images_s"] for line in lines[1:]]


if __name__ == "__main__":
    sys.exit(run_script("training_processes", "Training processes on the CPU", body))
