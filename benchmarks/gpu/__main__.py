"""Everything that a machine with an accelerator is asked here, within ten minutes, into one file.

`python -m benchmarks.gpu --out FILE.json [--device auto] [--minutes 10] [--quick]`; needs no GUI package. Runs `correctness`,
`ffhq512` and `training` in processes of their own. A part that fails or takes too long is named in the file, and the others are
there. --quick: tiny networks, to test the scripts (`--device cpu --quick` runs anywhere).
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.gpu.random_model import needs_device
from benchmarks.running import ROOT, say, write_json
from core_model.cli.bench_scripts import run_script, summary_of, table
from core_model.schema.bench import BenchRecord, BenchReport
from core_model.schema.errors import InputError

# name, preset, that of a quick run, share of the time that is left when it begins
PARTS = (
    ("correctness", "heads256", "tiny", 0.35),
    ("ffhq512", "ffhq512", "tiny", 0.5),
    ("training", "ffhq512", "smoke", 1.0),
)


def main(arguments: list[str]) -> int:
    """Exit status: 0 where every part ran, 1 where one did not, 2 for wrong options."""
    options = _parser().parse_args(arguments)
    try:
        device = needs_device(options.device)
    except InputError as error:
        print(f"benchmarks.gpu: {error}", file=sys.stderr)
        return error.exit_status
    started = time.monotonic()
    end = started + 60.0 * options.minutes
    records: dict[str, BenchRecord] = {}
    failed: dict[str, str] = {}
    for name, preset, small, share in PARTS:
        say(f"{name}: {end - time.monotonic():.0f} s left")
        words = [
            "--device",
            str(device),
            "--preset",
            small if options.quick else preset,
            "--wait",
            f"{options.wait:g}",
        ]
        words += ["--quick"] if options.quick else []
        limit = max(1, int(share * (end - time.monotonic())))
        record, problem = run_script(ROOT, f"gpu.{name}", words, limit)
        if record is None:
            failed[name] = problem
            say(f"{name} failed: {problem}")
        else:
            records[name] = record
    summary = summary_of([*records.values()], failed, time.monotonic() - started, options.quick)
    report = BenchReport(**dict(summary), records=records)
    write_json(options.out, report.model_dump(mode="json"))
    print(table(summary))
    print(f"{options.out}, {summary.seconds:.0f} s")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks.gpu", description="Checks and figures of an accelerator"
    )
    parser.add_argument("--out", type=Path, required=True, help="the JSON file")
    parser.add_argument("--device", default="auto", help="auto = the accelerator; cuda:N, xpu, mps, or cpu")
    parser.add_argument("--minutes", type=float, default=10.0, help="for all parts together")
    parser.add_argument("--wait", type=float, default=20.0, help="longest wait for a quiet machine, seconds")
    parser.add_argument("--quick", action="store_true", help="tiny networks: tests the scripts")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
