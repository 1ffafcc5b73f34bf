"""Times real training steps: a few of every stage of the schedule, with the real settings, data and process
count.

`triscope train … --measure` does it and prints a JSON line per stage; `measured` starts that command with a
time limit and keeps the result for this machine and these settings. The networks are untrained, so the times
are those of a stage's sizes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import torch
from pydantic import ValidationError

from core_model import __version__
from core_model.data.order import DataPosition, ImageBatches
from core_model.ops import devices
from core_model.ops.cores import usable_cores
from core_model.schema.atomic import write_atomic
from core_model.schema.errors import TriscopeError
from core_model.schema.frozen import Frozen
from core_model.schema.home import home
from core_model.schema.processes import JOB_VARIABLE, kill_tree, start_tied, started_at, tree_of
from core_model.schema.train import TrainConfig
from core_model.training.common.clock import PhaseClock
from core_model.training.common.distributed import Ranks, join_ranks
from core_model.training.gan.optimise import Optimisers
from core_model.training.gan.pictures import EVALUATION, average_images
from core_model.training.gan.recipes import recipe_of
from core_model.training.gan.step import GanStep

LIMIT_S = 60.0
KEPT_S = 7 * 86400.0
STEPS = 2
PICTURES = 8
CACHE_VARIABLE = "TRISCOPE_CACHE_DIR"


class StageTime(Frozen):
    """Seconds of one step of stage number `stage` (R1 at its share of steps), and of one picture of the
    average generator.
    """

    stage: int
    step_s: float
    picture_s: float


class Measured(Frozen):
    """stages: those measured within the time limit. at: when, seconds since 1970. why_not: why there are
    none.
    """

    stages: tuple[StageTime, ...] = ()
    at: float = 0.0
    why_not: str = ""


def measured(
    cfg: TrainConfig, device: str, processes: int, arguments: Sequence[str], order: Sequence[int] = ()
) -> Measured:
    """The times of `triscope train ARGUMENTS` on this machine, cached or measured now.

    order: stage numbers, in the order in which they are measured.
    """
    path = cache_dir() / "forecast" / f"{_key(cfg, device, processes)}.json"
    with suppress(OSError, ValidationError):
        kept = Measured.model_validate_json(path.read_bytes())
        if time.time() - kept.at < KEPT_S:
            return kept
    found = _try(arguments, processes, LIMIT_S, order)
    if found.stages:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, found.model_dump_json().encode())
    return found


def cache_dir() -> Path:
    """Folder of files that can be made again: TRISCOPE_CACHE_DIR, else the platform's cache folder. It need
    not exist.
    """
    if os.environ.get(CACHE_VARIABLE):
        return Path(os.environ[CACHE_VARIABLE])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home() / "AppData" / "Local") / "triscope" / "cache"
    if sys.platform == "darwin":
        return home() / "Library" / "Caches" / "triscope"
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else home() / ".cache") / "triscope"


def _key(cfg: TrainConfig, device: str, processes: int) -> str:
    """Hash of machine and settings; leaves out where the data lies and how often pictures are written."""
    settings = cfg.model_dump(
        mode="json",
        exclude={"preset": True, "seed": True, "data": {"path"}, "output": True, "start_from": True},
    )
    chosen = devices.choose(device, "--device")
    gpu = "" if chosen.type == "cpu" else devices.device_name(chosen)
    machine = (
        platform.node(),
        platform.machine(),
        _cpu(),
        usable_cores(),
        gpu,
        device,
        processes,
        torch.__version__,
        __version__,
    )
    return hashlib.sha256(json.dumps([settings, machine], sort_keys=True).encode()).hexdigest()[:24]


def _cpu() -> str:
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line for line in lines if line.startswith("model name")), platform.processor())
    return platform.processor()


def _try(arguments: Sequence[str], processes: int, limit_s: float, order: Sequence[int]) -> Measured:
    """Run `triscope train ARGUMENTS --measure` to its end or for `limit_s`; its whole process tree ends with
    this call.
    """
    words = [w for w in arguments if w != "--dry-run"]
    command = [
        sys.executable,
        "-m",
        "core_model.cli.main",
        "train",
        *words,
        "--measure=" + ",".join(map(str, order)),
    ]
    if not any(w.split("=")[0] == "--processes" for w in words):
        command.append(f"--processes={processes}")
    mark = f"measure-{os.getpid()}-{time.time_ns()}"
    root = Path(__file__).parents[3]
    paths = os.pathsep.join(p for p in (str(root), os.environ.get("PYTHONPATH", "")) if p)
    child = start_tied(
        command, os.environ | {JOB_VARIABLE: mark, "PYTHONPATH": paths}, own=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    born = started_at(child.pid)
    late = threading.Event()

    def end() -> None:
        kill_tree(lambda: tree_of(mark, child.pid, born))

    give_up = threading.Timer(limit_s, lambda: (late.set(), end()))
    give_up.start()
    stages: list[StageTime] = []
    try:
        assert child.stdout is not None and child.stderr is not None
        for line in child.stdout:
            with suppress(ValidationError):
                stages.append(StageTime.model_validate_json(line))
        said = child.stderr.read().strip().splitlines()
    finally:
        give_up.cancel()
        end()
        child.wait()
    why_not = ""
    if not stages:
        last = said[-1].removeprefix("triscope: ") if said else "the process that measures said nothing"
        why_not = f"no step ended within {limit_s:.0f} s" if late.is_set() else last
    return Measured(stages=tuple(stages), at=time.time(), why_not=why_not)


def measure(cfg: TrainConfig, device: str, order: Sequence[int], say: Callable[[StageTime], None]) -> None:
    """Time a few steps of every stage on all processes; rank 0 prints the results. No file is written."""
    from core_model.training.gan.run import open_data, set_precision

    set_precision(cfg, device)
    ranks = join_ranks(device)
    try:
        if cfg.batch % ranks.world:
            raise TriscopeError(f"a batch of {cfg.batch} is no multiple of {ranks.world} processes")
        dataset = open_data(cfg)
        recipe = recipe_of(cfg, ranks.device, dataset.labels(), ranks.rank)
        stepper = GanStep(recipe, Optimisers(recipe), ranks, PhaseClock(ranks.device))
        batches = ImageBatches(
            dataset, cfg.batch // ranks.world, cfg.seed, rank=ranks.rank, world=ranks.world, workers=cfg.data.workers,
            position=DataPosition(seed=cfg.seed, size=len(dataset)),
        )  # fmt: skip
        moments = cfg.moments()
        with batches:
            for stage in order or range(len(moments) - 1):
                start, stop = moments[stage], moments[stage + 1]
                step_s = _step_seconds(cfg, stepper, batches, start, stop, ranks)
                chunk = max(1, min(16, cfg.microbatch or cfg.batch // ranks.world))
                started = time.perf_counter()
                if ranks.writer:
                    average_images(recipe, round((start + stop) / 2), PICTURES, EVALUATION, chunk)
                    say(
                        StageTime(
                            stage=stage, step_s=step_s, picture_s=(time.perf_counter() - started) / PICTURES
                        )
                    )
    finally:
        ranks.close()


def chosen_steps(start: float, stop: float, batch: int, interval: int) -> tuple[int, int | None]:
    """(a step without R1 penalty near the middle of a stage, one with it; None where the stage has none).
    start, stop: in images.
    """
    first = math.ceil(start / batch)
    last = max(first, math.ceil(stop / batch) - 1)
    middle = (first + last) // 2
    near = sorted(
        range(max(first, middle - interval), min(last, middle + interval) + 1),
        key=lambda step: abs(step - middle),
    )
    penalised = next((step for step in near if step % interval == 0), None)
    plain = next((step for step in near if step % interval), middle)
    return plain, penalised


def _step_seconds(
    cfg: TrainConfig, stepper: GanStep, batches: ImageBatches, start: float, stop: float, ranks: Ranks
) -> float:
    """Mean seconds of a step of one stage, after one that is not timed; R1 penalties by their share."""
    interval = cfg.loss.r1_interval

    def seconds(step: int) -> float:
        started = time.perf_counter()
        stepper.run(step, next(batches), cfg.augment.p)
        devices.synchronize(ranks.device)
        return time.perf_counter() - started

    plain, penalised = chosen_steps(start, stop, cfg.batch, interval)
    seconds(plain)
    without = sum(seconds(plain) for _ in range(STEPS)) / STEPS
    if penalised is None or penalised == plain:
        return without
    return without + max(0.0, seconds(penalised) - without) / interval
