"""`triscope train`: opens data and run directory, builds or resumes the networks, trains, and leaves a record
of how it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from core_model.data.images import ImageDataset
from core_model.data.order import DataPosition
from core_model.losses.ada import AdaState
from core_model.ops.devices import accelerator
from core_model.schema.errors import InputError
from core_model.schema.overrides import apply_overrides
from core_model.schema.recipes import settings_recipe
from core_model.schema.run import RunState
from core_model.schema.run_owner import owned
from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import start_missing
from core_model.training.common.control import stop_flag
from core_model.training.common.distributed import Ranks, join_ranks
from core_model.training.common.run_directory import (
    STATE_SUFFIX,
    RunDirectory,
    new_record,
    saved_config,
    snapshot_name,
    told_ending,
)
from core_model.training.gan.loop import TrainingLoop
from core_model.training.gan.optimise import Optimisers
from core_model.training.gan.recipes import recipe_of
from core_model.training.gan.room import memory_named
from core_model.training.gan.snapshot import load_start
from core_model.training.gan.state import Counters, Trained, load_state

# What may change from one start of a run to the next without making it another run.
CHANGEABLE = (
    "images",
    "data.path",
    "data.workers",
    "microbatch",
    "output.",
    "optim.max_bad_steps",
    "render.checkpoint_rays",
)


def resumed_config(out: Path, changes: Sequence[tuple[str, str]]) -> TrainConfig:
    """The settings saved in the run with the changes that a resumed run may have; raises InputError for
    others.
    """
    for path, _ in changes:
        name = path.replace("-", "_")
        if not any(
            name == allowed or (allowed.endswith(".") and name.startswith(allowed)) for allowed in CHANGEABLE
        ):
            raise InputError(
                what=f"{path} cannot change when a run is resumed",
                where=str(out),
                expected=f"one of {', '.join(CHANGEABLE)}, or a new run",
            )
    return apply_overrides(saved_config(out, TrainConfig), changes)


def open_data(cfg: TrainConfig) -> ImageDataset:
    """The data set of the settings; raises InputError naming what is wrong with it."""
    if not cfg.data.path:
        raise InputError(what="no data set", where="--data", expected="a zip or folder of images")
    return ImageDataset.open(
        cfg.data.path,
        resolution=cfg.data.resolution,
        mirror=cfg.data.mirror,
        labels=cfg.data.labels,
        classes=cfg.epigraf.network.c_dim if settings_recipe(cfg.recipe) == "epigraf" else 0,
    )


def run_training(
    out: Path, cfg: TrainConfig, *, resume: bool = False, device: str = "auto", command: Sequence[str] = ()
) -> RunState:
    """Train into the run directory `out` until the end or a stop request; returns how it ended.

    resume: continue from the newest complete state, or from the start where a run was killed before its first
        one; cfg is then the result of `resumed_config`.
    SIGTERM and SIGINT request a clean stop. Raises InputError for wrong input; other exceptions propagate
    after the run record has noted the failure.
    """
    set_precision(cfg, device)
    ranks = join_ranks(device)
    try:
        if cfg.batch % ranks.world:
            raise InputError(
                what="bad value of batch",
                expected=f"a multiple of the {ranks.world} processes",
                got=str(cfg.batch),
            )
        share = cfg.batch // ranks.world
        if cfg.microbatch and share % min(cfg.microbatch, share):
            raise InputError(
                what="bad value of microbatch",
                expected=f"a divisor of each process's share {share}",
                got=str(cfg.microbatch),
            )
        needed = "" if resume else start_missing(cfg)
        if needed:
            raise InputError(
                what=f"preset {cfg.preset} fine-tunes and has nothing to start from",
                where="start_from",
                expected=needed,
            )
        dataset = open_data(cfg)
        # torchrun restarts the same command after a failure: continue from what was reached
        resume = resume or (ranks.restart > 0 and (out / "config.json").exists())
        with owned(out) if ranks.writer else nullcontext():
            run = None
            if ranks.writer:
                record = new_record("gan", cfg.preset, ranks, command, cfg.images)
                run = RunDirectory.open(out, cfg, record, resume=resume)
            ranks.barrier()
            with told_ending(run), stop_flag() as stopping:
                state = _train(out, cfg, ranks, dataset, run, resume, stopping)
            if run is not None:
                run.end(state)
            return state
    finally:
        ranks.close()


def set_precision(cfg: TrainConfig, device: str) -> None:
    """Thread count and matrix precision of this process, the same for every training with these settings."""
    if cfg.output.threads:
        torch.set_num_threads(cfg.output.threads)
    # a process-wide setting that other code changes too: a resumed run must use the same as before
    # (CPU: another, faster matrix product of the same accuracy unless the machine has AMX; CUDA: TF32)
    torch.set_float32_matmul_precision("medium" if device == "cpu" or not accelerator() else "high")


def _train(
    out: Path,
    cfg: TrainConfig,
    ranks: Ranks,
    dataset: ImageDataset,
    run: RunDirectory | None,
    resume: bool,
    stopping: Callable[[], bool],
) -> RunState:
    recipe = recipe_of(cfg, ranks.device, dataset.labels(), ranks.rank)
    trained = Trained(recipe, Optimisers(recipe))
    counters = Counters(
        step=0, seed=cfg.seed, position=DataPosition(seed=cfg.seed, size=len(dataset)), ada=AdaState(p=cfg.augment.p)
    )  # fmt: skip
    if resume:
        counters = _resume(out, trained, counters, ranks, run)
    elif cfg.start_from:
        taken = load_start(cfg.start_from, recipe)
        if run is not None:
            run.log(f"starts from {taken}")
    if (counters.position.size, counters.position.seed) != (len(dataset), cfg.seed):
        raise InputError(
            what="the data set changed since the run was stopped", where=cfg.data.path, expected=f"{counters.position.size} images",
            got=str(len(dataset)),
        )  # fmt: skip
    if run is not None:
        if cfg.output.tensorboard:
            run.write_events()
        run.forget_beyond(counters.step)
        for note in dataset.notes:
            run.log(f"data: {note}")
        for note in recipe.notes:
            run.log(note)
        run.log(f"training from step {counters.step} of {cfg.steps} on {ranks.world} x {ranks.device_name}")
        run.update(state="running", step=counters.step, images=counters.step * cfg.batch)
    loop = TrainingLoop(cfg, ranks, dataset, trained, counters, run, stopping)
    with memory_named(cfg, ranks, trained, lambda: loop.counters.step):
        return loop.train()


def _resume(out: Path, trained: Trained, fresh: Counters, ranks: Ranks, run: RunDirectory | None) -> Counters:
    """Load the newest readable state, the same one on all processes; keeps the fresh start when there is
    none.
    """
    step = -1
    if run is not None:
        for path in run.states():
            try:
                step = load_state(path, trained).step
                break
            except InputError as error:
                run.log(f"passed over: {error}")
        run.log(
            f"resumes from step {step}" if step >= 0 else "no state was saved yet: starts from the beginning"
        )
    step = ranks.from_writer(step)
    if step < 0:
        return fresh
    return load_state(out / "snapshots" / snapshot_name(step).replace(".safetensors", STATE_SUFFIX), trained)
