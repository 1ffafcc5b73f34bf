"""Writes run directories as trainers write them.

Native ones and those of the EG3D family, whole or line by line. The curves are shaped like real ones (losses
that settle, ADA p that climbs, beta that follows its target), from a seed. Run as a program it makes runs to
look at: `python -m tests.unit.runs.synthetic FOLDER [--ticks N] [--live SECONDS]`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from core_model.schema.run import MetricRecord, RunRecord, TickRecord
from core_model.schema.schedule import Schedule

START = 1_790_000_000.0


@dataclass(frozen=True)
class Plan:
    """What a synthetic run is like.

    tick_s: seconds of a tick; nan_at, saturated_from: ticks of trouble, −1 = never.
    """

    ticks: int = 200
    images_per_tick: int = 4000
    total: int = 1_200_000
    tick_s: float = 37.0
    seed: int = 0
    start: float = START
    nan_at: int = -1
    saturated_from: int = -1
    edge: int = 12
    """Pixels of one picture of a grid."""


def tick(plan: Plan, i: int, schedule: Schedule | None = None) -> TickRecord:
    """Line `i` of stats.jsonl."""
    rng = np.random.default_rng((plan.seed, i))
    images = (i + 1) * plan.images_per_tick
    share = images / plan.total
    noise = lambda s: float(rng.normal() * s)
    now = (schedule or Schedule()).at(images * 28_200_000 / plan.total)
    saturated = 0 <= plan.saturated_from <= i
    beta = 0.01 * math.exp(-2.2 * share) * math.exp(noise(0.05))
    real = 0.99 if saturated else 0.25 + 0.35 * share + noise(0.05)
    losses = {
        "loss/G": float("nan")
        if i == plan.nan_at
        else 1.1 - 0.35 * math.exp(-6 * share) + 0.25 * share + noise(0.09),
        "loss/D": 0.02 if saturated else 0.9 + 0.5 * math.exp(-8 * share) - 0.15 * share + noise(0.05),
        "r1": 0.03 * math.exp(-1.5 * share) * math.exp(noise(0.35)),
        "logits/real": 0.4 + 0.9 * share + noise(0.1),
        "logits/fake": -0.5 - 1.0 * share + noise(0.1),
        "sign/real": real,
        "sign/fake": -0.99 if saturated else -0.3 - 0.35 * share + noise(0.05),
        "surface": 0.4 * math.exp(-3 * share) * math.exp(noise(0.1)),
        "sampler": 4.2 * math.exp(-1.2 * share) + noise(0.05),
        "beta": beta,
        "grad/G": math.exp(noise(0.4)) * 0.8,
        "grad/D": math.exp(noise(0.4)) * 1.6,
        "opacity": min(0.999, 0.8 + 0.19 * (1 - math.exp(-9 * share)) + noise(0.004)),
    }
    values = now.model_dump()
    speed = {
        "images_s": 108 * (now.resolution / 64) ** -0.6 + noise(1.5),
        "step_ms": 318 + noise(6),
        "generator_ms": 180 + noise(6),
        "discriminator_ms": 110 + noise(4),
        "r1_ms": 12 + abs(noise(1)),
    }
    return TickRecord(
        step=images // 32,
        images=images,
        kimg=images / 1e3,
        wall_s=(i + 1) * plan.tick_s,
        time=plan.start + (i + 1) * plan.tick_s,
        losses=losses,
        schedule={k: float(v) for k, v in values.items()},
        speed=speed,
        memory={"gpu_peak": 17400 + 60 * share + noise(4), "process_peak": 6100 + 40 * share},
        augment_p=min(0.62, max(0.0, 0.7 * share + noise(0.004))),
    )


def line(record: object) -> str:
    """One JSON line as the trainer writes it (NaN as Python's json says it)."""
    return json.dumps(record.model_dump())  # type: ignore[attr-defined]


def record(
    plan: Plan,
    run: Path,
    state: str = "running",
    pid: int = 0,
    host: str = "gpu-node-03",
    started: float = 0.0,
) -> RunRecord:
    last = tick(plan, plan.ticks - 1)
    return RunRecord(
        id=run.name,
        state=state,
        preset="heads128",
        host=host,
        pid=pid,
        process_started=started,
        device="cuda:0",
        world_size=1,  # type: ignore[arg-type]
        command=("triscope", "train", "--preset", "heads128", "--data", "/data/heads.zip", "--out", str(run)),
        code_version="0.2.0 (git 7d9ef7c)",
        torch_version="2.13.0",
        started=plan.start,
        updated=last.time,
        step=last.step,
        images=last.images,
        images_total=plan.total,
        wall_s=last.wall_s,
        last_tick=last,
        best={"swd": 0.031},
        last_snapshot=f"snapshots/{last.step:06d}.safetensors",
    )


def write_native(run: Path, plan: Plan, state: str = "running", pictures: int = 8, **process: object) -> Path:
    """A whole run directory; returns it."""
    (run / "images").mkdir(parents=True, exist_ok=True)
    (run / "snapshots").mkdir(exist_ok=True)
    config = {
        "version": 1,
        "preset": "heads128",
        "seed": plan.seed,
        "images": plan.total,
        "batch": 32,
        "data": {"path": "/data/heads.zip", "resolution": 128},
    }
    scaled = {k: [[x * plan.total / 28_200_000, y] for x, y in v] for k, v in Schedule().model_dump().items()}
    (run / "config.json").write_text(json.dumps(config | {"schedule": scaled}))
    (run / "run.json").write_text(json.dumps(record(plan, run, state, **process).model_dump()))  # type: ignore[arg-type]
    with open(run / "stats.jsonl", "w") as stats, open(run / "log.txt", "w") as log:
        log.write(
            "triscope 0.2.0, torch 2.13.0, 1 x NVIDIA H200\ndata: /data/heads.zip, 20000 images of 128 x 128, labels\n"
            f"command: triscope train --preset heads128 --data /data/heads.zip --out {run}\n"
        )
        for i in range(plan.ticks):
            one = tick(plan, i)
            stats.write(line(one) + "\n")
            log.write(
                f"tick {i:<5d} kimg {one.kimg:<9.1f} G {one.losses['loss/G']:.3f}  D {one.losses['loss/D']:.3f}  "
                f"beta {one.losses['beta']:.5f}  {one.speed['images_s']:.0f} images/s\n"
            )
    every = max(1, plan.ticks // max(1, pictures))
    with open(run / "metrics.jsonl", "w") as metrics:
        for i in range(every - 1, plan.ticks, every):
            one = tick(plan, i)
            share = one.images / plan.total
            name = f"snapshots/{one.step:06d}.safetensors"
            scores = {
                "swd": 0.03 + 0.2 * math.exp(-5 * share),
                "fid": 18 + 210 * math.exp(-7 * share),
                "normal_fid": 30 + 160 * math.exp(-6 * share),
                "non_flatness": 24 * (1 - math.exp(-8 * share)),
            }
            metrics.write(
                line(
                    MetricRecord(
                        step=one.step,
                        images=one.images,
                        kimg=one.kimg,
                        time=one.time,
                        snapshot=name,
                        scores=scores,
                        seconds=12.0,
                    )
                )
                + "\n"
            )
            (run / name).write_bytes(b"\0" * 4096)
            picture(plan.seed, share, edge=plan.edge).save(run / "images" / f"fakes{one.step:06d}.png")
            picture(plan.seed, share, depth=True, edge=plan.edge).save(
                run / "images" / f"fakes{one.step:06d}_depth.png"
            )
    return run


def foreign_line(plan: Plan, i: int) -> dict[str, object]:
    """Line `i` as EG3D's trainer writes it."""
    one = tick(plan, i)
    stat = lambda mean, num=64, std=0.1: {"num": num, "mean": mean, "std": std}
    lazy = 4 if i % 4 == 0 else 0
    return {
        "Loss/scores/real": stat(one.losses["logits/real"]),
        "Loss/signs/real": stat(one.losses["sign/real"]),
        "Loss/G/loss": stat(one.losses["loss/G"]),
        "Loss/scores/fake": stat(one.losses["logits/fake"]),
        "Loss/signs/fake": stat(one.losses["sign/fake"]),
        "Loss/D/loss": stat(one.losses["loss/D"]),
        "Loss/r1_penalty": stat(one.losses["r1"] if lazy else float("nan"), lazy),
        "Progress/tick": stat(i, 1, 0.0),
        "Progress/kimg": stat(one.kimg, 1, 0.0),
        "Timing/sec_per_tick": stat(plan.tick_s, 1, 0.0),
        "Timing/sec_per_kimg": stat(plan.tick_s / plan.images_per_tick * 1e3, 1, 0.0),
        "Resources/cpu_mem_gb": stat(5.9, 1, 0.0),
        "Resources/peak_gpu_mem_gb": stat(17.2, 1, 0.0),
        "Progress/augment": stat(one.augment_p, 1, 0.0),
        "timestamp": one.time,
    }


def write_foreign(run: Path, plan: Plan, pictures: int = 6) -> Path:
    """A whole run of the EG3D family; returns it."""
    run.mkdir(parents=True, exist_ok=True)
    options = {
        "num_gpus": 8,
        "batch_size": 32,
        "total_kimg": plan.total // 1000,
        "random_seed": 0,
        "ada_target": None,
        "resume_pkl": None,
        "training_set_kwargs": {
            "path": "/data/FFHQ_512.zip",
            "resolution": 512,
            "xflip": True,
            "max_size": 139_914,
        },
        "loss_kwargs": {"r1_gamma": 1.0},
        "G_opt_kwargs": {"lr": 0.0025},
        "D_opt_kwargs": {"lr": 0.002},
    }
    (run / "training_options.json").write_text(json.dumps(options, indent=2))
    with open(run / "stats.jsonl", "w") as stats, open(run / "log.txt", "w") as log:
        for i in range(plan.ticks):
            stats.write(json.dumps(foreign_line(plan, i)) + "\n")
            log.write(
                f"tick {i:<5d} kimg {tick(plan, i).kimg:<8.1f} time {i}m sec/tick {plan.tick_s:<7.1f}\n"
            )
    every = max(1, plan.ticks // pictures)
    with open(run / "metric-fid50k_full.jsonl", "w") as metrics:
        for i in range(every - 1, plan.ticks, every):
            kimg = int(tick(plan, i).kimg)
            share = kimg * 1e3 / plan.total
            metrics.write(
                json.dumps(
                    {
                        "results": {"fid50k_full": 5 + 200 * math.exp(-6 * share)},
                        "metric": "fid50k_full",
                        "total_time": 500.0,
                        "num_gpus": 8,
                        "snapshot_pkl": f"network-snapshot-{kimg:06d}.pkl",
                        "timestamp": tick(plan, i).time,
                    }
                )
                + "\n"
            )
            picture(plan.seed, share, edge=plan.edge).save(run / f"fakes{kimg:06d}.png")
            picture(plan.seed, share, depth=True, edge=plan.edge).save(run / f"fakes{kimg:06d}_depth.png")
    picture(plan.seed + 1, 1.0, edge=plan.edge).save(run / "reals.png")
    return run


def picture(
    seed: int, share: float, depth: bool = False, columns: int = 6, rows: int = 4, edge: int = 96
) -> Image.Image:
    """A grid of lit ellipsoids that come out of the noise as `share` goes from 0 to 1."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[0:edge, 0:edge] / (edge - 1) * 2 - 1
    grid = np.zeros((rows * edge, columns * edge, 3))
    for r in range(rows):
        for c in range(columns):
            cx, cy, a, b = (
                rng.uniform(-0.12, 0.12),
                rng.uniform(-0.1, 0.1),
                rng.uniform(0.45, 0.6),
                rng.uniform(0.62, 0.8),
            )
            tone, back = rng.uniform(0.35, 0.95, 3), rng.uniform(0.05, 0.5, 3)
            inside = 1 - ((u - cx) / a) ** 2 - ((v - cy) / b) ** 2
            z = np.sqrt(np.maximum(inside, 0))
            light = np.clip(0.25 + 0.75 * (0.6 * z - 0.45 * (u - cx) / a - 0.4 * (v - cy) / b), 0, 1)
            clean = np.where(
                inside[..., None] > 0,
                (z if depth else light)[..., None] * (np.ones(3) if depth else tone),
                0 if depth else back,
            )
            mix = 1 - math.exp(-5 * share)
            grid[r * edge : (r + 1) * edge, c * edge : (c + 1) * edge] = mix * clean + (
                1 - mix
            ) * rng.uniform(0, 1, (edge, edge, 3))
    return Image.fromarray((grid.clip(0, 1) * 255).astype(np.uint8))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--ticks", type=int, default=220)
    options.add_argument(
        "--live", type=float, default=0.0, help="seconds during which a line is added ten times per second"
    )
    given = options.parse_args()
    here = os.uname().nodename if hasattr(os, "uname") else "localhost"
    plan = Plan(ticks=given.ticks, edge=96, start=time.time() - given.ticks * 37.0, seed=3)
    live = write_native(given.folder / "heads128-ada", plan, pid=os.getpid(), host=here)
    write_native(
        given.folder / "heads128-nosampler",
        Plan(ticks=given.ticks * 3 // 4, edge=96, seed=11, nan_at=140, saturated_from=150, start=plan.start),
        state="failed",
    )
    write_foreign(
        given.folder / "00012-ffhq-eg3d",
        Plan(ticks=given.ticks, edge=96, seed=5, total=900_000, start=plan.start),
    )
    end = time.monotonic() + given.live
    while time.monotonic() < end:
        plan = Plan(ticks=plan.ticks + 1, start=plan.start, seed=3)
        with open(live / "stats.jsonl", "a") as stats:
            stats.write(line(tick(plan, plan.ticks - 1)) + "\n")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
