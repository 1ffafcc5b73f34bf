"""Compares what a checkpoint makes with a set of images: cameras, latents, rendering, metrics, the sample-count table.

Generated picture i has the latent of seed `seed` + i and the camera of the i-th chosen image of the set, so both sides have the same
cameras. The colour pictures are untruncated by default, as the generator was trained; the shape pictures have the truncation with
which the paper measured shape (psi 0.7, cutoff 14). All pictures of one latent are made in a row, so that planes are built once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from core_model.data.images import ImageDataset
from core_model.data.truth_maps import TruthMaps
from core_model.metrics.registry import METRICS, Candidate, Metric, MetricContext, Pictures, Reference
from core_model.schema.camera import MatrixCamera
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError, TriscopeError
from core_model.schema.latent import LatentSpec
from core_model.schema.metrics import NEEDS, MetricValue, SampleRow
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec

BATCH = 16
Render = Callable[[RenderRequest], tuple[Mapping[str, np.ndarray], float]]
"""A request → its channels (float32 arrays by name) and the samples a ray that were placed; raises what went wrong."""
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Plan:
    """What is compared. spp: samples a ray of the colour pictures (None: the checkpoint's own); table: further numbers of samples;
    supersample: rays along each edge of a pixel of the generated pictures; conditioning: camera that a pose-conditioned generator gets."""

    count: int
    size: int
    seed: int = 0
    psi: float = 1.0
    shape_psi: float = 0.7
    cutoff: int | None = 14
    sampler: str = "learned"
    spp: float | None = None
    table: tuple[float, ...] = ()
    supersample: int = 1
    camera_conditioned: bool = True
    precision: str = "fp32"
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """Numbers of one evaluation; `placed` is the mean of the samples a ray of the colour pictures."""

    values: tuple[MetricValue, ...]
    table: tuple[SampleRow, ...]
    placed: float
    reals: int
    definitions: dict[str, str]


@dataclass
class _Pool:
    """Candidates that see the same pictures, fed in batches."""

    candidates: list[Candidate]
    waiting: list[dict[str, Tensor]] = field(default_factory=list)
    placed: float = 0.0
    pictures: int = 0

    def add(self, parts: dict[str, Tensor], placed: float) -> None:
        self.waiting.append(parts)
        self.placed += placed
        self.pictures += 1
        if len(self.waiting) == BATCH:
            self.flush()

    def flush(self) -> None:
        if self.waiting:
            batch = _batch(self.waiting)
            for candidate in self.candidates:
                candidate.add(batch)
            self.waiting.clear()

    def values(self) -> tuple[MetricValue, ...]:
        self.flush()
        return tuple(v for c in self.candidates for v in c.values())

    @property
    def mean_placed(self) -> float:
        return self.placed / max(1, self.pictures)


def evaluate(
    render: Render,
    info: CheckpointInfo,
    data: ImageDataset,
    plan: Plan,
    context: MetricContext,
    *,
    normals: ImageDataset | None = None,
    progress: Progress = lambda stage, fraction: None,
) -> Outcome:
    """Runs every metric of the plan that can be computed; of the others the outcome says what they need.

    data: opened at `plan.size`, with labels where the checkpoint has cameras of its own. normals: a folder of normal maps for
    Normal-FID. Raises InputError for a plan that cannot be run, and what rendering raises.
    """
    if plan.count < 2:
        raise InputError(what="too few pictures", where="--count", expected="2 or more", got=str(plan.count))
    truth = TruthMaps(data) if TruthMaps.there(data) else None
    lacking = _lacking(context, truth is not None, normals is not None)
    chosen, missing = _choose(plan, lacking)
    index = np.random.Generator(np.random.PCG64([plan.seed, len(data)])).permutation(len(data))
    reals = index[: min(len(data), plan.count)]
    colour = {m.info.name: m.reference(context) for m in chosen if m.info.view == "colour"}
    shape = {m.info.name: m.reference(context) for m in chosen if m.info.view == "shape"}
    work = len(reals) / 4 + plan.count * (bool(colour) * (1 + len(plan.table)) + bool(shape))
    done = _read_reals(data, reals, colour, shape, truth, normals, lambda n: progress("reading the data", n / 4 / work))
    pools = [_Pool([r.candidate() for r in colour.values()]) for _ in (None, *plan.table)] if colour else []
    shapes = _Pool([r.candidate() for r in shape.values()])
    for i in range(plan.count):
        camera = MatrixCamera.from_label(data.label(int(index[i % len(index)])))
        done = _generate(render, info, plan, plan.seed + i, camera, pools, shapes, done, lambda d: progress("rendering", d / work))
    values = [*(pools[0].values() if pools else ()), *shapes.values(), *missing]
    rows = [
        SampleRow(spp=n, placed=pool.mean_placed, values={v.name: v.value for v in pool.values() if v.value is not None})
        for n, pool in zip(plan.table, pools[1:], strict=False)
    ]
    definitions = {m.info.name: m.info.description for m in chosen}
    return Outcome(tuple(values), tuple(rows), pools[0].mean_placed if pools else 0.0, len(reals), definitions)


def _lacking(context: MetricContext, has_truth: bool, has_normals: bool) -> dict[str, bool]:
    return {"inception": context.features is None, "normals": not (has_truth or has_normals), "truth": not has_truth}


def _choose(plan: Plan, lacking: dict[str, bool]) -> tuple[list[Metric], list[MetricValue]]:
    """Metrics that can be computed, and an empty value for each other one; asking for one of those by name is an error."""
    names = plan.metrics or METRICS.names()
    chosen, missing = [], []
    for name in dict.fromkeys(names):
        metric = METRICS.get(name, where="--metrics")
        needs = [NEEDS[n] for n in metric.info.needs if lacking[n]]
        if needs and plan.metrics:
            raise InputError(what=f"metric {name!r} cannot be computed", where="--metrics", expected=needs[0], got="nothing")
        if needs:
            missing.append(MetricValue(name=name, metric=name, why_not=f"needs {' and '.join(needs)}"))
        else:
            chosen.append(metric)
    return chosen, missing


def _read_reals(
    data: ImageDataset,
    reals: np.ndarray,
    colour: Mapping[str, Reference],
    shape: Mapping[str, Reference],
    truth: TruthMaps | None,
    normals: ImageDataset | None,
    tell: Callable[[int], None],
) -> float:
    """Feeds the references; returns the work that it was."""
    pool, true_pool, normal_pool = _References(), _References(), _References()
    pool.members = list(colour.values())
    by_maps = [n for n in shape if n.startswith("normal_")]
    true_pool.members = [r for n, r in shape.items() if normals is None or n not in by_maps]
    normal_pool.members = [shape[n] for n in by_maps] if normals is not None else []
    for number, item in enumerate(reals.tolist()):
        if pool.members:
            pool.add({"rgb": torch.from_numpy(data.image(item))})
        if truth is not None and true_pool.members:
            known = truth.item(item)
            true_pool.add(_shape_parts(_reduced(known.normal, data.resolution), _reduced(known.depth[None], data.resolution)[0]))
        tell(number)
    if normals is not None:
        for item in range(min(len(normals), len(reals))):
            normal_pool.add({"normal_map": torch.from_numpy(normals.image(item))})
    for one in (pool, true_pool, normal_pool):
        one.flush()
    return len(reals) / 4


@dataclass
class _References:
    members: list[Reference] = field(default_factory=list)
    waiting: list[dict[str, Tensor]] = field(default_factory=list)

    def add(self, parts: dict[str, Tensor]) -> None:
        self.waiting.append(parts)
        if len(self.waiting) == BATCH:
            self.flush()

    def flush(self) -> None:
        if self.waiting:
            batch = _batch(self.waiting)
            for member in self.members:
                member.add(batch)
            self.waiting.clear()


def _generate(
    render: Render,
    info: CheckpointInfo,
    plan: Plan,
    seed: int,
    camera: MatrixCamera,
    pools: list[_Pool],
    shapes: _Pool,
    done: float,
    tell: Callable[[float], None],
) -> float:
    """All pictures of one latent; returns the work done so far."""
    cutoff = None if plan.cutoff is None else min(plan.cutoff, info.num_ws) if info.num_ws else plan.cutoff
    cond = camera if plan.camera_conditioned and info.pose_conditioned else None

    def picture(channels: tuple[str, ...], psi: float, spp: float | None) -> tuple[Mapping[str, np.ndarray], float]:
        nonlocal done
        latent = LatentSpec.of_seed(seed, psi=psi, cutoff=cutoff, cond=cond)
        request = RenderRequest(
            checkpoint=info.path, latent=latent, camera=camera, width=plan.size * plan.supersample, height=plan.size * plan.supersample,
            sampler=SamplerSpec(name=plan.sampler, spp=spp), channels=channels, precision=plan.precision,  # type: ignore[arg-type]
        )  # fmt: skip
        made = render(request)
        done += 1
        tell(done)
        return made

    for pool, spp in zip(pools, (plan.spp, *plan.table), strict=False):
        arrays, placed = picture(("rgb",), plan.psi, spp)
        pool.add({"rgb": _eight_bit(_reduced(arrays["rgb"], plan.size), info.path)}, placed)
    if shapes.candidates:
        arrays, placed = picture(("normal", "depth"), plan.shape_psi, plan.spp)
        shapes.add(_shape_parts(_reduced(arrays["normal"], plan.size), _reduced(arrays["depth"][None], plan.size)[0]), placed)
    return done


def _batch(parts: list[dict[str, Tensor]]) -> Pictures:
    return Pictures(**{name: torch.stack([p[name] for p in parts]) for name in parts[0]})


def _shape_parts(normal: np.ndarray, depth: np.ndarray) -> dict[str, Tensor]:
    """normal [3, S, S] is made unit again after averaging."""
    length = np.linalg.norm(normal, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(length > 0.1, normal / length, np.nan).astype(np.float32)
    shown = np.where(np.isfinite(unit), np.rint((0.5 + 0.5 * unit).clip(0.0, 1.0) * 255.0), 0.0)
    shown = np.nan_to_num(shown).astype(np.uint8)
    return {"normal": torch.from_numpy(unit), "depth": torch.from_numpy(depth), "normal_map": torch.from_numpy(shown)}


def _reduced(values: np.ndarray, size: int) -> np.ndarray:
    """[C, S f, S f] → [C, S, S] means; a pixel has a value where at least half of its parts have one (NaN: none)."""
    edge = values.shape[-1]
    if edge == size:
        return values
    if edge % size:
        # Not a whole factor: the nearest pixel of the finer map.
        place = ((np.arange(size) + 0.5) * edge / size).astype(np.int64)
        return values[:, place[:, None], place[None]]
    f = edge // size
    blocks = values.reshape(values.shape[0], size, f, size, f).transpose(0, 1, 3, 2, 4).reshape(-1, size, size, f * f)
    known = np.isfinite(blocks)
    total = np.where(known, blocks, 0.0).sum(axis=-1)
    count = known.sum(axis=-1)
    return np.where(2 * count >= f * f, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _eight_bit(rgb: np.ndarray, path: str) -> Tensor:
    """[3, S, S] in [0, 1] → uint8, as the picture would be saved."""
    if not np.isfinite(rgb).all():
        raise TriscopeError(f"{path} renders NaN colours; nothing can be compared")
    return torch.from_numpy(np.rint(rgb.clip(0.0, 1.0) * 255.0).astype(np.uint8))
