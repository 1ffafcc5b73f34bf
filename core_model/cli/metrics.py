"""`triscope metrics CHECKPOINT --data SET`: how far the pictures of a checkpoint are from a set of images."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from tyro.conf import arg

from core_model import __version__
from core_model.cli.files import check_output, write_json
from core_model.cli.numbers import numbers_of
from core_model.cli.options import MachineOptions, best_sampler, check_result
from core_model.cli.parse import parse
from core_model.cli.progress import progress
from core_model.cli.sessions import CheckpointArgument, opened, record_of
from core_model.schema.atomic import made_folder
from core_model.schema.errors import InputError
from core_model.schema.latent import SEEDS
from core_model.schema.metrics import MetricsRecord, MetricValue

if TYPE_CHECKING:
    from core_model.data.images import ImageDataset
    from core_model.metrics.evaluate import Keep, Outcome, Plan
    from core_model.metrics.segmented import Segmented
    from core_model.schema.checkpoint import CheckpointInfo
    from core_model.schema.render import RenderRequest
    from core_model.session import RenderSession

SUMMARY = (
    "Compare the pictures of a checkpoint with a set of images: FID, KID, SWD, Normal-FID, non-flatness."
)
MOST_SAMPLES = 4096.0


@dataclass(frozen=True)
class MetricsOptions:
    checkpoint: CheckpointArgument
    """a .safetensors file, a run folder, `demo` or `analytic:NAME`"""
    data: Annotated[Path, arg(metavar="D")]
    """set of real images: folder or zip in EG3D's layout, or generated heads"""
    machine: MachineOptions
    out: Annotated[Path | None, arg(metavar="FILE.json", help_behavior_hint="")] = None
    """where the record goes; the table is printed in any case"""
    count: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """most pictures per metric; default as published where the data has as many: FID 50000 (to all reals),
    Normal-FID 10000, NFS 256"""
    metrics: Annotated[str | None, arg(metavar="A,B", help_behavior_hint="")] = None
    """names of metrics; default: all that can be computed"""
    inception: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """weights for FID and KID: pt_inception-2015-12-05-6726825d.pth (a state dict; programs are not run)"""
    normals: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """real normal maps for Normal-FID: 0.5 + 0.5 n, world frame, black where there is nothing; default: those
    of generated heads"""
    masks: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """masks (white is kept) or masked normal maps of the generated pictures, by seed (12.png), for
    Normal-FID; see --keep"""
    keep: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """writes the generated shape pictures there, rgb/SEED.png and normals/SEED.png, for a face segmenter that
    makes --masks"""
    samples: Annotated[str, arg(metavar="A,B")] = "20,50,96"
    """samples per ray of the rows of the sample-count table; none = no table"""
    spp: Annotated[float | None, arg(metavar="N", help_behavior_hint="")] = None
    """samples per ray of the pictures themselves; default: the checkpoint's own"""
    sampler: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="")] = None
    """uniform, stratified, importance or learned; default: the best there is; imported families: their own
    program's picture"""
    size: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """edge of the compared pictures; default: that of the data, at most that of the checkpoint"""
    supersample: Annotated[int, arg(metavar="N")] = 1
    """rays along each edge of a generated pixel"""
    seed: Annotated[int, arg(metavar="N")] = 0
    """seed of the first generated picture and of every random choice"""
    psi: Annotated[float, arg(metavar="P")] = 1.0
    """truncation of the colour pictures and of the non-flatness score; 1 = none, as trained"""
    shape_psi: Annotated[float, arg(metavar="P")] = 0.7
    """truncation of the normal and depth pictures from the cameras of the data, as published for
    Normal-FID"""
    cutoff: Annotated[int | None, arg(metavar="N")] = 14
    """layers below it are truncated; none = all"""
    frontal: bool = False
    """condition the generator on the frontal camera instead of the rendering one"""
    view_dirs: Literal["camera", "frontal"] = "camera"
    """direction that conditions the colours: each ray's own, as in training, or one frontal direction, as
    `triscope render` takes"""
    mirror: bool = False
    """count each image of the data once more, mirrored, with its mirrored camera"""


