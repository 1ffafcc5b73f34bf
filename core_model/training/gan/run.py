"""`triscope train`: opens data and run directory, builds or resumes the networks, trains, and leaves a record of how it ended."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import psutil
import torch

from core_model import __version__
from core_model.data.images import ImageDataset
from core_model.data.order import DataPosition
from core_model.losses.ada import AdaState
from core_model.schema.errors import InputError
from core_model.schema.overrides import apply_overrides
from core_model.schema.run import RunRecord, RunState
from core_model.schema.run_owner import owned
from core_model.schema.train import TrainConfig
from core_model.training.common.distributed import Ranks, join_ranks
from core_model.training.gan.events import EventWriter
from core_model.training.gan.loop import TrainingLoop
from core_model.training.gan.networks import build_networks
from core_model.training.gan.optimise import Optimisers
from core_model.training.common.run_directory import STATE_SUFFIX, RunDirectory, saved_config, snapshot_name
from core_model.training.gan.snapshot import load_start
from core_model.training.gan.state import Counters, Trained, load_state

# What may change from one start of a run to the next without making it another run.
CHANGEABLE = ("images", "data.path", "data.workers", "microbatch", "output.", "optim.max_bad_steps", "render.checkpoint_rays")


def resumed_config(out: Path, changes: Sequence[tuple[str, str]]) -> TrainConfig:
    """The settings saved in the run with the changes that a resumed run may have; raises InputError for others."""
    for path, _ in changes:
        name = path.replace("-", "_")
        if not any(name == allowed or (allowed.endswith(".") and name.startswith(allowed)) for allowed in CHANGEABLE):
            raise InputError(
                what=f"{path} cannot change when a run is resumed", where=str(out), expected=f"one of {', '.join(CHANGEABLE)}, or a new run"
            )
    return apply_overrides(saved_config(out), changes)


def open_data(cfg: TrainConfig) -> ImageDataset:
    """The data set of the settings; raises InputError naming what is wrong with it."""
    if not cfg.data.path:
        raise InputError(what="no data set", where="--data", expected="a zip or folder of images")
    return ImageDataset.open(cfg.data.path, resolution=cfg.data.resolution, mirror=cfg.data.mirror, labels=cfg.data.labels)


def run_training(
    out: Path, cfg: TrainConfig, *, resume: bool = False, device: str = "auto", command: Sequence[str] = ()
) -> RunState:
    """Train into the run directory `out` until the end or a stop; returns how it ended.

    resume: continue from the newest complete state (from the start, where a run was killed before its first). cfg is then what
    `resumed_config` gave. SIGTERM and SIGINT ask for a clean stop. Raises InputError for wrong input, and whatever made training fail,
    after the record says so.
    """
    set_precision(cfg, device)
    ranks = join_ranks(device)
    try:
        if cfg.batch % ranks.world:
            raise InputError(what="bad value of batch", expected=f"a multiple of the {ranks.world} processes", got=str(cfg.batch))
        share = cfg.batch // ranks.world
        if cfg.microbatch and share % min(cfg.microbatch, share):
            raise InputError(what="bad value of microbatch", expected=f"a divisor of each process's share {share}", got=str(cfg.microbatch))
        dataset = open_data(cfg)
        # torchrun starts the same command again after a failure: what was reached counts
        resume = resume or (ranks.restart > 0 and (out / "config.json").exists())
        with owned(out) if ranks.writer else nullcontext():
            run = _open_run(out, cfg, ranks, command, resume) if ranks.writer else None
            ranks.barrier()
            return _guarded(out, cfg, ranks, dataset, run, resume)
    finally:
        ranks.close()


def set_precision(cfg: TrainConfig, device: str) -> None:
    """Threads and matrix products of this process, as every training of these settings has them."""
    if cfg.output.threads:
        torch.set_num_threads(cfg.output.threads)
    # a setting of the whole process, which others change too: a resumed run must compute with the one that it started with
    # (CPU: another, faster matrix product of the same accuracy unless the machine has AMX; CUDA: TF32)
    torch.set_float32_matmul_precision("medium" if device == "cpu" or not torch.cuda.is_available() else "high")


def _open_run(out: Path, cfg: TrainConfig, ranks: Ranks, command: Sequence[str], resume: bool) -> RunDirectory:
    now = time.time()
    record = RunRecord(
        id=uuid.uuid4().hex[:12], preset=cfg.preset, host=socket.gethostname(), pid=os.getpid(),
        process_started=psutil.Process().create_time(), world_size=ranks.world, device=_device_name(ranks.device), command=tuple(command),
        cwd=os.getcwd(), code_version=__version__, torch_version=torch.__version__, started=now, updated=now, images_total=cfg.images,
    )  # fmt: skip
    if not resume:
        return RunDirectory.create(out, cfg, record)
    run = RunDirectory.reopen(out, record)
    run.skip_old_requests()
    run.update()
    return run


def _guarded(out: Path, cfg: TrainConfig, ranks: Ranks, dataset: ImageDataset, run: RunDirectory | None, resume: bool) -> RunState:
    """Train; whatever happens, run.json says how it ended."""
    try:
        with stop_flag() as stopping:
            state = _train(out, cfg, ranks, dataset, run, resume, stopping)
    except BaseException as error:
        if run is not None:
            run.log(traceback.format_exc())
            stopped = isinstance(error, KeyboardInterrupt)
            run.update(state="stopped" if stopped else "failed", error="" if stopped else f"{type(error).__name__}: {error}"[:2000])
        raise
    if run is not None:
        run.update(state=state)
        run.log(f"{state} at step {run.record.step}")
    return state


def _train(
    out: Path, cfg: TrainConfig, ranks: Ranks, dataset: ImageDataset, run: RunDirectory | None, resume: bool, stopping: Callable[[], bool]
) -> RunState:
    networks = build_networks(cfg, ranks.device)
    trained = Trained(networks, Optimisers(networks, cfg))
    counters = Counters(
        step=0, seed=cfg.seed, position=DataPosition(seed=cfg.seed, size=len(dataset)), ada=AdaState(p=cfg.augment.p)
    )  # fmt: skip
    if resume:
        counters = _resume(out, trained, counters, ranks, run)
    elif cfg.start_from:
        taken = load_start(cfg.start_from, networks)
        if run is not None:
            run.log(f"starts from {taken}")
    if (counters.position.size, counters.position.seed) != (len(dataset), cfg.seed):
        raise InputError(
            what="the data set changed since the run was stopped", where=cfg.data.path, expected=f"{counters.position.size} images",
            got=str(len(dataset)),
        )  # fmt: skip
    events = _events(run, cfg)
    if run is not None:
        run.forget_beyond(counters.step)
        for note in dataset.notes:
            run.log(f"data: {note}")
        run.log(f"training from step {counters.step} of {cfg.steps} on {ranks.world} x {_device_name(ranks.device)}")
        run.update(state="running", step=counters.step, images=counters.step * cfg.batch)
    try:
        return TrainingLoop(cfg, ranks, dataset, trained, counters, run, events, stopping).train()
    finally:
        if events is not None:
            events.close()


def _resume(out: Path, trained: Trained, fresh: Counters, ranks: Ranks, run: RunDirectory | None) -> Counters:
    """The newest state that can be read, on all processes the same one; the fresh start when there is none."""
    step = -1
    if run is not None:
        for path in run.states():
            try:
                step = load_state(path, trained).step
                break
            except InputError as error:
                run.log(f"passed over: {error}")
        run.log(f"resumes from step {step}" if step >= 0 else "no state was saved yet: starts from the beginning")
    step = ranks.from_writer(step)
    if step < 0:
        return fresh
    return load_state(out / "snapshots" / snapshot_name(step).replace(".safetensors", STATE_SUFFIX), trained)


def _events(run: RunDirectory | None, cfg: TrainConfig) -> EventWriter | None:
    if run is None or not cfg.output.tensorboard:
        return None
    try:
        events = EventWriter(run.root / "tensorboard")
    except ImportError:
        run.log("tensorboard is not installed: no events are written")
        return None
    run.observers.append(events.record)
    return events


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


@contextmanager
def stop_flag() -> Iterator[Callable[[], bool]]:
    """SIGTERM and SIGINT ask for a clean stop while it lasts; afterwards the handlers of before are back. Only in the main thread."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {number: signal.signal(number, lambda *_: asked.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
