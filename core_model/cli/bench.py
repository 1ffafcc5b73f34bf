"""`triscope bench`: runs the scripts of benchmarks/ in turn and sets the figures beside their aims."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

import core_model
from core_model.checkpoints.locate import default_checkpoint, resolve
from core_model.cli.bench_scripts import run_script, summary_of, table
from core_model.cli.files import write_json
from core_model.cli.parse import parse
from core_model.schema.atomic import made_folder
from core_model.schema.bench import BenchRecord
from core_model.schema.errors import InputError, TriscopeError

SUMMARY = (
    "Measure start, orbit, quality, field speed, memory and meshes; JSON files with aims and plain paths."
)
SCRIPTS = (
    "window_start", "window_busy", "field_speed", "full_quality", "drag", "orbit", "learned_vs_importance", "worker_memory",
    "mesh_extraction", "occupancy", "baking",
)  # fmt: skip


@dataclass(frozen=True)
class BenchOptions:
    checkpoint: Annotated[str | None, arg(metavar="CHECKPOINT", help_behavior_hint="")] = None
    """what to measure; default: the demo"""
    out: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="")] = None
    """folder for the JSON files; default: benchmarks/results"""
    only: Annotated[str | None, arg(metavar="A,B,C", help_behavior_hint="")] = None
    """names of scripts; default: all"""
    threads: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """CPU threads; none = all cores"""
    wait: Annotated[float, arg(metavar="S")] = 20.0
    """longest wait before each script for other processes to rest, seconds"""
    quick: bool = False
    """tiny pictures and few repeats: tests the benchmarks, measures nothing"""


class BenchFailed(TriscopeError):
    """A script failed; the others are written."""


def main(args: list[str]) -> None:
    options = parse(BenchOptions, args, "bench", SUMMARY)
    root = Path(core_model.__file__).resolve().parent.parent
    if not (root / "benchmarks" / "running.py").is_file():
        raise InputError(what="no benchmarks in this installation", expected="a checkout of the repository")
    names = tuple(n.strip() for n in options.only.split(",")) if options.only else SCRIPTS
    for name in names:
        if name not in SCRIPTS:
            raise InputError(what="unknown benchmark", where="--only", expected=", ".join(SCRIPTS), got=name)
    out = (options.out or root / "benchmarks" / "results").resolve()
    made_folder(out, f"--out {out}")
    checkpoint = resolve(options.checkpoint) if options.checkpoint else default_checkpoint()
    words = ["--checkpoint", checkpoint, "--wait", str(options.wait)]
    words += ["--threads", str(options.threads)] if options.threads else []
    words += ["--quick"] if options.quick else []
    started = time.monotonic()
    records: list[BenchRecord] = []
    failed: dict[str, str] = {}
    for i, name in enumerate(names):
        print(f"bench {i + 1} of {len(names)}: {name}", file=sys.stderr, flush=True)
        record, problem = run_script(root, name, words)
        if record is None:
            failed[name] = problem
            print(f"bench: {name} failed: {problem}", file=sys.stderr, flush=True)
            continue
        write_json(out / f"{name}.json", record.model_dump(mode="json"))
        records.append(record)
    summary = summary_of(records, failed, time.monotonic() - started, options.quick)
    write_json(out / "summary.json", summary.model_dump(mode="json"))
    print(table(summary))
    print(f"{len(records) + 1} files in {out}, {summary.seconds:.0f} s")
    if failed:
        raise BenchFailed(f"{len(failed)} of {len(names)} benchmarks failed: {', '.join(failed)}")
