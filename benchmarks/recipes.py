"""The four recipes on the same generated heads, at equal images and at equal time: distances and true geometry errors.

Each recipe's preset for two cores trains for the same number of seconds of processor time (its start included), with one
thread, and as many recipes at once as there are threads to measure with: other work on the machine stretches all of them and
changes none. Two of its snapshots are compared with the data by `triscope metrics`: the last one, and the last one that has
seen no more images than the slowest recipe. The curves are the losses of its ticks. It is small: minutes, one seed, pictures
of 64²; it shows that the recipes can be compared, not which is best.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.running import ROOT, Findings, Settings, at_once, run_script, say
from core_model.schema.atomic import write_json
from core_model.schema.bench import Measure, measure
from core_model.schema.metrics import MetricsRecord
from core_model.schema.processes import start_tied, tied
from core_model.schema.recipes import RECIPES
from core_model.schema.run import ControlRequest
from core_model.schema.train_presets import PRESETS

SECONDS = 180.0
KEEP_VARIABLE = "TRISCOPE_BENCH_RECIPE_RUNS"
"""A folder for the run directories, to look at what they learned."""
SECONDS_VARIABLE = "TRISCOPE_BENCH_RECIPE_SECONDS"
"""Another number of seconds of processor time per recipe, for a longer table."""
HEADS = 600
COMPARED = 128
"""Pictures per snapshot that are compared with the data."""
GRACE_S = 900.0
STRETCH = 12.0
"""A busy machine may take so many times the processor time."""


def body(settings: Settings) -> Findings:
    """One row per recipe and snapshot."""
    from core_model.data.heads_dataset import write_heads_dataset

    seconds = 4.0 if settings.quick else float(os.environ.get(SECONDS_VARIABLE, SECONDS))
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "heads.zip"
        write_heads_dataset(data, 16 if settings.quick else HEADS, 64)
        place = Path(os.environ.get(KEEP_VARIABLE) or folder)
        place.mkdir(parents=True, exist_ok=True)
        train = lambda name: trained(place / name, preset_of(name), data, seconds, settings)
        with at_once(max(1, settings.threads)) as pool:
            runs = dict(zip(RECIPES.names(), pool.map(train, RECIPES.names()), strict=True))
        common = min(found["images"] for found in runs.values())
        rows: dict[str, dict[str, Any]] = {}
        for name, found in runs.items():
            snapshots = snapshots_of(place / name)
            rows[name] = found | {
                "equal_images": _compared(_last_within(snapshots, common), data, settings),
                "equal_time": _compared(snapshots[-1], data, settings),
            }
            say(
                f"  {name}: {found['images']} images in {found['seconds']:.0f} s, {rows[name]['equal_time']['scores']}"
            )
    return Findings(tuple(m for name, row in rows.items() for m in _measures(name, row, seconds)), rows)


def preset_of(recipe: str) -> str:
    """The recipe's preset for two cores and 64²."""
    return f"{recipe}-heads64-cpu" if recipe != "wysiwyg" else "heads64-cpu"


