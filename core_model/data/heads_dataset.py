"""Writes a data set of procedural heads in EG3D's layout, with normals, depth, masks and parameters.

Layout (in a zip, or in a folder where the name has no `.zip`):

    00000/img00000000.png         8-bit sRGB
    dataset.json                  {"labels": [["00000/img00000000.png", [25 numbers]], ...]}
    normals/00000/img….png        8-bit, 0.5 + 0.5 n (world frame; mid grey where nothing is hit)
    depth/00000/img….png          16-bit, distance along unit rays / depth_unit; 0 where nothing is hit
    masks/00000/img….png          8-bit coverage
    heads.json                    version, background, depth unit; seed, latent, parameters of each image

Image i shows the head of seed `seed + i` from the camera of the same seed, so a set is the same byte for byte
on every run, and a longer set starts with the shorter one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core_model.data.heads.parameters import NAMES, HeadParams, latent_for_seed
from core_model.data.heads.pose import FOCAL, sample_camera
from core_model.data.heads.rendering import BACKGROUND_RGB, HeadImages, render_heads
from core_model.ops.cores import usable_cores
from core_model.schema.atomic import replacing
from core_model.schema.errors import InputError

GENERATOR_VERSION = 1
DEPTH_UNIT = 1.0 / 16384.0
"""World units per step of the 16-bit depth images: 65535 steps reach to 4.0."""

MAX_COUNT = 1_000_000
MIN_SIZE, MAX_SIZE = 8, 2048
_WORTH_A_WORKER = 16 * 128 * 128
"""Pixels of a set from which more processes pay for their start (each imports torch)."""


class _Sink(Protocol):
    def write(self, name: str, data: bytes) -> None: ...


@dataclasses.dataclass(frozen=True)
class _ZipSink:
    archive: zipfile.ZipFile

    def write(self, name: str, data: bytes) -> None:
        # A fixed time stamp and no host bits: equal content gives equal bytes.
        info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
        info.create_system = 3
        info.external_attr = 0o644 << 16
        info.compress_type = zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED
        self.archive.writestr(info, data)


@dataclasses.dataclass(frozen=True)
class _FolderSink:
    root: Path

    def write(self, name: str, data: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def write_heads_dataset(
    out: Path,
    count: int,
    size: int,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    depth: bool = True,
    supersample: int = 2,
    workers: int | None = None,
) -> None:
    """Writes `count` images of `size`² pixels to `out` (a .zip, else a folder), whole or not at all.

    `seed` is the seed of the first image; `progress(done, count)` is called after each image; `depth=False`
    leaves out normals, depth and masks; `workers` processes make the images (None: as many as there are
    usable cores, and only this one for a few images), and the bytes do not depend on their number. Raises
    InputError for arguments out of range.
    """
    out = Path(out)
    _check(out, count, size, seed, supersample, workers)
    if workers is None:
        workers = usable_cores() if count * size * size >= _WORTH_A_WORKER else 1
    workers = min(workers, count)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix.lower() == ".zip":
        with replacing(out) as temporary, zipfile.ZipFile(temporary, "w", allowZip64=True) as archive:
            _fill(_ZipSink(archive), count, size, seed, progress, depth, supersample, workers)
        return
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
    try:
        _fill(_FolderSink(folder), count, size, seed, progress, depth, supersample, workers)
        folder.chmod(0o755)
        if out.exists():
            out.rmdir()
        os.replace(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check(out: Path, count: int, size: int, seed: int, supersample: int, workers: int | None) -> None:
    where = "write_heads_dataset"
    ranges = (
        ("count", count, 1, MAX_COUNT),
        ("size", size, MIN_SIZE, MAX_SIZE),
        ("seed", seed, 0, 2**32 - 1 - MAX_COUNT),
        ("supersample", supersample, 1, 8),
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
    if out.suffix.lower() == ".zip":
        if out.is_dir():
            raise InputError(
                what="data set file", where=where, expected="a file name", got=f"the folder {out}"
            )
    elif out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise InputError(what="data set folder", where=where, expected="a new or empty folder", got=str(out))


@dataclasses.dataclass(frozen=True)
class _Job:
    """One image of a set: all that a process needs to make it, so that it is the same whoever makes it."""

    index: int
    seed: int
    size: int
    supersample: int
    depth: bool


@dataclasses.dataclass(frozen=True)
class _Made:
    """The encoded files of one image (name, bytes), its label and its entry in heads.json."""

    files: tuple[tuple[str, bytes], ...]
    label: list[object]
    entry: dict[str, object]


def _make(job: _Job) -> _Made:
    name = f"{job.index // 1000:05d}/img{job.index:08d}.png"
    latent = latent_for_seed(job.seed)
    world_from_cam, label = sample_camera(job.seed)
    params = HeadParams.from_latent(latent[None])
    images = render_heads(params, world_from_cam[None], FOCAL, job.size, job.supersample)
    files = [(name, _png(_bytes8(images.rgb[0])))]
    if job.depth:
        files += [(f"{kind}/{name}", data) for kind, data in _geometry(images).items()]
    entry: dict[str, object] = {
        "name": name,
        "seed": job.seed,
        "background": list(BACKGROUND_RGB),
        "latent": _numbers(latent),
        "params": {k: _rounded(v) for k, v in params.as_dict(0).items()},
    }
    return _Made(tuple(files), [name, _numbers(label)], entry)


def _enter_worker() -> None:
    """Start of a worker process: one torch thread.

    The parent handles Ctrl+C, and its death ends the worker.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """One torch thread while it lasts: small operations are slower on more, and workers have one as well."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def _made(jobs: list[_Job], workers: int) -> Iterator[Iterator[_Made]]:
    """Results in the order of `jobs`, made here or by worker processes; leaving early ends the processes."""
    if workers < 2:
        with _one_thread():
            yield map(_make, jobs)
        return
    # Spawned, not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_enter_worker)
    try:
        yield _in_order(pool, jobs, 4 * workers)
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(pool: ProcessPoolExecutor, jobs: list[_Job], ahead: int) -> Iterator[_Made]:
    """Results in the order of `jobs`, never more than `ahead` under way: a slow disk may not fill memory."""
    waiting: deque[Future[_Made]] = deque()
    for job in jobs:
        waiting.append(pool.submit(_make, job))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _fill(
    sink: _Sink,
    count: int,
    size: int,
    seed: int,
    progress: Callable[[int, int], None] | None,
    depth: bool,
    supersample: int,
    workers: int,
) -> None:
    labels: list[list[object]] = []
    entries: list[dict[str, object]] = []
    jobs = [_Job(i, seed + i, size, supersample, depth) for i in range(count)]
    with _made(jobs, workers) as results:
        for done, made in enumerate(results, start=1):
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
        "size": size,
        "supersample": supersample,
        "depth_unit": DEPTH_UNIT,
        "focal": FOCAL,
        "latent_names": list(NAMES),
        "images": entries,
    }
    sink.write("heads.json", json.dumps(about).encode())


def _geometry(images: HeadImages) -> dict[str, bytes]:
    """Encoded normals, depth and mask of one rendered image."""
    steps = torch.nan_to_num(images.depth[0] / DEPTH_UNIT, nan=0.0).round().clamp(0, 65535)
    return {
        "normals": _png(_bytes8(0.5 + 0.5 * images.normal[0])),
        "depth": _png(steps.to(torch.int32).cpu().numpy().astype(np.uint16)),
        "masks": _png((images.mask[0] * 255.0).round().to(torch.uint8).cpu().numpy()),
    }


def _bytes8(image: Tensor) -> np.ndarray:
    """[3, H, W] in [0, 1] to [H, W, 3] bytes."""
    return (image.clamp(0.0, 1.0) * 255.0).round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


def _numbers(values: Tensor) -> list[float]:
    return [float(v) for v in values.double()]


def _rounded(value: float | list[float]) -> float | list[float]:
    return [round(v, 6) for v in value] if isinstance(value, list) else round(value, 6)
