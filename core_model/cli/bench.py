"""`triscope bench`: runs the scripts of benchmarks/ in turn and sets the figures beside their aims."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import ValidationError
from tyro.conf import arg

import core_model
from core_model.checkpoints.locate import default_checkpoint, resolve
from core_model.cli.files import write_json
from core_model.cli.parse import parse
from core_model.schema.bench import BenchRecord, BenchSummary, Measure
from core_model.schema.errors import InputError, TriscopeError
from core_model.schema.processes import start_tied
from core_model.schema.record import utc_now

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
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = resolve(options.checkpoint) if options.checkpoint else default_checkpoint()
    started = time.monotonic()
    records: list[BenchRecord] = []
    failed: dict[str, str] = {}
    for i, name in enumerate(names):
        print(f"bench {i + 1} of {len(names)}: {name}", file=sys.stderr, flush=True)
        record, problem = run_script(root, name, checkpoint, options)
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


def run_script(
    root: Path, name: str, checkpoint: str, options: BenchOptions
) -> tuple[BenchRecord | None, str]:
    """One script in a process of its own: (its record, "") or (None, why not)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.json"
        command = [sys.executable, "-m", f"benchmarks.{name}", "--checkpoint", checkpoint]
        command += ["--out", str(path), "--wait", str(options.wait)]
        command += ["--threads", str(options.threads)] if options.threads else []
        command += ["--quick"] if options.quick else []
        # the script's progress goes straight to the terminal; a Ctrl+C that reaches it reaches this process
        # too
        with start_tied(command, cwd=root, stdin=subprocess.DEVNULL) as script:
            try:
                status = script.wait()
            except BaseException:
                script.terminate()
                raise
        if status or not path.is_file():
            return None, f"exit status {status}"
        try:
            return BenchRecord.model_validate_json(path.read_text(encoding="utf-8")), ""
        except ValidationError as error:
            return None, f"wrote a record with {error.error_count()} wrong fields"


def summary_of(
    records: list[BenchRecord], failed: dict[str, str], seconds: float, quick: bool
) -> BenchSummary:
    """All figures of a run in one record."""
    return BenchSummary(
        created=utc_now(),
        seconds=round(seconds, 1),
        quick=quick,
        quiet=bool(records) and all(r.quiet is not None and r.quiet.quiet for r in records),
        machine=records[0].machine if records else {},
        versions=records[0].versions if records else {},
        measures=tuple(m for r in records for m in r.measures),
        failed=failed,
    )


def table(summary: BenchSummary) -> str:
    """Figures as aligned text: measure, value, aim, plain path."""
    rows = [("measure", "value", "aim", "", "plain path")]
    rows += [_row(m) for m in summary.measures]
    widths = [max(len(r[i]) for r in rows) for i in range(5)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    if not summary.quiet:
        lines.append("The machine was not quiet: other processes used its CPUs (see `quiet` in each file).")
    if summary.quick:
        lines.append("A quick run: these figures test the scripts and measure nothing.")
    return "\n".join(lines)


def _row(one: Measure) -> tuple[str, str, str, str, str]:
    value = "not measured" if one.value is None else f"{one.value:.4g} {one.unit}"
    aim = "" if one.aim is None else f"{'≤' if one.better == 'lower' else '≥'} {one.aim:g}"
    verdict = {True: "met", False: "missed", None: ""}[one.met]
    return one.title, value, aim, verdict, "" if one.plain is None else f"{one.plain:.4g}"
