"""Compares what a checkpoint makes with a set of images.

Cameras, latents, rendering, metrics, the sample-count table. Generated picture i has the latent of seed
`seed` + i and the camera of the i-th chosen image of the set, so both sides have the same cameras. The colour
pictures are untruncated by default and see each ray's own direction, as the generator was trained; those of
imported families are the pictures of their own program (supplement A4.3 of the WYSIWYG paper). The shape
pictures have the truncation with which the paper measured shape (psi 0.7, cutoff 14). The maps of the
non-flatness score are seen from the frontal camera. All pictures of one latent are made in a row, so that
planes are built once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.data.images import ImageDataset
from core_model.data.truth_maps import TruthMaps
from core_model.metrics.registry import METRICS, Candidate, Metric, MetricContext, Pictures, Reference
from core_model.metrics.segmented import Segmented
from core_model.schema.camera import MatrixCamera
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError, TriscopeError
from core_model.schema.latent import LatentSpec
from core_model.schema.metrics import NEEDS, MetricValue, SampleRow, View
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec

BATCH = 16
Progress = Callable[[str, float], None]
Keep = Callable[[int, RenderRequest, Mapping[str, np.ndarray]], None]
"""Seed, request and 8-bit pictures [S, S, 3] by name (rgb, normals) of a shape picture that is to be kept."""


class Renderer(Protocol):
    """What makes the pictures; raises what went wrong."""

    def picture(self, request: RenderRequest) -> tuple[Mapping[str, np.ndarray], float]:
        """Channels by name (float32), and the samples per ray that were placed."""
        ...

    def cut_depth(self, request: RenderRequest) -> np.ndarray:
        """[H, W] float32: depth as the published non-flatness score takes it."""
        ...


@dataclass(frozen=True)
class Plan:
    """What is compared.

    count: most pictures of any metric (None: those of the publications, as far as the data goes).
    spp: samples per ray of the colour pictures (None: the checkpoint's own).
    table: further numbers of samples.
    supersample: rays along each edge of a pixel of the generated pictures.
    native: colour pictures as the family's own program renders them, at `info.image_size`.
    front_size: edge of the frontal depth maps (None: size).
    camera_conditioned: a pose-conditioned generator gets the rendering camera.
    """

    size: int
    count: int | None = None
    seed: int = 0
    psi: float = 1.0
    shape_psi: float = 0.7
    cutoff: int | None = 14
    sampler: str = "learned"
    spp: float | None = None
    table: tuple[float, ...] = ()
    supersample: int = 1
    native: bool = False
    view_dirs: Literal["frontal", "camera"] = "camera"
    front_size: int | None = None
    camera_conditioned: bool = True
    precision: str = "fp32"
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counts:
    """Pictures of each kind: generated, and of the data."""

    colour: int = 0
    shape: int = 0
    front: int = 0
    colour_reals: int = 0
    shape_reals: int = 0


@dataclass(frozen=True)
class Outcome:
    """Numbers of one evaluation; `placed` is the mean of the samples per ray of the colour pictures."""

    values: tuple[MetricValue, ...]
    table: tuple[SampleRow, ...]
    placed: float
    counts: Counts
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
    renderer: Renderer,
    info: CheckpointInfo,
    data: ImageDataset,
    plan: Plan,
    context: MetricContext,
    *,
    normals: ImageDataset | None = None,
    masks: Segmented | None = None,
    keep: Keep | None = None,
    progress: Progress = lambda stage, fraction: None,
) -> Outcome:
    """Runs every metric of the plan that can be computed; of the others the outcome says what they need.

    data: opened at `plan.size`, with labels where the checkpoint has cameras of its own. normals: a folder of
    normal maps for Normal-FID. masks: masks or masked normal maps of the generated pictures. keep: takes the
    shape pictures, for a segmenter. Raises InputError for a plan that cannot be run, and what rendering
    raises.
    """
    if plan.count is not None and plan.count < 2:
        raise InputError(what="too few pictures", where="--count", expected="2 or more", got=str(plan.count))
    truth = TruthMaps(data) if TruthMaps.there(data) else None
    lacking = _lacking(context, truth is not None, normals is not None)
    chosen, missing = _choose(plan, lacking)
    counts = counts_of(chosen, plan.count, len(data), len(data) if normals is None else len(normals))
    index = np.random.Generator(np.random.PCG64([plan.seed, len(data)])).permutation(len(data))
    made: dict[View, dict[str, Reference]] = {
        view: {m.info.name: m.reference(context) for m in chosen if m.info.view == view}
        for view in ("colour", "shape", "front")
    }
    reading = max(counts.colour_reals, counts.shape_reals)
    work = reading / 4 + counts.colour * (1 + len(plan.table)) + counts.shape + counts.front
    _read_reals(
        data, index, counts, made, truth, normals, lambda n: progress("reading the data", n / 4 / work)
    )
    pools = (
        [_Pool([r.candidate() for r in made["colour"].values()]) for _ in (None, *plan.table)]
        if made["colour"]
        else []
    )
    shapes, fronts = (_Pool([r.candidate() for r in made[view].values()]) for view in ("shape", "front"))
    done = reading / 4

    def told(parts: dict[str, Tensor]) -> dict[str, Tensor]:
        nonlocal done
        done += 1
        progress("rendering", done / work)
        return parts

    for i in range(max(counts.colour, counts.shape, counts.front)):
        one = _Head(
            renderer,
            info,
            plan,
            plan.seed + i,
            MatrixCamera.from_label(data.label(int(index[i % len(index)]))),
        )
        for pool, spp in zip(pools, (None, *plan.table), strict=False) if i < counts.colour else ():
            parts, placed = one.colour(spp)
            pool.add(told(parts), placed)
        if i < counts.shape:
            parts, placed = one.shape(masks, keep)
            shapes.add(told(parts), placed)
        if i < counts.front:
            fronts.add(told(one.front()), 0.0)
    values = [*(pools[0].values() if pools else ()), *shapes.values(), *fronts.values(), *missing]
    rows = [
        SampleRow(
            spp=n,
            placed=pool.mean_placed,
            values={v.name: v.value for v in pool.values() if v.value is not None},
        )
        for n, pool in zip(plan.table, pools[1:], strict=False)
    ]
    definitions = {m.info.name: m.info.description for m in chosen}
    return Outcome(tuple(values), tuple(rows), pools[0].mean_placed if pools else 0.0, counts, definitions)


def counts_of(chosen: list[Metric], asked: int | None, images: int, maps: int) -> Counts:
    """Pictures of each kind.

    asked: most pictures of any metric; None: the published numbers, where the data has as many images (or,
    for shape, maps); those that compare with nothing take theirs in any case. The reference is all of the
    data where a metric says so.
    """

    def of(view: View, available: int) -> tuple[int, int]:
        infos = [m.info for m in chosen if m.info.view == view]
        most = max((i.pictures for i in infos), default=0)
        generated = min(most, available if asked is None else asked)
        whole = asked is None and any(i.whole for i in infos)
        return generated, available if whole else min(available, generated)

    (colour, colour_reals), (shape, shape_reals) = of("colour", images), of("shape", maps)
    return Counts(colour, shape, of("front", 1_000_000)[0], colour_reals, shape_reals)


def _lacking(context: MetricContext, has_truth: bool, has_normals: bool) -> dict[str, bool]:
    return {
        "inception": context.features is None,
        "normals": not (has_truth or has_normals),
        "truth": not has_truth,
    }


def _choose(plan: Plan, lacking: dict[str, bool]) -> tuple[list[Metric], list[MetricValue]]:
    """Metrics that can be computed, and an empty value for each other one.

    Asking for one of those by name is an error.
    """
    names = plan.metrics or METRICS.names()
    chosen, missing = [], []
    for name in dict.fromkeys(names):
        metric = METRICS.get(name, where="--metrics")
        needs = [NEEDS[n] for n in metric.info.needs if lacking[n]]
        if needs and plan.metrics:
            raise InputError(
                what=f"metric {name!r} cannot be computed",
                where="--metrics",
                expected=needs[0],
                got="nothing",
            )
        if needs:
            missing.append(MetricValue(name=name, metric=name, why_not=f"needs {' and '.join(needs)}"))
        else:
            chosen.append(metric)
    return chosen, missing


def _read_reals(
    data: ImageDataset,
    index: np.ndarray,
    counts: Counts,
    made: Mapping[View, Mapping[str, Reference]],
    truth: TruthMaps | None,
    normals: ImageDataset | None,
    tell: Callable[[int], None],
) -> None:
    """Feeds the references."""
    shape = made["shape"]
    by_maps = [n for n in shape if n.startswith("normal_")]
    pool = _References(list(made["colour"].values()))
    true_pool = _References([r for n, r in shape.items() if normals is None or n not in by_maps])
    normal_pool = _References([shape[n] for n in by_maps] if normals is not None else [])
    for number, item in enumerate(index[: max(counts.colour_reals, counts.shape_reals)].tolist()):
        if pool.members and number < counts.colour_reals:
            pool.add({"rgb": torch.from_numpy(data.image(item))})
        if truth is not None and true_pool.members and number < counts.shape_reals:
            known = truth.item(item)
            true_pool.add(
                _shape_parts(
                    _reduced(known.normal, data.resolution), _reduced(known.depth[None], data.resolution)[0]
                )
            )
        tell(number)
    if normals is not None and normal_pool.members:
        for item in range(counts.shape_reals):
            normal_pool.add({"normal_map": torch.from_numpy(normals.image(item))})
    for one in (pool, true_pool, normal_pool):
        one.flush()


@dataclass
class _References:
    members: list[Reference]
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


@dataclass(frozen=True)
class _Head:
    """All pictures of one latent."""

    renderer: Renderer
    info: CheckpointInfo
    plan: Plan
    seed: int
    camera: MatrixCamera

    def colour(self, spp: float | None) -> tuple[dict[str, Tensor], float]:
        """(picture, samples per ray that were placed).

        spp: of a row of the table; None: of the pictures themselves.
        """
        plan = self.plan
        request = self._request(("rgb",), plan.psi, plan.spp if spp is None else spp)
        if plan.native and spp is None:
            request = request.replace(width=self.info.image_size, height=self.info.image_size, native=True)
        arrays, placed = self.renderer.picture(request)
        return {"rgb": _eight_bit(_shrunk(arrays["rgb"], plan.size), self.info.path)}, placed

    def shape(self, masks: Segmented | None, keep: Keep | None) -> tuple[dict[str, Tensor], float]:
        plan = self.plan
        request = self._request(("normal", "depth"), plan.shape_psi, plan.spp)
        arrays, placed = self.renderer.picture(request)
        parts = _shape_parts(
            _reduced(arrays["normal"], plan.size), _reduced(arrays["depth"][None], plan.size)[0]
        )
        if keep is not None:
            shown = request.replace(channels=("rgb",))
            rgb = _eight_bit(_shrunk(self.renderer.picture(shown)[0]["rgb"], plan.size), self.info.path)
            pictures = {"rgb": rgb, "normals": parts["normal_map"]}
            keep(
                self.seed,
                shown,
                {name: np.ascontiguousarray(x.numpy().transpose(1, 2, 0)) for name, x in pictures.items()},
            )
        if masks is not None:
            parts["normal_map"] = masks.applied(self.seed, parts["normal_map"])
        return parts, placed

    def front(self) -> dict[str, Tensor]:
        """Depth from the frontal camera, which is also the conditioning one."""
        edge = self.plan.front_size or self.plan.size
        camera = self.info.header.camera.default.replace(yaw=0.0, pitch=0.0, roll=0.0)
        latent = LatentSpec.of_seed(self.seed, psi=self.plan.psi, cutoff=self._cutoff)
        request = self._request(("depth",), self.plan.psi, self.plan.spp)
        request = request.replace(latent=latent, camera=camera, width=edge, height=edge)
        return {"cut_depth": torch.from_numpy(self.renderer.cut_depth(request))}

    @property
    def _cutoff(self) -> int | None:
        cutoff, layers = self.plan.cutoff, self.info.num_ws
        return None if cutoff is None else min(cutoff, layers) if layers else cutoff

    def _request(self, channels: tuple[str, ...], psi: float, spp: float | None) -> RenderRequest:
        """A request from the camera of the data, at the size of the compared pictures."""
        plan = self.plan
        cond = self.camera if plan.camera_conditioned and self.info.pose_conditioned else None
        edge = plan.size * plan.supersample
        return RenderRequest(
            checkpoint=self.info.path, latent=LatentSpec.of_seed(self.seed, psi=psi, cutoff=self._cutoff, cond=cond), camera=self.camera,
            width=edge, height=edge, sampler=SamplerSpec(name=plan.sampler, spp=spp), channels=channels, view_dirs=plan.view_dirs,
            precision=plan.precision,  # type: ignore[arg-type]
        )  # fmt: skip


def _batch(parts: list[dict[str, Tensor]]) -> Pictures:
    return Pictures(**{name: torch.stack([p[name] for p in parts]) for name in parts[0]})


def _shape_parts(normal: np.ndarray, depth: np.ndarray) -> dict[str, Tensor]:
    """normal [3, S, S] is made unit again after averaging."""
    length = np.linalg.norm(normal, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(length > 0.1, normal / length, np.nan).astype(np.float32)
    shown = np.where(np.isfinite(unit), np.rint((0.5 + 0.5 * unit).clip(0.0, 1.0) * 255.0), 0.0)
    shown = np.nan_to_num(shown).astype(np.uint8)
    return {
        "normal": torch.from_numpy(unit),
        "depth": torch.from_numpy(depth),
        "normal_map": torch.from_numpy(shown),
    }


def _reduced(values: np.ndarray, size: int) -> np.ndarray:
    """[C, S f, S f] → [C, S, S] means.

    A pixel has a value where at least half of its parts have one (NaN: none).
    """
    edge = values.shape[-1]
    if edge == size:
        return values
    if edge % size:
        # Not a whole factor: the nearest pixel of the finer map.
        place = ((np.arange(size) + 0.5) * edge / size).astype(np.int64)
        return values[:, place[:, None], place[None]]
    f = edge // size
    blocks = (
        values.reshape(values.shape[0], size, f, size, f)
        .transpose(0, 1, 3, 2, 4)
        .reshape(-1, size, size, f * f)
    )
    known = np.isfinite(blocks)
    total = np.where(known, blocks, 0.0).sum(axis=-1)
    count = known.sum(axis=-1)
    return np.where(2 * count >= f * f, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _shrunk(rgb: np.ndarray, size: int) -> np.ndarray:
    """[3, S', S'] → [3, S, S] by area: means of whole blocks, else an antialiased filter."""
    if rgb.shape[-1] % size == 0:
        return _reduced(rgb, size)
    return F.interpolate(torch.from_numpy(rgb)[None], size=(size, size), mode="bilinear", antialias=True)[
        0
    ].numpy()


def _eight_bit(rgb: np.ndarray, path: str) -> Tensor:
    """[3, S, S] in [0, 1] → uint8, as the picture would be saved."""
    if not np.isfinite(rgb).all():
        raise TriscopeError(f"{path} renders NaN colours; nothing can be compared")
    return torch.from_numpy(np.rint(rgb.clip(0.0, 1.0) * 255.0).astype(np.uint8))