def main(args: list[str]) -> None:
    options = parse(MetricsOptions, args, "metrics", SUMMARY)
    if options.out is not None:
        check_output(options.out, (".json",))
    table = _numbers(options.samples)
    _check_ranges(options)
    started = time.monotonic()
    with opened(options.checkpoint, options.machine) as (session, info):
        from core_model.data.images import ImageDataset
        from core_model.metrics import MetricContext
        from core_model.metrics.evaluate import evaluate
        from core_model.metrics.segmented import Segmented
        from core_model.metrics.weights import load_inception

        features, digest = None, ""
        if options.inception is not None:
            from core_model.ops.devices import choose

            device = choose(options.machine.device, "--device")
            network, digest = load_inception(options.inception, device)
            features = lambda images: network(images.to(device)).cpu()
        plan, data = _plan(options, info, table)
        normals = None
        if options.normals is not None:
            normals = ImageDataset.open(options.normals, resolution=plan.size, labels=False)
        masks = Segmented.open(options.masks, plan.size) if options.masks is not None else None
        near, far = _depth_range(info)
        context = MetricContext(features=features, near=near, far=far, seed=options.seed)
        keep = None if options.keep is None else _picture_writer(options.keep, info)
        with progress("metrics") as update:
            outcome = evaluate(
                _Pictures(session), info, data, plan, context, normals=normals, masks=masks, keep=keep, progress=update
            )  # fmt: skip
        record = _record(plan, info, data, outcome, digest, masks, session.device, time.monotonic() - started)
    if options.out is not None:
        write_json(options.out, record.model_dump(mode="json"))
    print(shown(record))


@dataclass(frozen=True)
class _Pictures:
    """The session as a `Renderer` of the evaluation: errors are raised."""

    session: RenderSession

    def picture(self, request: RenderRequest) -> tuple[Mapping[str, np.ndarray], float]:
        frame = self.session.render(request)
        check_result(frame.result)
        return frame.arrays, frame.result.samples_per_pixel

    def cut_depth(self, request: RenderRequest) -> np.ndarray:
        return self.session.cut_depth(request)


def _picture_writer(folder: Path, info: CheckpointInfo) -> Keep:
    """Writes FOLDER/NAME/SEED.png.

    The folders are made at once, so that a bad place is known before anything is rendered.
    """
    from core_model.output.images import save_png

    for name in ("rgb", "normals"):
        made_folder(folder / name, f"--keep {folder}")

    def keep(seed: int, request: RenderRequest, pictures: Mapping[str, np.ndarray]) -> None:
        for name, pixels in pictures.items():
            save_png(folder / name / f"{seed}.png", pixels, record_of(info, request))

    return keep


def _check_ranges(options: MetricsOptions) -> None:
    ranges = (
        ("--count", options.count, 2, 1_000_000),
        ("--supersample", options.supersample, 1, 4),
        ("--size", options.size, 8, 4096),
        ("--seed", options.seed, 0, SEEDS - 1_000_001),
        ("--spp", options.spp, 2, MOST_SAMPLES),
        ("--psi", options.psi, -2.0, 2.0),
        ("--shape-psi", options.shape_psi, -2.0, 2.0),
        ("--cutoff", options.cutoff, 0, 1000),
    )
    for name, value, low, high in ranges:
        if value is not None and not low <= value <= high:
            raise InputError(what=f"bad {name}", expected=f"{low} to {high}", got=str(value))


def _numbers(text: str) -> tuple[float, ...]:
    """Samples per ray of `20,50,96`; `none` is an empty table."""
    if text.strip().lower() in ("none", ""):
        return ()
    found = numbers_of(text, "--samples", what="20,50,96 or none")
    if not all(2.0 <= n <= MOST_SAMPLES for n in found):
        raise InputError(what="bad --samples", expected=f"numbers from 2 to {MOST_SAMPLES:.0f}", got=text)
    return tuple(dict.fromkeys(found))


def _plan(
    options: MetricsOptions, info: CheckpointInfo, table: tuple[float, ...]
) -> tuple[Plan, ImageDataset]:
    from core_model.data.images import ImageDataset, holds_labels
    from core_model.metrics.evaluate import Plan

    posed = holds_labels(options.data)
    prior = info.header.camera
    cameras = None if posed else prior if prior.law in ("normal", "uniform") else prior.replace(law="normal")
    native = ImageDataset.open(options.data, labels=posed, cameras=cameras).native_resolution
    size = options.size if options.size is not None else min(native, info.image_size or native)
    data = ImageDataset.open(
        options.data, resolution=size, mirror=options.mirror, labels=posed, cameras=cameras
    )
    native = options.sampler is None and info.has_native
    if native and options.supersample > 1:
        raise InputError(
            what="pictures of a family's own program have one size",
            where="--supersample",
            expected="1, or a --sampler of triscope's",
        )
    sampler = (
        "importance" if native else options.sampler if options.sampler is not None else best_sampler(info)
    )
    if sampler not in {s.name for s in info.samplers if s.available}:
        names = ", ".join(s.name for s in info.samplers if s.available)
        raise InputError(
            what=f"sampler {sampler!r} cannot be used",
            where="--sampler",
            expected=f"one of {names}",
            got=sampler,
        )
    names = tuple(n.strip() for n in options.metrics.split(",") if n.strip()) if options.metrics else ()
    plan = Plan(
        count=options.count, size=size, seed=options.seed, psi=options.psi, shape_psi=options.shape_psi, cutoff=options.cutoff,
        sampler=sampler, spp=options.spp, table=table, supersample=options.supersample, camera_conditioned=not options.frontal,
        native=native and options.spp is None, view_dirs=options.view_dirs, front_size=min(size, info.neural_size or size),
        precision=options.machine.precision, metrics=names,
    )  # fmt: skip
    return plan, data


