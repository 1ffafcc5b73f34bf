"""Sixteen pictures of a data set and the cameras of its labels, to be looked at before a training. Read in a thread."""

from __future__ import annotations

import json
import math
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from core_model.schema.camera import OrbitPose, label25
from core_model.schema.home import expanded
from viewer.jobs.data_set import LABEL_BYTES, LABELS, PICTURES

COUNT, EDGE = 16, 96
"""Pictures, and pixels of each one's edge."""
MOST_CAMERAS = 600
PICTURE_BYTES = 64 << 20
_TRUTH = ("normals", "depth", "masks", "parts")
"""Folders of known truth beside the pictures of made-up heads."""
Read = Callable[[str], bytes]


@dataclass(frozen=True)
class DataPreview:
    """names: of the pictures. tiles [N, EDGE, EDGE, 3] uint8, N ≤ COUNT. cameras [K, 4, 4] world from camera (OpenCV, world units) and
    fovs [K] full angles, radians; the first N are those of the pictures where they have any. fault: why there is nothing.
    """

    path: str
    names: tuple[str, ...] = ()
    tiles: np.ndarray = field(default_factory=lambda: np.zeros((0, EDGE, EDGE, 3), np.uint8))
    cameras: np.ndarray = field(default_factory=lambda: np.zeros((0, 4, 4)))
    fovs: np.ndarray = field(default_factory=lambda: np.zeros(0))
    of_pictures: bool = False
    fault: str = ""


def preview(path: str) -> DataPreview:
    """The preview of a zip or folder; problems are in `fault`."""
    try:
        with _opened(expanded(path)) as (names, read):
            return _preview(path, names, read)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        return DataPreview(path, fault=f"it cannot be read: {error}")


@contextmanager
def _opened(place: Path) -> Iterator[tuple[list[str], Read]]:
    """Names of all files, and what reads one."""
    if place.is_dir():
        names = sorted(p.relative_to(place).as_posix() for p in place.rglob("*") if p.is_file())
        yield names, lambda name: (place / name).read_bytes()
        return
    with zipfile.ZipFile(place) as archive:
        sizes = {e.filename: e.file_size for e in archive.infolist()}

        def read(name: str) -> bytes:
            if sizes[name] > (LABEL_BYTES if name.endswith(LABELS) else PICTURE_BYTES):
                raise ValueError(f"{name} is too large")
            return archive.read(name)

        yield sorted(sizes), read


def _preview(path: str, names: list[str], read: Read) -> DataPreview:
    label = next((n for n in names if n.rsplit("/", 1)[-1] == LABELS), None)
    poses = _poses(json.loads(read(label))) if label is not None else {}
    front = label.removesuffix(LABELS) if label is not None else ""
    there = set(names)
    pictures = [n for n in (front + name for name in poses) if n in there]
    own = bool(pictures)
    if not own:
        pictures = [n for n in names if n.lower().endswith(PICTURES) and n.split("/", 1)[0] not in _TRUTH]
    chosen = [pictures[i] for i in _spread(len(pictures), COUNT)]
    if not chosen:
        return DataPreview(path, fault="there are no images in it")
    tiles = np.stack([_tile(read(name)) for name in chosen])
    keys = [name.removeprefix(front) for name in chosen] if own else []
    others = [k for k in poses if k not in set(keys)]
    keys += [others[i] for i in _spread(len(others), MOST_CAMERAS)]
    labels = np.array([poses[k] for k in keys], np.float64).reshape(-1, 25)
    focal = np.maximum(labels[:, 16], 1e-6)
    return DataPreview(
        path, tuple(chosen), tiles, labels[:, :16].reshape(-1, 4, 4), 2.0 * np.arctan(0.5 / focal), own
    )


def _poses(document: Any) -> dict[str, list[float]]:
    """Picture → 25 numbers; EpiGRAF's angles at EG3D's distance. Entries of other kinds are left out."""
    tables = document if isinstance(document, dict) else {"labels": document}
    found: dict[str, list[float]] = {}
    for name, value in _pairs(tables.get("labels")):
        if isinstance(value, list) and len(value) == 25 and all(math.isfinite(v) for v in value):
            found[name] = [float(v) for v in value]
    for name, value in _pairs(tables.get("camera_angles")) if not found else ():
        if isinstance(value, list) and len(value) >= 2:
            pitch = min(max(float(value[1]), 0.0), math.pi)
            pose = OrbitPose(yaw=-float(value[0]), pitch=0.5 * math.pi - pitch)
            found[name] = label25(pose).astype(float).tolist()
    return found


def _pairs(table: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(table, dict):
        yield from table.items()
    elif isinstance(table, list):
        yield from ((str(e[0]), e[1]) for e in table if isinstance(e, list) and len(e) == 2)


def _spread(count: int, most: int) -> list[int]:
    """At most `most` numbers evenly over range(count)."""
    return list(range(count)) if count <= most else [round(i * (count - 1) / (most - 1)) for i in range(most)]


def _tile(data: bytes) -> np.ndarray:
    """The middle square of a picture, [EDGE, EDGE, 3] uint8."""
    from PIL import Image, ImageOps

    with Image.open(BytesIO(data)) as image:
        image.draft("RGB", (2 * EDGE, 2 * EDGE))
        square = ImageOps.fit(image.convert("RGB"), (EDGE, EDGE), Image.Resampling.BOX)
        return np.asarray(square, np.uint8)


class DataPreviewer:
    """Reads the newest data set that was asked about, in a thread."""

    def __init__(self, wake: Callable[[], None] | None = None) -> None:
        self._wake = wake
        self._wanted: tuple[str, float] | None = None
        self._found: tuple[tuple[str, float], DataPreview] | None = None

    def want(self, path: str, changed: float = 0.0) -> DataPreview | None:
        """The preview; None while it is read. changed: another number reads it again."""
        wanted = (path.strip(), changed)
        if wanted != self._wanted:
            self._wanted = wanted
            threading.Thread(target=self._work, args=(wanted,), name="data-preview", daemon=True).start()
        return self._found[1] if self._found is not None and self._found[0] == wanted else None

    def _work(self, wanted: tuple[str, float]) -> None:
        found = preview(wanted[0])
        if wanted == self._wanted:
            self._found = (wanted, found)
            if self._wake is not None:
                self._wake()