def trained(
    out: Path,
    preset: str,
    data: Path,
    seconds: float,
    settings: Settings,
    changes: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Trains a preset with changed settings for some seconds of processor time; raises RuntimeError with what a failed training said."""
    tick = PRESETS.get(preset).batch * (2 if settings.quick else 12)
    command = [
        sys.executable, "-m", "core_model.cli.main", "train", "--preset", preset, "--data", str(data), "--out", str(out),
        "--device", settings.device, "--processes=1", f"--output.tick_images={tick}", "--output.snapshot_ticks=1",
        "--output.image_ticks=100", "--output.tensorboard=false", "--output.evaluate=false",
        *(f"--{path}={value}" for path, value in changes),
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    said = out.with_suffix(".log")
    with said.open("w") as log:
        process = start_tied(
            command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, text=True
        )
        end, asked, used = time.monotonic() + STRETCH * seconds + GRACE_S, False, 0.0
        try:
            while process.poll() is None:
                with contextlib.suppress(psutil.Error):
                    used = processor_seconds(process.pid)
                if used >= seconds and not asked:
                    wish = ControlRequest(id=uuid.uuid4().hex, action="stop", time=time.time())
                    write_json(out / "control.json", wish.model_dump())
                    asked = True
                if time.monotonic() > end:
                    raise RuntimeError(f"{preset} took too long")
                time.sleep(0.5)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
    ticks = lines_of(out / "stats.jsonl")
    if process.returncode or not ticks or not snapshots_of(out):
        raise RuntimeError(f"{preset}: {said.read_text()[-600:]}")
    return {
        "preset": preset, "images": ticks[-1]["images"], "seconds": used, "wall_s": ticks[-1]["wall_s"],
        "curve": [{"images": t["images"], "seconds": round(t["wall_s"], 1), **t["losses"]} for t in ticks],
    }  # fmt: skip


def processor_seconds(pid: int) -> float:
    """Of a process and those that it has started, seconds."""
    process = psutil.Process(pid)
    times = [p.cpu_times() for p in (process, *process.children(recursive=True))]
    return sum(t.user + t.system for t in times)


def snapshots_of(run: Path) -> list[Path]:
    """Checkpoints of a run, oldest first, without the states beside them."""
    return sorted(p for p in (run / "snapshots").glob("[0-9]*.safetensors") if p.suffixes == [".safetensors"])


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The complete lines of a file that is being written."""
    if not path.exists():
        return []
    text = path.read_text()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def _images_of(snapshot: Path) -> int:
    """Images that a snapshot's network had seen, from its header."""
    from core_model.checkpoints.layout import read_header

    return int(read_header(snapshot).header.provenance.images_seen or 0)


def _last_within(snapshots: list[Path], images: int) -> Path:
    """The newest snapshot that has seen no more than so many images; the first where all have."""
    return next((s for s in reversed(snapshots) if _images_of(s) <= images), snapshots[0])


def _compared(snapshot: Path, data: Path, settings: Settings) -> dict[str, Any]:
    """Scores of one snapshot by `triscope metrics`, and the seconds that it took."""
    out = snapshot.with_suffix(".json")
    command = [
        sys.executable, "-m", "core_model.cli.main", "metrics", str(snapshot), "--data", str(data), "--out", str(out),
        "--count", str(8 if settings.quick else COMPARED), "--samples", "none", "--device", settings.device,
    ]  # fmt: skip
    begun = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=GRACE_S, **tied())
    if done.returncode:
        raise RuntimeError(f"metrics of {snapshot.name} failed: {done.stderr[-600:]}")
    record = MetricsRecord.model_validate_json(out.read_bytes())
    scores = {v.name: v.value for v in record.values if v.value is not None}
    return {
        "images": _images_of(snapshot), "scores": scores, "units": {v.name: v.unit for v in record.values}, "count": record.count,
        "compare_s": round(time.monotonic() - begun, 1),
    }  # fmt: skip


def _measures(name: str, row: dict[str, Any], seconds: float) -> list[Measure]:
    """Images per second, and every score at equal images and at equal time."""
    found = [
        measure(
            f"{name}_images_s", f"{row['preset']}: images per second of processor time", "img/s", row["images"] / row["seconds"],
            better="higher", note=f"{row['images']} images in {row['seconds']:.0f} s",
        )
    ]  # fmt: skip
    for kind, title in (
        ("equal_images", "equal images"),
        ("equal_time", f"{seconds:.0f} s of processor time"),
    ):
        compared = row[kind]
        for score, value in compared["scores"].items():
            found.append(
                measure(
                    f"{name}_{kind}_{score}", f"{row['preset']} at {title}: {score}", compared["units"][score], value,
                    note=f"{compared['images']} images seen, {compared['count']} pictures compared",
                )
            )  # fmt: skip
    return found


if __name__ == "__main__":
    sys.exit(run_script("recipes", "Four recipes on one data set", body))
