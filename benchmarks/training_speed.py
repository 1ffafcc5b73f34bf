"""Steps of `heads64-cpu`.

Images per second of the trainer's path (a coarse pass first, gradients only for samples that matter) beside
the plain one, in one run. Both
paths take turns with equal networks and batches on the same cores. Weights are fresh: their density is
more diffuse than a trained surface, so more samples matter than later in a run.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.running import Findings, Settings, run_script
from core_model.schema.bench import measure

PRESET = "heads64-cpu"
IMAGES = 16  # of the little set; decoding is no part of a step's work
ROUNDS, STEPS = 2, 1


def body(settings: Settings) -> Findings:
    """img/s before proposals, and at the end of the schedule with them."""
    import torch

    from core_model.data.heads_dataset import write_heads_dataset
    from core_model.schema.train_presets import PRESETS

    torch.set_num_threads(settings.threads)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "heads.zip"
        write_heads_dataset(data, 8 if settings.quick else IMAGES, 64, depth=False)
        base = PRESETS.get(PRESET)
        base = base.replace(data=base.data.replace(path=str(data)))
        if settings.quick:
            base = base.replace(batch=2)
        found = {name: stage(base, name, images, settings) for name, images in stages(base).items()}
    measures = tuple(
        measure(
            f"step_{name}",
            f"training step of {PRESET}, {name.replace('_', ' ')}, batch {base.batch}",
            "img/s",
            one["culled"]["images_s"],
            better="higher",
            plain=one["plain"]["images_s"],
            plain_path=one["plain"]["path"],
            note="per second of processor time" if settings.threads == 1 else "per second",
        )
        for name, one in found.items()
    )
    return Findings(measures, {"stages": found, "forecast_minutes": minutes(base, found)})


def stages(base: Any) -> dict[str, int]:
    """Moments of the schedule, in images, of each kind of step."""
    propose = next(x for x, y in base.schedule.propose.points if y >= 0.5)
    return {"full": 0, "full_by_proposals": int(propose)}


def stage(base: Any, name: str, images: int, settings: Settings) -> dict[str, Any]:
    """Both paths in turns: the median step, and R1's share."""
    r = base.render
    plain = base.replace(render=r.replace(samples=r.samples + r.refine, refine=0, cull_floor=0.0))
    path = f"all {r.samples + r.refine} samples of every ray with gradients, planes by table lookup"
    if name == "full_by_proposals":
        path = "all proposed samples with gradients, planes by table lookup"
    runs = {"culled": Steps(base, images), "plain": Steps(plain, images)}
    for _ in range(1 if settings.quick else ROUNDS):
        for run in runs.values():
            run.round(1 if settings.quick else STEPS)
    found = {key: run.result() for key, run in runs.items()}
    found["plain"]["path"] = path
    return found


class Steps:
    """One trainer held at one moment of its schedule."""

    def __init__(self, cfg: Any, images: int) -> None:
        import torch

        from core_model.data.order import ImageBatches
        from core_model.training.common.clock import PhaseClock
        from core_model.training.common.distributed import join_ranks
        from core_model.training.gan.optimise import Optimisers
        from core_model.training.gan.recipes import recipe_of
        from core_model.training.gan.run import open_data
        from core_model.training.gan.step import GanStep

        ranks, data = join_ranks("cpu"), open_data(cfg)
        recipe = recipe_of(cfg, "cpu", data.labels())
        self.cfg, self.clock = cfg, PhaseClock(torch.device("cpu"))
        self.stepper = GanStep(recipe, Optimisers(recipe), ranks, self.clock)
        with ImageBatches(data, cfg.batch, cfg.seed, rank=0, world=1, workers=0) as batches:
            self.reals = next(batches)
        k = cfg.loss.r1_interval
        self.first = -(-(images // cfg.batch) // k) * k  # a step with R1
        # one thread: processor time, which others on the machine do not lengthen
        self.time = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
        self.steps: list[float] = []
        self.penalties: list[float] = []
        self.ms: dict[str, list[float]] = {}
        self.stepper.run(self.first + 1, self.reals, 0.0)
        whole, plain = self.timed(self.first), self.timed(self.first + 1)
        self.penalties.append(max(0.0, whole - plain))

    def round(self, count: int) -> None:
        """`count` steps without R1."""
        for i in range(count):
            self.clock.read()
            self.steps.append(self.timed(self.first + 2 + i))
            for phase, ms in self.clock.read().items():
                self.ms.setdefault(phase, []).append(ms)

    def timed(self, step: int) -> float:
        """Milliseconds of one step."""
        started = self.time()
        self.stepper.run(step, self.reals, 0.0)
        return 1000.0 * (self.time() - started)

    def result(self) -> dict[str, Any]:
        """img/s with R1 shared out over its interval, and the medians by phase in ms."""
        step, r1 = statistics.median(self.steps), statistics.median(self.penalties)
        ms = {phase: round(statistics.median(values), 1) for phase, values in self.ms.items()}
        whole = step + r1 / self.cfg.loss.r1_interval
        return {
            "images_s": 1000.0 * self.cfg.batch / whole,
            "wall_ms": ms,
            "r1_ms": round(r1, 1),
            "steps": len(self.steps),
        }


def minutes(base: Any, found: dict[str, Any]) -> dict[str, float]:
    """Minutes of the whole schedule at these rates; learning proposals costs what rendering by them does. Evaluations come on top."""
    total = {}
    for path in ("culled", "plain"):
        cost = {name: 1.0 / one[path]["images_s"] for name, one in found.items()}
        learn = next(x for x, y in base.schedule.supervise.points if y >= 0.5)
        seconds = learn * cost["full"] + (base.images - learn) * cost["full_by_proposals"]
        total[path] = round(seconds / 60.0, 1)
    return total


if __name__ == "__main__":
    sys.exit(run_script("training_speed", "Training steps on the CPU", body))
