"""Forks trainers, kills them at random times, and reads what they left: the process of test_gan_kill, in which no thread runs yet.

python kill_nursery.py SETTINGS OUT TRIALS: prints one JSON line, {"trials", "advances", "saving", "step", "seconds"}. A fork costs
no start of Python and torch, so most kills fall into opening, resuming, training and saving.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file

from core_model.schema.run import MetricRecord, RunRecord, TickRecord
from core_model.schema.train import TrainConfig
from core_model.training.common.run_directory import STATE_SUFFIX, saved_config
from core_model.training.gan.run import run_training

FIRST = 300.0  # seconds within which a trainer must have saved once
WATCH = 20.0  # seconds until a trainer that should be killed while it saves is given up


def trainer(settings: Path, out: Path) -> int:
    """A child that trains into `out` until somebody kills it; its id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        with open(out.with_name("trainer.log"), "a") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            cfg = TrainConfig.model_validate_json(settings.read_bytes())
            run_training(out, cfg, resume=(out / "config.json").exists(), device="cpu")
            code = 0
    finally:
        os._exit(code)


def saving(out: Path) -> bool:
    """Whether a file of the run is being written now."""
    folders = (out, out / "snapshots", out / "images")
    return any(name.endswith(".part") for folder in folders if folder.is_dir() for name in os.listdir(folder))


def readable(out: Path, checked: set[str]) -> int:
    """The newest saved step (-1: none) after reading the record, the settings, all lines, and every file that `checked` lacks."""
    if (out / "run.json").exists():
        RunRecord.model_validate_json((out / "run.json").read_bytes())
    if (out / "config.json").exists():
        assert saved_config(out, TrainConfig).preset.endswith("smoke")
    for name, kind in (("stats.jsonl", TickRecord), ("metrics.jsonl", MetricRecord)):
        if (out / name).exists():
            *whole, _ = (
                (out / name).read_text().split("\n")
            )  # a last line that the kill cut is dropped by the next start
            for line in whole:
                kind.model_validate_json(line)
    for path in [*out.glob("snapshots/[0-9]*.safetensors"), *out.glob("images/[a-z]*.png")]:
        if path.name not in checked:
            checked.add(path.name)
            if path.suffix == ".png":
                Image.open(path).load()
            else:
                assert load_file(path)
    return max((int(p.name.split(".")[0]) for p in out.glob(f"snapshots/[0-9]*{STATE_SUFFIX}")), default=-1)


def first_save(settings: Path, out: Path) -> float:
    """Seconds that a trainer needs from its fork to its first saved state, after which it is killed."""
    started = time.monotonic()
    child = trainer(settings, out)
    while not list(out.glob(f"snapshots/[0-9]*{STATE_SUFFIX}")) and time.monotonic() < started + FIRST:
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return time.monotonic() - started


def main(settings: Path, out: Path, trials: int) -> None:
    torch.set_num_threads(1)
    rng = torch.Generator().manual_seed(0)
    started = time.monotonic()
    span = 2.0 * first_save(settings, out)
    checked = set[str]()
    step, advances, while_saving = readable(out, checked), 0, saving(out)
    assert step > 0
    for trial in range(1, trials):
        child = trainer(settings, out)
        wait = float(torch.rand(1, generator=rng))
        if trial % 2:
            time.sleep(span * wait)
        else:  # some time after the start, in the middle of a write
            time.sleep(span * wait * 0.5)
            until = time.monotonic() + WATCH
            while not saving(out) and time.monotonic() < until:
                pass
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while_saving += saving(out)
        newest = readable(out, checked)
        assert newest >= step, f"trial {trial}: step {newest} after {step}"
        advances += newest > step
        span *= (
            0.85 if newest > step else 1.08
        )  # about every third life reaches a new state, however loaded the machine is
        step = newest
    print(json.dumps({
        "trials": trials, "advances": advances, "saving": while_saving, "step": step, "seconds": time.monotonic() - started,
    }))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
