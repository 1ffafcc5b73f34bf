"""What every benchmark script shares: options, the wait for a quiet machine, the record and its file.

From the root of the repository: `python -m benchmarks.NAME [--quick] [--checkpoint PATH] [--out FILE.json]`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import os
import platform
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from core_model import __version__
from core_model.schema.bench import BenchRecord, Measure, Quiet
from core_model.schema.errors import InputError
from core_model.schema.processes import follow_starter, kill_tree

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
QUIET_PERCENT = 6.0
PACKAGES = ("torch", "numpy", "pydantic", "imgui-bundle", "glfw", "triton")


@dataclass(frozen=True)
class Settings:
    """Options of a script. quick: a few repeats of small pictures, to test the script itself."""

    checkpoint: str
    threads: int
    quick: bool
    device: str
    preset: str


@dataclass(frozen=True)
class Findings:
    """What a script measured."""

    measures: tuple[Measure, ...]
    details: dict[str, Any] = field(default_factory=dict)


def run_script(
    name: str, title: str, body: Callable[[Settings], Findings], *, device: str = "cpu", preset: str = ""
) -> int:
    """Parse the options, wait for quiet, measure, write the record; returns the exit status."""
    follow_starter()
    # ended from outside: unwind, so that windows and workers that a script started end with it
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    options = _parser(name, title, device, preset).parse_args()
    if options.threads:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
    settings = Settings(
        checkpoint=options.checkpoint or demo_or_sphere(),
        threads=options.threads or len(cpus()),
        quick=options.quick,
        device=options.device,
        preset=options.preset,
    )
    others, waited = wait_until_quiet(options.wait)
    say(
        f"{name}: other processes use {others:.0f} % of the CPUs"
        + (f", after {waited:.0f} s" if waited > 1 else "")
    )
    started = time.monotonic()
    try:
        found = body(settings)
    except InputError as error:
        say(f"{name}: {error}")
        return error.exit_status
    after = others_percent(0.5)
    record = BenchRecord(
        name=name,
        title=title,
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        seconds=round(time.monotonic() - started, 2),
        checkpoint=settings.checkpoint if not preset else f"random weights of preset {settings.preset}",
        quick=settings.quick,
        threads=settings.threads,
        machine=machine(),
        versions=versions(),
        quiet=Quiet(
            quiet=max(others, after) < QUIET_PERCENT,
            others_before=round(others, 1),
            others_after=round(after, 1),
            waited_s=round(waited, 1),
            limit=QUIET_PERCENT,
        ),
        measures=_unjudged(found.measures) if settings.quick else found.measures,
        details=found.details,
    )
    out = Path(options.out) if options.out else RESULTS / f"{name}.json"
    write_json(out, record.model_dump(mode="json"))
    for one in record.measures:
        say("  " + line_of(one))
    say(f"  {out}")
    return 0


@contextmanager
def at_once(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that wait for processes of a script's. Where the script is ended, its processes are as well: the pool would
    wait for each to reach its own end.
    """
    with ThreadPoolExecutor(count) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            kill_tree(psutil.Process().children)
            raise


def _unjudged(measures: tuple[Measure, ...]) -> tuple[Measure, ...]:
    """The measures without verdicts: those of a quick run mean nothing."""
    return tuple(m.replace(met=None) for m in measures)


def _parser(name: str, title: str, device: str, preset: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"benchmarks.{name}", description=title)
    parser.add_argument(
        "--checkpoint", default="", help="what to render; default: the demo, else analytic:sphere"
    )
    parser.add_argument("--out", default="", help="JSON file; default: benchmarks/results/NAME.json")
    parser.add_argument(
        "--threads", type=int, default=0, help="CPU threads; default: all CPUs of this process"
    )
    parser.add_argument("--wait", type=float, default=20.0, help="longest wait for a quiet machine, seconds")
    parser.add_argument("--quick", action="store_true", help="few repeats, small pictures: tests the script")
    parser.add_argument("--device", default=device, help="cpu, or auto = the accelerator; cuda:N, xpu, mps")
    parser.add_argument("--preset", default=preset, help="network preset of scripts with random weights")
    return parser


def demo_or_sphere() -> str:
    """The demo checkpoint, or the analytic sphere where its file is missing."""
    from core_model.checkpoints.locate import default_checkpoint

    return default_checkpoint()


def cpus() -> list[int]:
    """CPUs that this process may use."""
    return psutil.Process().cpu_affinity() if sys.platform == "linux" else list(range(os.cpu_count() or 1))


def others_percent(seconds: float = 1.0) -> float:
    """CPU use of other processes during `seconds` of our own rest, percent of the CPUs of this process."""
    used = psutil.cpu_percent(interval=seconds, percpu=True)
    mine = [used[i] for i in cpus() if i < len(used)]
    return sum(mine) / max(1, len(mine))


def wait_until_quiet(limit_s: float) -> tuple[float, float]:
    """(other CPU use in percent, seconds waited); gives up after `limit_s`, and the record says so."""
    started = time.monotonic()
    while True:
        percent = others_percent()
        waited = time.monotonic() - started
        if percent < QUIET_PERCENT or waited >= limit_s:
            return percent, waited


def machine() -> dict[str, str]:
    """Processor, CPUs in use, memory, system."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "processor": name,
        "cpus": f"{len(cpus())} of {os.cpu_count()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": platform.platform(),
    }


def versions() -> dict[str, str]:
    """Python, triscope and the packages that decide speed, as far as they are installed."""
    found = {"python": platform.python_version(), "triscope": __version__}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def write_json(path: Path, document: object) -> None:
    """Strict JSON, written beside and moved into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_text(
            json.dumps(_strict(document), indent=1, allow_nan=False) + "\n", encoding="utf-8"
        )
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _strict(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _strict(v) for k, v in value.items()}
    return [_strict(v) for v in value] if isinstance(value, list | tuple) else value


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def line_of(one: Measure) -> str:
    """A figure in one line."""
    shown = "not measured" if one.value is None else f"{one.value:.4g} {one.unit}"
    aim = f", aim {'≤' if one.better == 'lower' else '≥'} {one.aim:g}" if one.aim is not None else ""
    verdict = {True: ", met", False: ", MISSED", None: ""}[one.met]
    plain = f", plain {one.plain:.4g}" if one.plain is not None else ""
    return f"{one.title}: {shown}{aim}{verdict}{plain}" + (f" ({one.note})" if one.note else "")


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, mean, 95th percentile and extremes, rounded."""
    found = {
        "median": statistics.median(values),
        "mean": statistics.fmean(values),
        "p95": percentile(values, 0.95),
        "min": min(values),
        "max": max(values),
        "count": float(len(values)),
    }
    return {k: round(v, 3) for k, v in found.items()}
