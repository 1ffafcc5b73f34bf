"""What a training will need, by stage and from the sizes alone: parameters, arithmetic, memory and time.

Convolutions are counted on tensors without data, the field by its layers and points. Time is the arithmetic
divided by this machine's speed in a matrix product, times an efficiency measured elsewhere: right to an order
of magnitude. `calibrated` replaces it by the time of real steps.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from core_model.schema.schedule import ScheduleValues
from core_model.schema.train import TrainConfig
from core_model.training.gan.measure import Measured
from core_model.training.gan.networks import Networks, build_networks, parameter_counts

# Share of a matrix product's speed that whole training steps reach. CPU: first steps of heads64-cpu, one core
# of a shared machine. CUDA: not measured yet.
REACHED = {"cpu": 0.15, "cuda": 0.2}
SEEN_SHARE = 0.15  # of all samples, those that pass `render.cull_floor` on heads (measured 0.13 to 0.2)
HIT_SHARE = 0.45  # of all rays, those that meet a head
BACKWARD = 3.0  # forward and backward cost three forwards
DOUBLE_BACKWARD = 7.0


@dataclass(frozen=True)
class Stage:
    """One stretch of the schedule: images from start to stop, its values in the middle, GFLOP per image,
    images per second, seconds.

    measured: the time is that of real steps of this stage instead of an estimate from its sizes.
    """

    start: float
    stop: float
    values: ScheduleValues
    gflop: float
    images_s: float
    seconds: float
    memory_gib: float
    measured: bool = False


@dataclass(frozen=True)
class Forecast:
    """generator: parameters by part. seconds and memory: of one process out of `world`; disk in GiB.

    pictures_s: seconds of sample grids and evaluations, where they were measured.
    """

    generator: dict[str, int]
    discriminator: int
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
    networks = build_networks(cfg, "meta")
    for module in networks.modules().values():
        module.requires_grad_(False)  # the counter follows modules through gradients where there are some
    sizes = _Sizes.of(cfg, networks)
    speed = matmul_speed(device, cfg.optim.precision)
    moments = cfg.schedule.moments(cfg.images)
    stages = []
    for start, stop in zip(moments[:-1], moments[1:], strict=True):
        values = cfg.schedule.at((start + stop) / 2)
        flop = _flop_image(cfg, sizes, values)
        rate = world * speed * REACHED[device.type] / flop
        stages.append(
            Stage(
                start,
                stop,
                values,
                flop / 1e9,
                rate,
                (stop - start) / rate,
                _memory(cfg, sizes, values, world) / 2**30,
            )
        )
    g = sum(p.numel() for p in networks.generator.state_dict().values())
    d = sum(p.numel() for p in networks.discriminator.parameters())
    ticks = cfg.images / cfg.output.tick_images / cfg.output.snapshot_ticks
    state = 4.0 * (4 * g + 3 * d)
    disk = (max(1.0, ticks) * 4.0 * g + cfg.output.keep_states * state) / 2**30
    return Forecast(
        parameter_counts(networks.generator), d, tuple(stages), speed / 1e12, device.type, 4.0 * g / 2**20, disk, world
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
    n = 4096 if device.type == "cuda" else 384
    dtype = torch.bfloat16 if precision == "bf16" and device.type == "cuda" else torch.float32
    a = torch.ones(n, n, device=device, dtype=dtype)
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    best, until = float("inf"), time.perf_counter() + 0.25
    while time.perf_counter() < until or best == float("inf"):
        started = clock()
        b = a @ a
        if device.type == "cuda":
            torch.cuda.synchronize()
        del b
        best = min(
            best, max(clock() - started, 1e-6) / (torch.get_num_threads() if device.type == "cpu" else 1)
        )
    return 2.0 * n**3 / best


@dataclass(frozen=True)
class _Sizes:
    """FLOP and kept values [numbers] of one image through each part; per point for the field, per prediction
    for the proposals.
    """

    synthesis: float
    synthesis_values: float
    judge: float
    judge_values: float
    proposal: float
    proposal_values: float
    point: float
    point_values: float
    weights: float
    average: float

    @classmethod
    def of(cls, cfg: TrainConfig, networks: Networks) -> "_Sizes":
        n, d = cfg.network, networks.discriminator
        g = networks.generator
        ws = torch.empty(1, g.num_ws, n.w_dim, device="meta")
        image = torch.empty(1, d.image_channels, d.resolution, d.resolution, device="meta")
        label = torch.empty(1, 25, device="meta")
        synthesis = _counted(_Call(g, lambda: g.synthesize(ws, "none").levels[0]), g)
        judged = _counted(_Call(d, lambda: d(image, label if d.label is not None else None)), d)
        proposed = (0.0, 0.0)
        if g.proposal is not None:
            net, edge = g.proposal, n.probe_size
            shapes = [torch.empty(1, c, edge, edge, device="meta") for c in (n.probe_samples - 1, 3, 3)]
            proposed = _counted(_Call(net, lambda: net(*shapes)), net)
        encoded, dirs = 3 + 6 * n.point_freqs, 3 + 6 * n.dir_freqs
        layers = (
            (n.plane_channels + encoded, n.sdf_hidden), (n.sdf_hidden, n.sdf_hidden), (n.sdf_hidden, 2 + n.geo_dim),
            (n.geo_dim + dirs, n.rgb_hidden), (n.rgb_hidden, 3),
        )  # fmt: skip
        point = 2.0 * sum(i * o for i, o in layers) + 3 * 8 * n.plane_channels
        values = sum(i + 2 * o for i, o in layers) + 4 * n.plane_channels + 24
        weights = 4.0 * sum(p.numel() for p in [*g.parameters(), *d.parameters()])
        return cls(
            *synthesis, *judged, *proposed, point, values, weights, sum(p.numel() for p in g.parameters())
        )


@dataclass(frozen=True)
class _Call:
    module: nn.Module
    run: "object"

    def __call__(self) -> object:
        assert callable(self.run)
        return self.run()


def _counted(call: _Call, module: nn.Module) -> tuple[float, float]:
    """(FLOP, numbers kept for the backward pass) of one forward pass on tensors without data."""
    kept = 0.0

    def count(_: nn.Module, __: object, out: object) -> None:
        nonlocal kept
        for value in out if isinstance(out, tuple) else (out,):
            kept += (
                2.0 * value.numel() if isinstance(value, Tensor) else 0.0
            )  # the result, and what its activation keeps

    leaves = [
        m
        for m in module.modules()
        if not list(m.children()) or type(m).__name__ in ("StyleConv", "EqualConv")
    ]
    hooks = [m.register_forward_hook(count) for m in leaves]
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            call()
    finally:
        for hook in hooks:
            hook.remove()
    return float(counter.get_total_flops()), kept


def _points(cfg: TrainConfig, values: ScheduleValues) -> tuple[float, float]:
    """(points with gradients, points without) of one rendered image in the generator's phase."""
    r, n = cfg.render, cfg.network
    rays = values.resolution**2
    if not values.propose:
        kept, free = float(rays * r.samples), 0.0
    else:
        kept = rays * (r.budget_low + r.hard_share * (r.budget_high - r.budget_low))
        free = 0.0 if r.sampler else kept / 2
    if r.cull_floor and (r.sampler or not values.propose):
        looked = (
            min(r.look or values.resolution, values.resolution) ** 2 / rays
            if r.refine and not values.propose
            else 1.0
        )
        kept, free = SEEN_SHARE * kept, free + kept * looked
    if r.refine and not values.propose:
        kept += HIT_SHARE * rays * r.refine
    if cfg.loss.bend:
        kept += 3.0 * cfg.loss.bend_points / cfg.batch
    if (values.propose or values.supervise) and r.sampler:
        free += n.probe_size**2 * n.probe_samples
        if values.supervise:
            free += min(r.patch, n.proposal_size) ** 2 * n.probe_samples
    return kept, free


