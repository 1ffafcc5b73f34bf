"""The training loop: steps, ticks, pictures, evaluations, snapshots, and requests from outside."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from core_model.data.images import ImageDataset
from core_model.data.order import ImageBatches
from core_model.losses.ada import AdaController
from core_model.metrics.sliced_wasserstein import PatchSet, patch_distances
from core_model.schema.errors import TriscopeError
from core_model.schema.run import MetricRecord, RunState, TickRecord
from core_model.schema.train import TrainConfig
from core_model.training.common.clock import PhaseClock, wall_time
from core_model.training.common.control import Requests
from core_model.training.common.distributed import Ranks
from core_model.training.common.run_directory import STATE_SUFFIX, RunDirectory, snapshot_name
from core_model.training.common.ticks import TickMeans
from core_model.training.gan.pictures import EVALUATION, GRID, average_images, real_images
from core_model.training.gan.snapshot import camera_prior, write_snapshot
from core_model.training.gan.state import Counters, Trained, save_state
from core_model.training.gan.step import GanStep, StepReport


class TrainingFailed(TriscopeError):
    """Training cannot go on; what was reached is saved."""


class TrainingLoop:
    """One process of a run. Only the writer has a `RunDirectory`; the others compute."""

    def __init__(
        self,
        cfg: TrainConfig,
        ranks: Ranks,
        dataset: ImageDataset,
        trained: Trained,
        counters: Counters,
        run: RunDirectory | None,
        stop_asked: Callable[[], bool],
    ) -> None:
        self.cfg, self.ranks, self.dataset, self.trained, self.run = cfg, ranks, dataset, trained, run
        self.counters = counters
        self.clock = PhaseClock(ranks.device)
        self.labels = dataset.labels()
        self.means = TickMeans(ranks.device, self.clock)
        self.requests = Requests(run, ranks, self.means, stop_asked)
        self.stepper = GanStep(trained.recipe, trained.optimisers, ranks, self.clock)
        a = cfg.augment
        self.ada = AdaController(
            a.target, a.interval, a.speed_images / 1000.0, counters.ada, highest=trained.recipe.highest_p
        )
        self._reals: PatchSet | None = None
        self._saved_step = counters.step if counters.step else -1
        self._started = time.perf_counter() - counters.wall_s

    def train(self) -> RunState:
        """Run steps until the end, a stop request or a failure; the run is saved in every case."""
        cfg = self.cfg
        batches = ImageBatches(
            self.dataset,
            cfg.batch // self.ranks.world,
            cfg.seed,
            rank=self.ranks.rank,
            world=self.ranks.world,
            workers=cfg.data.workers,
            position=self.counters.position,
        )
        with batches:
            if self.counters.step == 0:
                self._first_pictures()
            self.means.restart()
            while self.counters.step < cfg.steps:
                if self.requests.served(self.counters.step, self.save):
                    self.save()
                    return "stopped"
                self._one_step(batches)
            self.save()
        return "finished"

    def _one_step(self, batches: ImageBatches) -> None:
        cfg, done = self.cfg, self.counters
        started = time.perf_counter()
        reals = next(batches)
        self.clock.add("data", time.perf_counter() - started)
        p = cfg.augment.p if cfg.augment.mode == "fixed" else self.ada.p
        report = self.stepper.run(done.step, reals, p)
        self.means.add(report.values, cfg.batch)
        if cfg.augment.mode == "ada":
            sign = float(report.mean_sign)
            if math.isfinite(sign):
                self.ada.update(sign, cfg.batch, (report.looks - 1) * cfg.batch)
        self.counters = done.replace(
            step=done.step + 1,
            position=batches.position,
            ada=self.ada.state,
            wall_s=time.perf_counter() - self._started - self.requests.paused_s,
            bad_steps=done.bad_steps + bool(report.bad),
            bad_in_a_row=done.bad_in_a_row + 1 if report.bad else 0,
        )
        self._check(report)
        self._after_step(p)

    def _check(self, report: StepReport) -> None:
        """Log where gradients were not finite; raise when that happens too many times in a row."""
        for phase, gradients in report.bad:
            self._say(
                f"step {self.counters.step}: {phase} moved nothing, gradients are not finite: {gradients.text()}"
            )
        if self.counters.bad_in_a_row >= self.cfg.optim.max_bad_steps:
            self.save()
            first = f"{report.bad[0][0]}: {report.bad[0][1].text()}"
            raise TrainingFailed(
                f"{self.counters.bad_in_a_row} steps in a row had NaN or infinite gradients ({first})"
            )

    def _after_step(self, p: float) -> None:
        """Tick, pictures, evaluation and snapshot, where they are due."""
        cfg, step, o = self.cfg, self.counters.step, self.cfg.output
        number = step * cfg.batch // o.tick_images
        last = step >= cfg.steps
        if number == (step - 1) * cfg.batch // o.tick_images and not last:
            return
        images = step * cfg.batch
        changing = cfg.changing(images)
        tick = self.means.take(step, images, self.counters.wall_s, changing, p, self.counters.bad_steps)
        if self.run is not None:
            self.run.tick(tick)
            self._tell(tick)
            if number % o.image_ticks == 0 or last:
                self._grid()
        if number % o.snapshot_ticks == 0 or last:
            self.save()
        self.means.restart()

    def save(self) -> None:
        """Write resume state, then checkpoint, then record: whatever interrupts this, the newest complete
        state stays valid.
        """
        if self.run is None or self._saved_step == self.counters.step:
            return
        cfg, step = self.cfg, self.counters.step
        name = snapshot_name(step)
        save_state(
            self.run.snapshots / name.replace(".safetensors", STATE_SUFFIX), self.trained, self.counters
        )
        scores = self._evaluate(name) if cfg.output.evaluate and self.counters.step else {}
        prior = camera_prior(self.labels)
        write_snapshot(self.run.snapshots / name, self.trained.recipe, prior, step, scores)
        self.run.drop_old_states(cfg.output.keep_states)
        self.run.update(
            last_snapshot=f"snapshots/{name}", step=step, images=step * cfg.batch, wall_s=self.counters.wall_s
        )
        self._saved_step = step

    def _evaluate(self, name: str) -> dict[str, float]:
        """Sliced Wasserstein distance of the average generator's pictures to the data, on every level of
        detail and their mean.
        """
        assert self.run is not None
        cfg, started = self.cfg, time.perf_counter()
        count = cfg.output.evaluate_images
        if self._reals is None:
            self._reals = PatchSet()
            for part in real_images(self.dataset, count).split(64):
                self._reals.add(part)
        fakes = PatchSet()
        seen = self.counters.step * cfg.batch
        for part in average_images(self.trained.recipe, seen, count, EVALUATION, self._chunk()).split(64):
            fakes.add(part)
        levels = patch_distances(self._reals, fakes)
        edges = [cfg.data.resolution >> i for i in range(len(levels))]
        scores = {
            "swd": sum(levels) / len(levels),
            **{f"swd_{edge}": value for edge, value in zip(edges, levels, strict=True)},
        }
        if not all(math.isfinite(v) for v in scores.values()):
            self._say(f"step {self.counters.step}: the evaluation gave no finite number")
            return {}
        images = self.counters.step * cfg.batch
        self.run.metric(
            MetricRecord(
                step=self.counters.step, images=images, kimg=images / 1000.0, time=wall_time(), snapshot=f"snapshots/{name}", scores=scores,
                seconds=time.perf_counter() - started,
            )
        )  # fmt: skip
        self._say(f"evaluation at {images / 1000:.1f} kimg: swd {scores['swd']:.2f}")
        return scores

    def _first_pictures(self) -> None:
        if self.run is None:
            return
        columns, rows = self.cfg.output.grid
        self.run.picture("reals", real_images(self.dataset, columns * rows), columns, 0, 0)
        self._grid()
        if self.cfg.output.evaluate:
            self._evaluate("")

    def _grid(self) -> None:
        assert self.run is not None
        columns, rows = self.cfg.output.grid
        step = self.counters.step
        seen = step * self.cfg.batch
        images = average_images(self.trained.recipe, seen, columns * rows, GRID, self._chunk())
        self.run.picture("fakes", images, columns, step, seen)

    def _chunk(self) -> int:
        """Images rendered at once outside of steps: what a step's process does, at most 16."""
        return max(1, min(16, self.cfg.microbatch or self.cfg.batch // self.ranks.world))

    def _tell(self, tick: TickRecord) -> None:
        losses, left = tick.losses, (self.cfg.images - tick.images) / max(tick.speed["images_s"], 1e-9)
        self._say(
            f"{tick.kimg:8.1f} kimg  G {losses.get('loss/G', math.nan):6.3f}  D {losses.get('loss/D', math.nan):6.3f}  "
            f"{tick.schedule['resolution']:.0f} px  {tick.speed['images_s']:6.1f} img/s  {max(0.0, left) / 60:5.1f} min left"
        )

    def _say(self, text: str) -> None:
        if self.run is not None:
            self.run.say(text)
