"""Writes a data set of heads from the head pack in EG3D's layout, with what is known of them.

Layout (in a zip, or in a folder where the name has no `.zip`):

    00000/img00000000.png         8-bit sRGB
    dataset.json                  {"labels": [["00000/img00000000.png", [25 numbers]], ...]}
    normals/00000/img….png        8-bit, 0.5 + 0.5 n (world frame; mid grey where nothing is hit)
    depth/00000/img….png          16-bit, distance along unit rays / depth_unit; 0 where nothing is hit
    masks/00000/img….png          8-bit, the share of the pixel that the head covers
    parts/00000/img….png          8-bit, what the ray through the pixel's centre meets: 0 nothing, k + 1 part_names[k]
    persons/00000/img….json       parameters, lighting, landmarks (world units)
    heads.json                    version, background, depth unit, names of the parts; seed of each image

Image i shows head `seed + i // views` in that head's light from camera `seed + i`, so a set is the same byte for byte on
every run with one driver, and a longer set starts with the shorter one.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from core_model.data.head_cameras import FOCAL, camera_label, sample_camera
from core_model.data.head_renderer import PART_NAMES, HeadRenderer, HeadView, draw_lighting
from core_model.data.head_renderer.lighting import backdrop
from core_model.data.headpack import HeadMesh, assemble, draw
from core_model.data.workers import in_order
from core_model.data.writing import FolderSink, Sink, ZipSink, image_name, png
from core_model.ops.cores import usable_cores
from core_model.schema.atomic import replacing
from core_model.schema.conventions import HEADS_BACKGROUND
from core_model.schema.errors import InputError
from core_model.schema.latent import SEEDS

GENERATOR_VERSION = 3
Background = Literal["plain", "blurred"]
DEPTH_UNIT = 1.0 / 16384.0
"""World units per step of the 16-bit depth images: 65535 steps reach to 4.0."""

MAX_COUNT = 1_000_000
MIN_SIZE, MAX_SIZE = 8, 2048
MAX_SAMPLES = 6144
"""Samples along the edge of a picture: what a framebuffer holds."""
_WORTH_A_WORKER = 8
"""Images for each further process: its start costs as much as some images."""


def write_heads_dataset(
    out: Path,
    count: int,
    size: int,
    *,
    seed: int = 0,
    views: int = 1,
    background: Background = "plain",
    progress: Callable[[int, int], None] | None = None,
    depth: bool = True,
    supersample: int = 3,
    workers: int | None = None,
) -> None:
    """Writes `count` images of `size`² pixels to `out` (a .zip, else a folder), whole or not at all.

    `seed` is the seed of the first image; `views` images in a row show one head; `supersample`² samples per pixel;
    `progress(done, count)` is called after each image; `depth=False` leaves out normals, depth, masks, parts and persons;
    `workers` processes make the images (None: as many as there are usable cores, fewer for a few images), and the bytes
    do not depend on their number. Each has an OpenGL context of its own, off the screen. Raises InputError for arguments
    out of range, and where no such context can be made.
    """
    out = Path(out)
    settings = _Settings(seed, size, supersample, depth, views, background)
    _check(out, count, settings, workers)
    heads = -(-count // views)
    if workers is None:
        workers = min(usable_cores(), max(1, heads // _WORTH_A_WORKER))
    workers = min(workers, heads)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix.lower() == ".zip":
        with replacing(out) as temporary, zipfile.ZipFile(temporary, "w", allowZip64=True) as archive:
            _fill(ZipSink(archive), count, settings, progress, workers)
        return
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
    try:
        _fill(FolderSink(folder), count, settings, progress, workers)
        folder.chmod(0o755)
        if out.exists():
            out.rmdir()
        os.replace(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclasses.dataclass(frozen=True)
class _Settings:
    seed: int
    size: int
    supersample: int
    depth: bool
    views: int
    background: Background


def _check(out: Path, count: int, settings: _Settings, workers: int | None) -> None:
    where = "write_heads_dataset"
    ranges = (
        ("count", count, 1, MAX_COUNT),
        ("size", settings.size, MIN_SIZE, MAX_SIZE),
        ("seed", settings.seed, 0, SEEDS - 1 - MAX_COUNT),
        ("supersample", settings.supersample, 1, 8),
        ("views", settings.views, 1, MAX_COUNT),
        ("workers", 1 if workers is None else workers, 1, 256),
    )
    for name, value, low, high in ranges:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InputError(
                what=f"data set {name}",
                where=where,
                expected=f"a whole number from {low} to {high}",
                got=repr(value),
            )
    if settings.size * settings.supersample > MAX_SAMPLES:
        raise InputError(
            what="data set supersample",
            where=where,
            expected=f"size times supersample up to {MAX_SAMPLES}",
            got=f"{settings.size} times {settings.supersample}",
        )
    if settings.background not in ("plain", "blurred"):
        raise InputError(
            what="data set background",
            where=where,
            expected="plain or blurred",
            got=repr(settings.background),
        )
    if out.suffix.lower() == ".zip":
        if out.is_dir():
            raise InputError(
                what="data set file", where=where, expected="a file name", got=f"the folder {out}"
            )
    elif out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise InputError(what="data set folder", where=where, expected="a new or empty folder", got=str(out))


@dataclasses.dataclass(frozen=True)
class _Job:
    """The images of one head: all that a process needs to make them, so that they are the same whoever makes them."""

    head: int
    first: int
    views: int
    settings: _Settings


@dataclasses.dataclass(frozen=True)
class _Made:
    """The encoded files of one image (name, bytes), its label and its entry in heads.json."""

    files: tuple[tuple[str, bytes], ...]
    label: list[object]
    entry: dict[str, object]


_RENDERERS: list[HeadRenderer] = []
"""The one of this process, made with its first head."""


def _make(job: _Job) -> list[_Made]:
    settings = job.settings
    if not _RENDERERS:
        _RENDERERS.append(HeadRenderer())
    head = assemble(draw(job.head))
    light = draw_lighting(job.head)
    _RENDERERS[0].load(head)
    made = []
    for index in range(job.first, job.first + job.views):
        seed = settings.seed + index
        name = image_name(index)
        world_from_cam = sample_camera(seed)
        view = _RENDERERS[0].view(
            world_from_cam,
            settings.size,
            light,
            backdrop(settings.background, seed, settings.size),
            supersample=settings.supersample,
            truth=settings.depth,
        )
        files = [(name, png(view.rgb))]
        if settings.depth:
            files += [(f"{kind}/{name}", data) for kind, data in _truth(view).items()]
            person = {"seed": job.head, "lighting": light.model_dump(), **_person(head)}
            files.append((f"persons/{name[:-4]}.json", json.dumps(person).encode()))
        entry: dict[str, object] = {"name": name, "head": job.head, "camera": seed}
        made.append(_Made(tuple(files), [name, camera_label(world_from_cam)], entry))
    return made


def _fill(
    sink: Sink, count: int, settings: _Settings, progress: Callable[[int, int], None] | None, workers: int
) -> None:
    labels: list[list[object]] = []
    entries: list[dict[str, object]] = []
    views = settings.views
    jobs = [
        _Job(settings.seed + first // views, first, min(views, count - first), settings)
        for first in range(0, count, views)
    ]
    with in_order(_make, jobs, workers) as results:  # one process at least: OpenGL stays out of this one
        for done, made in enumerate((made for several in results for made in several), start=1):
            for name, data in made.files:
                sink.write(name, data)
            labels.append(made.label)
            entries.append(made.entry)
            if progress is not None:
                progress(done, count)
    sink.write("dataset.json", json.dumps({"labels": labels}).encode())
    about = {
        "generator": "triscope heads",
        "generator_version": GENERATOR_VERSION,
        "size": settings.size,
        "supersample": settings.supersample,
        "views": views,
        "background": list(HEADS_BACKGROUND) if settings.background == "plain" else settings.background,
        "depth_unit": DEPTH_UNIT,
        "focal": FOCAL,
        "part_names": list(PART_NAMES),
        "images": entries,
    }
    sink.write("heads.json", json.dumps(about).encode())


def _truth(view: HeadView) -> dict[str, bytes]:
    """Encoded normals, depth, mask and parts of one picture."""
    steps = np.clip(np.rint(np.nan_to_num(view.depth / DEPTH_UNIT)), 0, 65535)
    normal = np.nan_to_num(0.5 + 0.5 * view.normal, nan=0.5)
    return {
        "normals": png(np.rint(np.clip(normal, 0.0, 1.0) * 255.0).astype(np.uint8)),
        "depth": png(steps.astype(np.uint16)),
        "masks": png(view.opacity),
        "parts": png(view.part.astype(np.uint8)),
    }


def _person(head: HeadMesh) -> dict[str, object]:
    landmarks = {name: [round(x, 6) for x in place] for name, place in head.landmarks.items()}
    return {"parameters": head.parameters.model_dump(), "landmarks": landmarks}
