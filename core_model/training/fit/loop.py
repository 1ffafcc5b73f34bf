"""The loop of a fit: mapping, generator, proposal network.

Between the steps: ticks, saved states, snapshots, and requests from outside.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch

from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.schema.fit import FitConfig
from core_model.schema.run import MetricRecord, RunState
from core_model.session import RenderSession
from core_model.training.common.clock import PhaseClock, wall_time
from core_model.training.common.control import Requests
from core_model.training.common.distributed import Ranks
from core_model.training.common.run_directory import RunDirectory, snapshot_name
from core_model.training.common.ticks import TickMeans
from core_model.training.fit.checkpoint import heads_seen, write_checkpoint
from core_model.training.fit.generator_stage import ALONE, GeneratorStage, set_w_average
from core_model.training.fit.mapping_stage import best_readout, fit_mapping
from core_model.training.fit.pictures import FIRST_UNSEEN, sheet, unseen_head
from core_model.training.fit.pool import TruthPool
from core_model.training.fit.proposal_stage import ProposalStage
from core_model.training.fit.state import saved_step
from core_model.training.fit.truth import TruthSpec

MAPPING_COST = 0.1
"""Of a step of the mapping, in those of the generator: 45 ms and half a second on two cores."""


class Stage(Protocol):
    """A stage that can be saved: `step` of `total` are done."""

    name: str
    step: int
    total: int

    def advance(self) -> dict[str, float]: ...
    def schedule(self) -> dict[str, float]: ...
    def save(self, path: Path) -> None: ...
    def fill(self, shadow: WysiwygGenerator) -> None: ...


class FitLoop:
    """One process of a fit. Only the writer has a `RunDirectory`; it fits the proposal network alone.

    Steps of the run count through the stages: mapping, generator, proposals.
    wall_s: seconds that earlier starts have spent.
    """

    def __init__(
        self,
        out: Path,
        cfg: FitConfig,
        ranks: Ranks,
        generator: WysiwygGenerator,
        run: RunDirectory | None,
        stop_asked: Callable[[], bool],
        wall_s: float = 0.0,
        progress: Callable[[str, float], None] | None = None,
    ) -> None:
        self._progress = progress
        self.out, self.cfg, self.ranks, self.generator, self.run = out, cfg, ranks, generator, run
        self.means = TickMeans(ranks.device, PhaseClock(ranks.device))
        self.requests = Requests(run, ranks, self.means, stop_asked)
        self.alone = Requests(run, ALONE, self.means, stop_asked)
        self.generator_steps = self.proposal_steps = 0
        self.step = 0
        self._kept = -1
        self._started = time.perf_counter() - wall_s

    @property
    def images(self) -> int:
        """Heads that were shown so far, each as often as it was."""
        return heads_seen(self.cfg, self.generator_steps) + self.proposal_steps

    @property
    def wall_s(self) -> float:
        paused = self.requests.paused_s + self.alone.paused_s
        return time.perf_counter() - self._started - paused

    def train(self, *, resume: bool) -> RunState:
        """All stages until the end or a stop; the run is saved whichever comes.

        Before the generator there is nothing to save.
        """
        cfg, state, later = self.cfg, self.out / "state.safetensors", self.out / "proposal_state.safetensors"
        known = resume and state.exists()
        if known:
            self.generator_steps = saved_step(state)
            self.step = cfg.mapping_steps + self.generator_steps
            if self.generator_steps >= cfg.steps and later.exists():
                self.proposal_steps = saved_step(later)
                self.step += self.proposal_steps
        self._begin()
        if not known and not fit_mapping(self.generator.mapping, cfg, self._mapped, self._mapping_stops):
            self._tick("mapping", {})
            return "stopped"
        stage = GeneratorStage(
            self.generator, cfg, self.ranks
        )  # its average starts from the mapping as it is now
        if known:
            stage.load(state)
        if stage.readout is None and cfg.parameter_weight:
            stage.readout = best_readout(self.generator.mapping)
        complete = self._fit_generator(stage, state)
        if self.run is None:
            return "finished" if complete else "stopped"
        stage.put(stage.average)
        set_w_average(self.generator)
        if complete and self.generator.proposal is not None:
            complete = self._fit_proposals(later)
        write_checkpoint(self.out / "checkpoint.safetensors", self.generator, cfg, stage.step)
        return "finished" if complete else "stopped"

    def _begin(self) -> None:
        if self.run is not None:
            self.run.forget_beyond(self.step)
            self.run.log(f"fitting from step {self.step} in {self.ranks.world} processes")
            self.run.update(state="running", step=self.step, images=self.images)

    def _mapped(self, name: str, step: int, losses: dict[str, float]) -> None:
        """One step of stage zero was made."""
        self.step = step + 1
        self.means.add(losses, 0)
        self._told(name)
        if self.step % self.cfg.tick_steps == 0 or self.step == self.cfg.mapping_steps:
            self._tick(name, {})

    def _mapping_stops(self) -> bool:
        return self.requests.served(self.step, self._nothing_to_save)

    def _nothing_to_save(self) -> None:
        if self.run is not None:
            self.run.say("nothing is saved before the mapping is learned: a resumed run learns it again")

    def _fit_generator(self, stage: GeneratorStage, state: Path) -> bool:
        """True when the generator has had all its steps."""
        if stage.step >= stage.total:
            return True
        network = self.generator.cfg
        conv, cfg = self.generator.conventions, self.cfg
        spec = TruthSpec(
            network.z_dim,
            conv.plane_axes,
            network.plane_size,
            cfg.stored_points,
            cfg.stored_surface,
            cfg.stored_rays,
            conv.box,
        )
        stage.pool = TruthPool(self.out / "truth", spec, self.cfg)
        try:
            return self._steps(stage, state, self.requests)
        finally:
            stage.pool.close()

    def _fit_proposals(self, state: Path) -> bool:
        stage = ProposalStage(self.generator, self.cfg)
        if state.exists():
            stage.load(state)
        elif self.cfg.proposal_init:
            stage.start_from(Path(self.cfg.proposal_init))
        complete = self._steps(stage, state, self.alone)
        stage.net.load_state_dict(stage.average)
        return complete

    def _steps(self, stage: Stage, state: Path, requests: Requests) -> bool:
        """The rest of a stage's steps; False where it was asked to stop."""
        cfg, offset = self.cfg, self.step - stage.step

        def keep() -> None:
            self._tick(stage.name, stage.schedule())
            stage.save(state)
            self._snapshot(stage)

        while stage.step < stage.total:
            if requests.served(self.step, keep):
                keep()
                return False
            before = self.images
            losses = stage.advance()
            self.step = offset + stage.step
            if isinstance(stage, ProposalStage):
                self.proposal_steps = stage.step
            else:
                self.generator_steps = stage.step
            self.means.add({k: v for k, v in losses.items() if math.isfinite(v)}, self.images - before)
            self._told(stage.name)
            last = stage.step == stage.total
            if last or stage.step % cfg.snapshot_steps == 0:
                keep()
                continue
            if stage.step % cfg.tick_steps == 0:
                self._tick(stage.name, stage.schedule())
            if stage.step % cfg.save_every == 0:
                stage.save(state)
        return True

    def _told(self, name: str) -> None:
        """How far the fit is, where somebody watches; a step of the mapping costs next to nothing beside the others."""
        if self._progress is None:
            return
        cfg, mapped = self.cfg, min(self.step, self.cfg.mapping_steps)
        later = cfg.steps + (cfg.proposal_steps if self.generator.proposal is not None else 0)
        whole = MAPPING_COST * cfg.mapping_steps + later
        self._progress(name, (MAPPING_COST * mapped + self.step - mapped) / max(whole, 1e-9))

    def _tick(self, name: str, schedule: dict[str, float]) -> None:
        """One line of stats.jsonl, and one that is read; nothing where no step was made since the last."""
        if not self.means.steps:
            return
        tick = self.means.take(self.step, self.images, self.wall_s, schedule, stage=name)
        if self.run is not None:
            self.run.tick(tick)
            text = "  ".join(f"{k} {v:.4f}" for k, v in tick.losses.items())
            self.run.say(f"{name} {self.step}  {tick.wall_s:.0f} s  {text}")

    def _snapshot(self, stage: Stage) -> None:
        """The running average as a checkpoint, pictures of unseen heads, and how far those are off."""
        if self.run is None or self._kept == self.step:
            return
        self._kept = self.step
        shadow = copy.deepcopy(self.generator)
        stage.fill(shadow)
        path = self.run.snapshots / snapshot_name(self.step)
        with_proposals = isinstance(stage, ProposalStage)
        write_checkpoint(path, shadow, self.cfg, self.generator_steps, with_proposals=with_proposals)
        self.run.update(
            last_snapshot=f"snapshots/{path.name}", step=self.step, images=self.images, wall_s=self.wall_s
        )
        self._pictures(self.run, path)
        self.means.restart()

    def _pictures(self, run: RunDirectory, path: Path) -> None:
        """Pictures of heads that the fit never sees, beside the true ones, and their mean squared error."""
        started, (columns, rows) = time.perf_counter(), self.cfg.grid
        session = RenderSession("cpu", threads=self.cfg.threads)
        made = [
            unseen_head(session, str(path), FIRST_UNSEEN + i, self.cfg.grid_size)
            for i in range(columns * rows)
        ]
        if not (run.root / "images" / "reals.png").exists():
            run.picture("reals", sheet([head.true_rgb for head in made]), columns, 0, 0)
        run.picture("fakes", sheet([head.rgb for head in made]), columns, self.step, self.images)
        error = sum(head.squared_error for head in made) / len(made)
        if math.isfinite(error):
            run.metric(
                MetricRecord(
                    step=self.step,
                    images=self.images,
                    kimg=self.images / 1000.0,
                    time=wall_time(),
                    snapshot=f"snapshots/{path.name}",
                    scores={"mse": error},
                    seconds=time.perf_counter() - started,
                )
            )
        torch.set_num_threads(self.cfg.threads)
