"""The loop of an inversion: both stages, and between the steps ticks, states, pictures and requests from outside."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor

from core_model import __version__
from core_model.checkpoints.codes import save_code
from core_model.families.base import Painter
from core_model.inversion.camera import FreeCamera
from core_model.inversion.noise_maps import noise_maps
from core_model.inversion.stages import LatentStage, Search, TuneStage, tuned
from core_model.schema.inversion import CodeHeader
from core_model.schema.run import MetricRecord, RunState
from core_model.training.common.clock import PhaseClock, wall_time
from core_model.training.common.control import Requests
from core_model.training.common.distributed import Ranks
from core_model.training.common.run_directory import RunDirectory, snapshot_name
from core_model.training.common.ticks import TickMeans
from core_model.training.invert import state

NOVEL_YAWS = (-0.5, -0.25, 0.25, 0.5)
"""Yaws of the novel views about the photograph's camera, rad."""


@dataclass(frozen=True)
class Base:
    """The checkpoint's file, and what its weights and noise maps were (CPU), by name."""

    path: Path
    sha256: str
    weights: dict[str, Tensor]


class InvertLoop:
    """One run. viewer: a second painter of the same model, for pictures, so that they move no samples of the search.

    told: called with (stage, fraction of the run). wall_s: seconds that earlier starts have spent.
    """

    def __init__(
        self,
        run: RunDirectory,
        search: Search,
        viewer: Painter,
        base: Base,
        photo: str,
        stop_asked: Callable[[], bool],
        told: Callable[[str, float], None],
        wall_s: float = 0.0,
    ) -> None:
        self.run, self.search, self.viewer, self.base, self.photo, self.told = (
            run,
            search,
            viewer,
            base,
            photo,
            told,
        )
        device = search.likeness.target.device
        self.means = TickMeans(device, PhaseClock(device))
        self.requests = Requests(run, Ranks(0, 1, device), self.means, stop_asked)
        self._started = time.perf_counter() - wall_s
        self._kept = -1
        self.step = 0

    @property
    def wall_s(self) -> float:
        return time.perf_counter() - self._started - self.requests.paused_s

    def go(self, *, resume: bool) -> RunState:
        """Both stages until the end or a stop; the run is saved whichever comes."""
        cfg, path = self.search.cfg, self.run.root / "state.safetensors"
        saved = state.load(path) if resume and path.exists() else None
        done = 0 if saved is None else saved.step + (cfg.latent_total if saved.stage == "tuning" else 0)
        self.step = done
        self.run.forget_beyond(done)
        self.run.log(f"inverting from step {done}")
        self.run.update(state="running", step=done, images=done)
        if saved is None or saved.stage == "latent":
            stage: LatentStage | TuneStage = LatentStage(self.search)
            if saved is not None:
                state.put(saved, stage)
            if not self._steps(stage, path, 0):
                return "stopped"
            stage.close()
        tuning = TuneStage(self.search)
        if saved is not None and saved.stage == "tuning":
            state.put(saved, tuning)
        if not self._steps(tuning, path, cfg.latent_total):
            return "stopped"
        tuning.close()
        self._write(self.run.root / "code.safetensors", tuning.total)
        return "finished"

    def _steps(self, stage: LatentStage | TuneStage, path: Path, before: int) -> bool:
        """The rest of a stage's steps; False where it was asked to stop."""
        cfg, total = self.search.cfg, self.search.cfg.steps

        def keep() -> None:
            self._tick(stage)
            state.save(path, stage)
            self._show(stage)

        while stage.step < stage.total:
            # only where samples are placed anew: a run that goes on from here is the same run
            if stage.step % cfg.refresh == 0 and self.requests.served(self.step, keep):
                keep()
                return False
            losses = stage.advance()
            self.step = before + stage.step
            self.means.add({k: v for k, v in losses.items() if math.isfinite(v)}, 1)
            self.told(stage.name, self.step / max(1, total))
            if stage.step == stage.total or stage.step % cfg.picture_steps == 0:
                keep()
                continue
            if stage.step % cfg.tick_steps == 0:
                self._tick(stage)
            if stage.step % cfg.save_steps == 0:
                state.save(path, stage)
        return True

    def _tick(self, stage: LatentStage | TuneStage) -> None:
        if not self.means.steps:
            return
        tick = self.means.take(self.step, self.step, self.wall_s, stage.schedule(), stage=stage.name)
        self.run.tick(tick)
        left = (self.search.cfg.steps - self.step) * tick.speed["step_ms"] / 1000.0
        text = "  ".join(f"{k} {v:.4f}" for k, v in tick.losses.items())
        self.run.say(f"{stage.name} {self.step}  {tick.wall_s:.0f} s, {left:.0f} s left  {text}")

    @torch.no_grad()
    def _show(self, stage: LatentStage | TuneStage) -> None:
        """Pictures, the error against the photograph, and the code as it is."""
        if self._kept == self.step:
            return
        self._kept = self.step
        started, size = time.perf_counter(), self.search.likeness.target.shape[-1]
        render = self._view(self.search.camera).clamp(0.0, 1.0)
        target = self.search.likeness.target
        novel = [self._view(self._turned(yaw)).clamp(0.0, 1.0) for yaw in NOVEL_YAWS]
        off = (render - target).abs().mul(4.0).clamp(0.0, 1.0)
        bytes_of = lambda x: x.mul(255.0).round().to(torch.uint8).cpu()
        sheet = torch.cat([bytes_of(x) for x in (target, render, off, *novel)])
        if not (self.run.root / "images" / "reals.png").exists():
            self.run.picture("reals", bytes_of(target), 1, 0, 0)
        self.run.picture("fakes", sheet, len(sheet), self.step, self.step)
        psnr = self.search.likeness.psnr(render)
        name = f"snapshots/{snapshot_name(self.step)}"
        self._write(self.run.root / name, stage.step if stage.name == "tuning" else 0, psnr)
        self.run.update(last_snapshot=name, step=self.step, images=self.step, wall_s=self.wall_s)
        self.run.metric(
            MetricRecord(
                step=self.step, images=self.step, kimg=self.step / 1000.0, time=wall_time(), snapshot=name,
                scores={"mse": 10.0 ** (-0.1 * psnr)}, seconds=time.perf_counter() - started,
            )
        )  # fmt: skip
        self.run.say(f"{psnr:.2f} dB at step {self.step}, {size}² pixels")
        self.means.restart()

    def _view(self, camera: FreeCamera) -> Tensor:
        search = self.search
        size = search.likeness.target.shape[-1]
        return self.viewer.paint(search.ws(search.x), camera.label(), size, fresh=True).image

    def _turned(self, yaw: float) -> FreeCamera:
        camera = FreeCamera(self.search.camera.camera()).to(self.search.x.device)
        camera.turn[1] += yaw
        return camera

    @torch.no_grad()
    def _write(self, path: Path, tune_steps: int, psnr: float | None = None) -> None:
        """The code as it is now."""
        search, base, module = self.search, self.base, self.search.model.module
        if psnr is None:
            psnr = search.likeness.psnr(self._view(search.camera))
        header = CodeHeader(
            base_sha256=base.sha256, base_name=base.path.name, base_path=str(base.path.absolute()), name=self.photo[:255],
            camera=tuple(search.camera.label()[0].double().cpu().tolist()), size=search.likeness.target.shape[-1],
            psnr=psnr, latent_steps=min(self.step, search.cfg.latent_total), tune_steps=tune_steps,
            made_by=f"triscope {__version__}", made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )  # fmt: skip
        deltas = (
            {n: p.detach().cpu() - base.weights[n] for n, p in tuned(module).items()} if tune_steps else {}
        )
        noise = noise_maps(module) if search.cfg.noise_lr else {}
        save_code(path, header, search.ws(search.x)[0], deltas, noise)