def _depth_range(info: CheckpointInfo) -> tuple[float, float]:
    """Where rays of the default camera run [world units]: the checkpoint's own bounds, else about its box."""
    conventions, camera = info.header.conventions, info.header.camera.default
    if conventions.near is not None and conventions.far is not None:
        return conventions.near, conventions.far
    reach = conventions.scene_radius if conventions.scene_radius is not None else conventions.box
    return max(0.0, camera.distance - reach), camera.distance + reach


def _record(
    plan: Plan, info: CheckpointInfo, data: ImageDataset, outcome: Outcome, digest: str, masks: Segmented | None, device: str,
    seconds: float,
) -> MetricsRecord:  # fmt: skip
    from core_model.schema.record import utc_now

    counts = outcome.counts
    return MetricsRecord(
        version=__version__, created=utc_now(), checkpoint=info.path, checkpoint_sha256=info.sha256, family=info.family,
        data=str(data.path), size=plan.size, count=counts.colour, reals=counts.colour_reals, shape_count=counts.shape,
        shape_reals=counts.shape_reals, front_count=counts.front, seed=plan.seed, psi=plan.psi, shape_psi=plan.shape_psi,
        cutoff=plan.cutoff, sampler=plan.sampler, native=plan.native, view_dirs=plan.view_dirs, masked=masks.kind if masks else "",
        placed=outcome.placed, supersample=plan.supersample, inception_sha256=digest, device=device, seconds=round(seconds, 2),
        values=outcome.values, samples_table=outcome.table, definitions=outcome.definitions,
        notes=(*data.notes, *_notes(plan, outcome, len(data))),
    )  # fmt: skip


def _notes(plan: Plan, outcome: Outcome, images: int) -> list[str]:
    counts, notes = outcome.counts, []
    computed = {v.name for v in outcome.values if v.value is not None}
    if "fid" in computed and counts.colour < 50_000:
        notes.append(
            f"published FIDs compare 50000 pictures with all of the data, here {counts.colour} with {counts.colour_reals}"
        )
    if "fid" in computed and counts.colour < 2048:
        notes.append(f"FID of {counts.colour} pictures is biased upwards (2048 features)")
    if "normal_fid" in computed and counts.shape < 10_000:
        notes.append(
            f"published Normal-FIDs take 10000 maps, here {counts.shape} against {counts.shape_reals}"
        )
    if "nfs" in computed and counts.front < 256:
        notes.append(f"published non-flatness scores take 256 depth maps, here {counts.front}")
    if images < counts.colour:
        notes.append(
            f"the set has {images} images, fewer than the {counts.colour} generated ones; cameras repeat"
        )
    if plan.native and outcome.table:
        notes.append(
            "rows of the table: triscope's two passes, the colour pictures themselves those of the family's own program"
        )
    return notes


def shown(record: MetricsRecord) -> str:
    """The record as aligned text."""
    how = "as their own program renders them" if record.native else f"sampler {record.sampler}"
    masked = {"": "", "masks": ", masked by --masks", "maps": ", masked maps of --masks"}[record.masked]
    parts = (
        (record.count, f"{record.count} generated and {record.reals} real pictures of {record.size} x {record.size}, {how} "
         f"({record.placed:.1f} samples per ray), colours seen {'along each ray' if record.view_dirs == 'camera' else 'from the front'}"),
        (record.shape_count, f"{record.shape_count} generated and {record.shape_reals} real normal and depth maps, "
         f"psi {record.shape_psi:g}{masked}"),
        (record.front_count, f"{record.front_count} depth maps from the frontal camera"),
    )  # fmt: skip
    head = [text for number, text in parts if number]
    rows = [_row(v) for v in record.values]
    width = max((len(r[0]) for r in rows), default=0)
    lines = [
        *head,
        f"{record.seconds:.0f} s on {record.device}",
        *(f"  {name:<{width}}  {text}".rstrip() for name, text in rows),
    ]
    if record.samples_table:
        names = [n for n in ("fid", "kid", "swd") if n in record.samples_table[0].values]
        lines.append("samples/ray   " + "".join(f"{n:>10}" for n in names))
        for row in record.samples_table:
            lines.append(
                f"{row.spp:>6g} ({row.placed:.1f})".ljust(14)
                + "".join(f"{row.values[n]:>10.4g}" for n in names)
            )
    return "\n".join([*lines, *(f"note: {n}" for n in record.notes)])


def _row(value: MetricValue) -> tuple[str, str]:
    if value.value is None:
        return value.name, f"not computed: {value.why_not}"
    arrow = {"lower": "lower is better", "higher": "higher is better", "neither": ""}[value.better]
    return value.name, f"{value.value:>10.4g} {value.unit:<16}{arrow}"