def _flop_image(cfg: TrainConfig, s: _Sizes, values: ScheduleValues) -> float:
    """FLOP of one image of a step, all phases."""
    kept, free = _points(cfg, values)
    proposals = s.proposal if (values.propose or values.supervise) and cfg.render.sampler else 0.0
    extra = 1.0 if cfg.render.checkpoint_rays else 0.0
    generator = BACKWARD * s.synthesis + s.point * ((BACKWARD + extra) * kept + free)
    generator += proposals * (BACKWARD if values.supervise else 1.0) + BACKWARD * s.judge
    again = (
        0.0
        if cfg.reuse_fakes
        else s.synthesis + s.point * (kept + (n_probe(cfg) if proposals else 0.0)) + proposals
    )
    discriminator = again + 2 * BACKWARD * s.judge + DOUBLE_BACKWARD * s.judge / cfg.loss.r1_interval
    return generator + discriminator


def n_probe(cfg: TrainConfig) -> float:
    """Points of one probe."""
    return float(cfg.network.probe_size**2 * cfg.network.probe_samples)


def _memory(cfg: TrainConfig, s: _Sizes, values: ScheduleValues, world: int) -> float:
    """Peak bytes of one process: weights, gradients, two moments, the average, and the activations of a
    micro-batch.
    """
    share = max(1, cfg.batch // world)
    micro = min(cfg.microbatch or share, share)
    kept, free = _points(cfg, values)
    if cfg.render.checkpoint_rays:
        kept = min(kept, kept / values.resolution**2 * cfg.render.checkpoint_rays)
    proposals = s.proposal_values if (values.propose or values.supervise) and cfg.render.sampler else 0.0
    size = 2.0 if cfg.optim.precision == "bf16" else 4.0
    generator = s.point_values * (kept + 0.3 * free) + s.synthesis_values + proposals + s.judge_values
    return s.weights * 4.0 + 4.0 * s.average + size * micro * max(generator, 4.0 * s.judge_values)
