"""One script of benchmarks/ in a process of its own, and the figures of several as one record and as text."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from core_model.schema.bench import BenchRecord, BenchSummary, Measure
from core_model.schema.processes import start_tied
from core_model.schema.record import utc_now

ENDING_S = 20.0
"""What a script that is told to end gets for ending what it started."""


def run_script(
    root: Path, name: str, words: Sequence[str], limit_s: float | None = None
) -> tuple[BenchRecord | None, str]:
    """`benchmarks.NAME` with its options: (its record, "") or (None, why not).

    root: of the checkout. limit_s: seconds until it is ended.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.json"
        command = [sys.executable, "-m", f"benchmarks.{name}", *words, "--out", str(path)]
        # the script's progress goes straight to the terminal; a Ctrl+C that reaches it reaches this process
        # too
        with start_tied(command, cwd=root, stdin=subprocess.DEVNULL) as script:
            try:
                status = script.wait(limit_s)
            except BaseException as stop:
                script.terminate()
                if not isinstance(stop, subprocess.TimeoutExpired):
                    raise
                try:
                    script.wait(ENDING_S)
                except subprocess.TimeoutExpired:
                    script.kill()
                return None, f"took longer than {limit_s:g} s"
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
