"""Training steps of the paper's GAN on the device.

Images per second at each resolution beside the floor, by phase, and memory. `python -m benchmarks.gpu.training [--device
auto] [--preset ffhq512]`; needs no GUI package. The images are of a small set of heads made here (their
content changes no cost), so that no data has to be at hand. The floor is the arithmetic that `triscope train
--dry-run` counts over the speed of a matrix product of the same precision.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu.random_model import needs_device
from benchmarks.running import Findings, Settings, run_script, say
from core_model.schema.bench import Measure, measure

PEAK_TFLOPS = 790.0  # bf16 on an H200; the matrix product measured here stands beside it
STEPS = 4  # with R1's share of an interval beside them
SET = 16  # images


def body(settings: Settings) -> Findings:
    """The stages of the preset's schedule, one after the other, each with fresh weights."""
    import torch

    from core_model.data.heads_dataset import write_heads_dataset
    from core_model.schema.overrides import apply_overrides
    from core_model.schema.train_presets import PRESETS
    from core_model.training.gan.forecast import forecast

    device = needs_device(settings.device)
    torch.set_float32_matmul_precision("medium" if device.type == "cpu" else "high")
    cfg = PRESETS.get(settings.preset, where="--preset")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "heads.zip"
        write_heads_dataset(
            data, 2 if settings.quick else SET, min(64, cfg.data.resolution), depth=False, supersample=1
        )
        cfg = apply_overrides(cfg, [("data.path", str(data)), ("data.workers", "0")])
        if settings.quick:
            cfg = cfg.replace(batch=4, microbatch=2)
        plan = forecast(cfg, device)
        say(f"  {device}, {settings.preset}, batch {cfg.batch} in pieces of {cfg.microbatch or cfg.batch}")
        found = {
            name: stage(cfg, images, device, plan, 1 if settings.quick else STEPS)
            for name, images in stages(cfg).items()
        }
    measures: list[Measure] = []
    for name, one in found.items():
        title = f"{settings.preset}, training step, {name.replace('_', ' ')}"
        note = f"floor {one['floor_images_s']:.3g} img/s ({one['gflop_image']:.4g} GFLOP per image)"
        measures.append(
            measure(f"images_s_{name}", title, "img/s", one["images_s"], better="higher", note=note)
        )
        if device.type != "cpu":
            measures.append(measure(f"memory_{name}", f"{title}, peak memory", "GB", one["memory_gb"]))
    return Findings(
        tuple(measures), {"stages": found, "matmul_tflops": plan.speed_tflops, "peak_tflops": PEAK_TFLOPS}
    )


def stages(cfg: Any) -> dict[str, float]:
    """Name → images seen, in the middle of each stretch of the schedule that renders in a way of its own."""
    moments, names = cfg.moments(), {}
    for start, stop in zip(moments[:-1], moments[1:], strict=True):
        values = cfg.schedule.at((start + stop) / 2)
        if cfg.schedule.at(start).resolution != cfg.schedule.at(stop - 1).resolution:
            continue  # while it grows
        name = f"{values.resolution}" + (
            "_by_proposals" if values.propose else "_supervised" if values.supervise else ""
        )
        names.setdefault(name, (start + stop) / 2)
    return names


def stage(cfg: Any, images: float, device: Any, plan: Any, steps: int) -> dict[str, Any]:
    """Median step without R1, R1's share, and the phases, at `images` images."""
    from core_model.data.order import ImageBatches
    from core_model.ops.devices import peak_bytes, synchronize
    from core_model.training.common.clock import PhaseClock
    from core_model.training.common.distributed import Ranks
    from core_model.training.gan.optimise import Optimisers
    from core_model.training.gan.recipes import recipe_of
    from core_model.training.gan.run import open_data
    from core_model.training.gan.step import GanStep

    data, clock = open_data(cfg), PhaseClock(device)
    recipe = recipe_of(cfg, device, data.labels())
    trainer = GanStep(recipe, Optimisers(recipe), Ranks(rank=0, world=1, device=device), clock)
    with ImageBatches(data, cfg.batch, cfg.seed, rank=0, world=1, workers=0) as batches:
        reals = next(batches)
    if device.type != "cpu":
        peak_bytes(device)  # from here on

    def timed(step: int) -> float:
        synchronize(device)
        started = time.perf_counter()
        trainer.run(step, reals, 0.0)
        synchronize(device)
        return time.perf_counter() - started

    k = cfg.loss.r1_interval
    first = -(-int(images // cfg.batch) // k) * k  # a step with R1
    timed(first + 1)  # kernels are chosen and memory is taken
    plain = [timed(first + 1 + i % (k - 1)) for i in range(steps)]
    clock.read()
    timed(first + 1)
    phases = {name: round(ms, 2) for name, ms in clock.read().items()}
    timed(first)
    penalty = max(0.0, timed(first) - statistics.median(plain))
    seconds = statistics.median(plain) + penalty / k
    counted = next(s for s in plan.stages if s.start <= images < s.stop)
    memory = 0.0 if device.type == "cpu" else peak_bytes(device)["peak"] / 1e9
    return {
        "images": images, "images_s": cfg.batch / seconds, "step_ms": 1e3 * statistics.median(plain), "r1_ms": 1e3 * penalty,
        "phases_ms": phases, "memory_gb": memory, "gflop_image": counted.gflop, "floor_images_s": plan.speed_tflops * 1e3 / counted.gflop,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(
        run_script("gpu_training", "Training steps on the device", body, device="auto", preset="ffhq512")
    )
