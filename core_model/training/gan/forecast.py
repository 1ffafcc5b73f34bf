"""What a training will need, by stage and from the sizes alone: parameters, arithmetic, memory and time.

What a step costs is counted by its recipe on tensors without data. Time is the arithmetic
divided by this machine's speed in a matrix product, times an efficiency measured elsewhere: right to an order
of magnitude. `calibrated` replaces it by the time of real steps.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, replace

import torch

from core_model.ops.devices import synchronize
from core_model.schema.schedule import ScheduleValues
from core_model.schema.train import TrainConfig
from core_model.training.gan.measure import Measured
from core_model.training.gan.networks import parameter_counts
from core_model.training.gan.recipes.interface import Cost, Moment, Recipe
from core_model.training.gan.room import kept_bytes, sizes_of

# Share of a matrix product's speed that whole training steps reach. CPU: first steps of heads64-cpu, one core
# of a shared machine. CUDA: not measured yet.
REACHED_CPU, REACHED = 0.15, 0.2


@dataclass(frozen=True)
class Stage:
    """One stretch of the schedule: images from start to stop, its values in the middle, GFLOP per image,
    images per second, seconds.

    samples: per ray, as text. measured: the time is that of real steps of this stage instead of an estimate from
    its sizes.
    """

    start: float
    stop: float
    values: ScheduleValues
    gflop: float
    images_s: float
    seconds: float
    memory_gib: float
    samples: str = ""
    measured: bool = False


@dataclass(frozen=True)
class Forecast:
    """generator: parameters by part; judges: of each. seconds and memory: of one process out of `world`; disk in GiB.

    pictures_s: seconds of sample grids and evaluations, where they were measured.
    """

    generator: dict[str, int]
    judges: dict[str, int]
    stages: tuple[Stage, ...]
    speed_tflops: float
    device: str
    snapshot_mib: float
    disk_gib: float
    world: int = 1
    pictures_s: float = 0.0

    @property
    def seconds(self) -> float:
        return sum(s.seconds for s in self.stages) + self.pictures_s

    @property
    def measured(self) -> int:
        """How many stages were measured."""
        return sum(s.measured for s in self.stages)

    @property
    def memory_gib(self) -> float:
        return max(s.memory_gib for s in self.stages)


def forecast(cfg: TrainConfig, device: torch.device, world: int = 1) -> Forecast:
    """The forecast for `world` processes on machines like this one."""
    recipe = sizes_of(cfg)
    speed = matmul_speed(device, cfg.optim.precision)
    moments = cfg.moments()
    stages = []
    for start, stop in zip(moments[:-1], moments[1:], strict=True):
        values = cfg.schedule.at((start + stop) / 2)
        at = Moment(round((start + stop) / 2 / cfg.batch), round((start + stop) / 2), values)
        cost = recipe.cost(at)
        rate = world * speed * (REACHED_CPU if device.type == "cpu" else REACHED) / cost.flop
        stages.append(
            Stage(
                start,
                stop,
                values,
                cost.flop / 1e9,
                rate,
                (stop - start) / rate,
                _memory(cfg, recipe, cost, world) / 2**30,
                recipe.samples_text(at),
            )
        )
    networks = recipe.networks
    g = sum(p.numel() for p in networks.generator.state_dict().values())
    judges = {name: sum(p.numel() for p in module.parameters()) for name, module in networks.judges.items()}
    d = sum(judges.values())
    ticks = cfg.images / cfg.output.tick_images / cfg.output.snapshot_ticks
    state = 4.0 * (4 * g + 3 * d)
    disk = (max(1.0, ticks) * 4.0 * g + cfg.output.keep_states * state) / 2**30
    return Forecast(
        parameter_counts(networks.generator), judges, tuple(stages), speed / 1e12, device.type, 4.0 * g / 2**20, disk, world
    )  # fmt: skip


def calibrated(made: Forecast, times: Measured, cfg: TrainConfig) -> Forecast:
    """The forecast with the seconds of real steps; stages without a measurement are scaled like the measured
    ones.
    """
    known = {one.stage: one for one in times.stages if one.stage < len(made.stages)}
    if not known:
        return made
    off = statistics.median(one.step_s * made.stages[i].images_s / cfg.batch for i, one in known.items())
    stages = []
    for i, s in enumerate(made.stages):
        rate = cfg.batch / known[i].step_s if i in known else s.images_s / off
        stages.append(replace(s, images_s=rate, seconds=(s.stop - s.start) / rate, measured=i in known))
    pictures = 0.0
    for i, s in enumerate(made.stages):
        near = known.get(i) or known[min(known, key=lambda j: abs(j - i))]
        pictures += _pictures(cfg, s.start, s.stop) * near.picture_s
    return replace(made, stages=tuple(stages), pictures_s=pictures)


def _pictures(cfg: TrainConfig, start: float, stop: float) -> float:
    """Pictures of the average generator that are rendered between two image counts, for grids and
    evaluations.
    """
    o = cfg.output
    share = (stop - start) / o.tick_images
    first = 1.0 if start == 0 else 0.0
    evaluated = o.evaluate_images * (share / o.snapshot_ticks + first) if o.evaluate else 0.0
    return o.grid[0] * o.grid[1] * (share / o.image_ticks + first) + evaluated


def matmul_speed(device: torch.device, precision: str) -> float:
    """FLOP/s of a square matrix product, the best of a few within a quarter of a second.

    On the CPU by processor time over threads, so that it is the speed of this machine when nobody else uses
    it.
    """
    on_cpu = device.type == "cpu"
    n = 384 if on_cpu else 4096
    dtype = torch.bfloat16 if precision == "bf16" and not on_cpu else torch.float32
    a = torch.ones(n, n, device=device, dtype=dtype)
    clock = time.process_time if on_cpu else time.perf_counter
    best, until = float("inf"), time.perf_counter() + 0.25
    while time.perf_counter() < until or best == float("inf"):
        started = clock()
        b = a @ a
        synchronize(device)
        del b
        best = min(best, max(clock() - started, 1e-6) / (torch.get_num_threads() if on_cpu else 1))
    return 2.0 * n**3 / best


def _memory(cfg: TrainConfig, recipe: Recipe, cost: Cost, world: int) -> float:
    """Peak bytes of one process: weights, gradients, two moments, the average, and the activations of a
    micro-batch.
    """
    share = max(1, cfg.batch // world)
    micro = min(cfg.microbatch or share, share)
    modules = recipe.networks.modules()
    average = sum(p.numel() for p in modules.pop("average").parameters())
    learn = sum(p.numel() for module in modules.values() for p in module.parameters())
    return 4.0 * (4.0 * learn + average) + micro * kept_bytes(cfg, cost)
