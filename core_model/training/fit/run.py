"""`triscope fit`: opens or resumes a run, fits the generator, and leaves a record of how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from core_model.families.wysiwyg.config import PRESETS
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.schema.conventions import HEADS_BACKGROUND, Conventions
from core_model.schema.errors import InputError
from core_model.schema.fit import FitConfig
from core_model.schema.overrides import apply_overrides, changed_paths
from core_model.schema.run_owner import owned
from core_model.training.common.control import stop_flag
from core_model.training.common.distributed import Ranks, join_ranks
from core_model.training.common.run_directory import (
    RunDirectory,
    new_record,
    saved_config,
    saved_record,
    told_ending,
)
from core_model.training.fit.checkpoint import export_checkpoint, heads_seen
from core_model.training.fit.loop import FitLoop

__all__ = ["export_checkpoint", "resumed_settings", "run_fit", "settings_of"]

CHANGEABLE = ("threads", "workers")
"""A matter of the machine: what may differ when a run goes on."""


def heads_conventions(cfg: FitConfig) -> Conventions:
    return Conventions(background=HEADS_BACKGROUND, box=cfg.box, scene_radius=cfg.scene_radius)


def settings_of(out: Path, cfg: FitConfig, *, resume: bool) -> FitConfig:
    """Of a run that goes on: the settings it began with, but what is CHANGEABLE as in `cfg`."""
    path = out / "config.json"
    if not (resume and path.exists()):
        return cfg
    saved = saved_config(out, FitConfig)
    return saved.replace(threads=cfg.threads, workers=cfg.workers)


def resumed_settings(out: Path, changes: Sequence[tuple[str, str]]) -> FitConfig:
    """The settings saved in the run with the changes that it may have; raises InputError for others."""
    saved = saved_config(out, FitConfig)
    changed = apply_overrides(saved, changes, "fit")
    for path in changed_paths(changed, saved):
        if path not in CHANGEABLE:
            raise InputError(
                what=f"{path} cannot change when a run is resumed",
                where=str(out),
                expected=f"one of {', '.join(CHANGEABLE)}, or a new run",
            )
    return changed


def run_fit(
    out: Path,
    cfg: FitConfig,
    *,
    resume: bool = False,
    command: Sequence[str] = (),
    progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Fit into the run directory `out`; returns the checkpoint. progress: told the stage and the share of the whole after each step.

    Stops cleanly on SIGTERM and SIGINT with its state saved. One of several processes (`siblings`) takes its
    share of every step's heads; the first of them writes, and fits the proposals.
    """
    ranks = join_ranks("cpu")
    try:
        if ranks.writer:
            cfg = _check_place(out, cfg, resume)  # before anything is written there
        with owned(out) if ranks.writer else nullcontext():
            return _run_fit(out, cfg, ranks, resume, command, progress)
    finally:
        ranks.close()


def _run_fit(
    out: Path,
    cfg: FitConfig,
    ranks: Ranks,
    resume: bool,
    command: Sequence[str],
    progress: Callable[[str, float], None] | None,
) -> Path:
    run, wall_s = None, 0.0
    if ranks.writer:
        before = saved_record(out) if resume else None
        wall_s = before.wall_s if before is not None else 0.0
        run = _open_run(out, cfg, ranks, resume, command)
    ranks.barrier()
    if not ranks.writer:
        cfg = settings_of(out, cfg, resume=True).replace(workers=0)
    torch.set_num_threads(cfg.threads)
    torch.set_float32_matmul_precision("medium")
    torch.manual_seed(cfg.seed)
    checkpoint = out / "checkpoint.safetensors"
    with told_ending(run), stop_flag() as stopping:
        generator = WysiwygGenerator(PRESETS[cfg.preset], heads_conventions(cfg), seed=cfg.seed)
        loop = FitLoop(out, cfg, ranks, generator, run, stopping, wall_s, progress)
        state = loop.train(resume=resume)
    if run is not None:
        run.end(state)
        print(
            f"{'finished' if state == 'finished' else 'stopped; resume with --resume'}: {checkpoint}",
            flush=True,
        )
    return checkpoint


def _open_run(out: Path, cfg: FitConfig, ranks: Ranks, resume: bool, command: Sequence[str]) -> RunDirectory:
    """The run directory. Ticks of an earlier version, which had no record, are put aside."""
    if resume and not (out / "run.json").exists() and (out / "stats.jsonl").exists():
        (out / "stats.jsonl").rename(out / "stats-before.jsonl")
    total = heads_seen(cfg) + (cfg.proposal_steps if PRESETS[cfg.preset].proposal_channels else 0)
    record = new_record("fit", cfg.preset, ranks, command, total)
    run = RunDirectory.open(out, cfg, record, resume=resume)
    if cfg.tensorboard:
        run.write_events()
    return run


def _check_place(out: Path, cfg: FitConfig, resume: bool) -> FitConfig:
    """The settings to fit with; raises InputError where there is nothing to resume, or a run already."""
    path = out / "config.json"
    if path.exists():
        if not resume:
            raise InputError(
                what="run directory is in use",
                where=str(out),
                expected="a new folder, or --resume",
                got="config.json",
            )
        return settings_of(out, cfg, resume=True)
    if resume:
        raise InputError(
            what="nothing to resume", where=str(out), expected="config.json of a fit", got="none"
        )
    if cfg.preset not in PRESETS:
        raise InputError(
            what="unknown preset", where="fit", expected=f"one of {', '.join(PRESETS)}", got=cfg.preset
        )
    return cfg
