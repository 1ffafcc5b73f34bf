"""`triscope fit`: stages in order, run directory, resume, and the finished checkpoint."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch

from core_model.checkpoints.layout import read_header
from core_model.checkpoints.store import load_tensors, save_checkpoint
from core_model.data.heads import BACKGROUND_RGB
from core_model.families.wysiwyg.config import PRESETS
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.schema.camera import CameraPrior
from core_model.schema.checkpoint import CheckpointHeader, Provenance
from core_model.schema.conventions import Conventions
from core_model.schema.errors import InputError
from core_model.schema.fit import FitConfig
from core_model.schema.run_owner import owned
from core_model.training.common.distributed import Ranks, join_ranks
from core_model.training.fit.card import model_card
from core_model.training.fit.generator_stage import GeneratorStage, Report, set_w_average
from core_model.training.fit.mapping_stage import best_readout, fit_mapping
from core_model.training.fit.pool import TruthPool
from core_model.training.fit.proposal_stage import ProposalStage
from core_model.training.fit.truth import TruthSpec


def heads_conventions(cfg: FitConfig) -> Conventions:
    return Conventions(background=BACKGROUND_RGB, scene_radius=cfg.scene_radius)


def settings_of(out: Path, cfg: FitConfig, *, resume: bool) -> FitConfig:
    """Of a run that goes on: the settings it began with, but threads and workers of `cfg`, which are a matter of the machine."""
    path = out / "config.json"
    if not (resume and path.exists()):
        return cfg
    saved = FitConfig.model_validate_json(path.read_text())
    return saved.replace(threads=cfg.threads, workers=cfg.workers)


def run_fit(out: Path, cfg: FitConfig, *, resume: bool = False) -> Path:
    """Fit into the run directory `out`; returns the checkpoint. Stops cleanly on SIGTERM and SIGINT with its state saved.

    One of several processes (`siblings`) takes its share of every step's heads; the first of them writes, and fits the proposals.
    """
    ranks = join_ranks("cpu")
    try:
        if ranks.writer:
            _check_place(out, cfg, resume)  # before anything is written there
        with owned(out) if ranks.writer else nullcontext():
            return _run_fit(out, cfg, ranks, resume)
    finally:
        ranks.close()


def _run_fit(out: Path, cfg: FitConfig, ranks: Ranks, resume: bool) -> Path:
    if ranks.writer:
        cfg = _open_run(out, cfg, resume)
    ranks.barrier()
    if not ranks.writer:
        cfg = settings_of(out, cfg, resume=True).replace(workers=0)
    torch.set_num_threads(cfg.threads)
    torch.set_float32_matmul_precision("medium")
    torch.manual_seed(cfg.seed)
    network = PRESETS[cfg.preset]
    generator = WysiwygGenerator(network, heads_conventions(cfg), seed=cfg.seed)
    generator.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    report: Report = _Log(out).write if ranks.writer else lambda *_: None
    state, checkpoint = out / "state.safetensors", out / "checkpoint.safetensors"
    known = resume and state.exists()
    if not known:
        fit_mapping(generator.mapping, cfg, report)
    stage = GeneratorStage(generator, cfg, ranks)  # its average starts from the mapping as it is now
    if known:
        stage.load(state)
    if stage.readout is None and cfg.parameter_weight:
        stage.readout = best_readout(generator.mapping)
    with _stop_flag() as stopping:
        complete = _fit_generator(stage, out, report, stopping)
        if not ranks.writer:
            return checkpoint
        stage.put(stage.average)
        set_w_average(generator)
        if complete and generator.proposal is not None:
            complete = _fit_proposals(generator, cfg, out, report, stopping)
    write_checkpoint(checkpoint, generator, cfg, stage.step)
    print(f"{'finished' if complete else 'stopped; continue with --resume'}: {checkpoint}", flush=True)
    return checkpoint


def _fit_generator(stage: GeneratorStage, out: Path, report: Report, stopping: Callable[[], bool]) -> bool:
    """True when the generator has had all its steps."""
    if stage.step >= stage.cfg.steps:
        return True
    network = stage.model.cfg
    spec = TruthSpec(network.z_dim, stage.cfg.ray_points, stage.cfg.stored_rays, 0.5, network.image_size)
    pool = TruthPool(out / "truth", spec, stage.cfg)
    try:
        return stage.run(pool, out / "state.safetensors", report, stopping)
    finally:
        pool.close()


def _fit_proposals(generator: WysiwygGenerator, cfg: FitConfig, out: Path, report: Report, stopping: Callable[[], bool]) -> bool:
    stage = ProposalStage(generator, cfg)
    state = out / "proposal_state.safetensors"
    if state.exists():
        stage.load(state)
    elif cfg.proposal_init:
        stage.start_from(Path(cfg.proposal_init))
    complete = stage.run(state, report, stopping)
    stage.net.load_state_dict(stage.average)
    return complete


def heads_seen(cfg: FitConfig) -> int:
    """Heads, counted as often as they were shown, of a complete run of the generator."""
    coarse = min(cfg.coarse_steps, cfg.steps)
    return coarse * cfg.coarse_heads + (cfg.steps - coarse) * cfg.heads


def write_checkpoint(path: Path, generator: WysiwygGenerator, cfg: FitConfig, steps: int) -> None:
    """The generator as a native checkpoint."""
    header = CheckpointHeader(
        family="wysiwyg",
        name="heads",
        config=generator.cfg.model_dump(),
        conventions=generator.conventions,
        camera=CameraPrior(yaw_std=0.3, pitch_std=0.2, law="normal"),
        provenance=Provenance(
            made_by="triscope fit",
            made_at=time.strftime("%Y-%m-%d"),
            command=f"triscope fit --out RUN --seed {cfg.seed}",
            data="procedural heads (triscope data heads) with known signed distance and colour",
            steps=steps,
            images_seen=float(heads_seen(cfg)),
            ema=True,
            notes="Fitted to known truth, not trained adversarially. The head of a latent is the first 48 numbers of z / rms(z).",
        ),
        licence="Apache-2.0",
        target_blur=cfg.blur_bins if generator.cfg.proposal_channels else None,
    )
    save_checkpoint(path, header, generator.state_dict())


def export_checkpoint(source: Path, target: Path, run: Path, scores: dict[str, float]) -> None:
    """Half-precision copy of a checkpoint with its scores in the header, and its model card beside it."""
    stored = read_header(source)
    header = stored.header
    header = header.replace(name=target.stem, provenance=header.provenance.replace(scores=scores))
    save_checkpoint(target, header, load_tensors(source), half=True)
    cfg = FitConfig.model_validate_json((run / "config.json").read_text())
    card = target.with_suffix(".md")
    temp = card.with_name(f".{card.name}.tmp")
    notes = run / "notes.md"
    text = model_card(read_header(target), cfg) + (notes.read_text(encoding="utf-8") if notes.exists() else "")
    temp.write_text(text, encoding="utf-8")
    os.replace(temp, card)


def _check_place(out: Path, cfg: FitConfig, resume: bool) -> FitConfig:
    """The settings to fit with; raises InputError where there is nothing to resume, or a run already."""
    path = out / "config.json"
    if path.exists():
        if not resume:
            raise InputError(what="run directory is in use", where=str(out), expected="a new folder, or --resume", got="config.json")
        return settings_of(out, cfg, resume=True)
    if resume:
        raise InputError(what="nothing to resume", where=str(out), expected="config.json of a fit", got="none")
    if cfg.preset not in PRESETS:
        raise InputError(what="unknown preset", where="fit", expected=f"one of {', '.join(PRESETS)}", got=cfg.preset)
    return cfg


def _open_run(out: Path, cfg: FitConfig, resume: bool) -> FitConfig:
    cfg, path = _check_place(out, cfg, resume), out / "config.json"
    if not path.exists():
        temp = path.with_suffix(".tmp")
        temp.write_text(cfg.model_dump_json(indent=1))
        os.replace(temp, path)
    return cfg


@contextmanager
def _stop_flag() -> Iterator[Callable[[], bool]]:
    """SIGTERM and SIGINT ask for a clean stop while the run lasts; afterwards the handlers of before are back."""
    stop = {"now": False}

    def ask(*_: object) -> None:
        stop["now"] = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: stop["now"]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Log:
    """One JSON line every ten steps in RUN/stats.jsonl, one readable line on stdout every fifty."""

    def __init__(self, out: Path) -> None:
        self.path, self.start = out / "stats.jsonl", time.time()
        self.sums: dict[str, float] = {}
        self.count = 0

    def write(self, stage: str, step: int, losses: dict[str, float]) -> None:
        self.count += 1
        for k, v in losses.items():
            self.sums[k] = self.sums.get(k, 0.0) + v
        if self.count < 10:
            return
        mean = {k: v / self.count for k, v in self.sums.items()}
        line = {"stage": stage, "step": step + 1, "seconds": round(time.time() - self.start, 1), **mean}
        with self.path.open("a") as f:
            f.write(json.dumps(line) + "\n")
        if (step + 1) % 50 < 10:  # lines are ten steps apart; a resumed run need not start at a round step
            text = "  ".join(f"{k} {v:.4f}" for k, v in mean.items())
            print(f"{stage} {step + 1}  {line['seconds']:.0f} s  {text}", flush=True)
        self.sums, self.count = {}, 0
