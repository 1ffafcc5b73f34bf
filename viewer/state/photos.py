"""Picture files that are compared with the view: read in a thread, cut to their middle square, scaled to the edge that is wanted."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core_model.schema.home import expanded

MOST_EDGE = 2048
"""Larger photos are kept at this edge, pixels."""
KEPT, KEPT_SIZES = 6, 12


@dataclass(frozen=True, eq=False)
class Photo:
    """pixels [E, E, 3] uint8, sRGB; None where the file cannot be read, which `error` says."""

    pixels: np.ndarray | None
    error: str = ""


class Photos:
    """Asked in each frame; a file is read once, and again when it has changed."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, Photo]] = OrderedDict()
        self._sizes: OrderedDict[tuple[str, float, int], np.ndarray] = OrderedDict()
        self._reading: set[str] = set()
        self._lock = threading.Lock()

    @property
    def reading(self) -> bool:
        """Whether a file is being read."""
        return bool(self._reading)

    def error(self, path: str) -> str:
        """Why there is no picture; "" while it is read, and where there is one."""
        found = self._kept.get(path)
        return "" if found is None else found[1].error

    def at(self, path: str, edge: int) -> np.ndarray | None:
        """[3, edge, edge] float32 in [0, 1], read-only, the same array each time; None until it is there."""
        changed = _changed(path)
        found = self._kept.get(path)
        if found is None or found[0] != changed:
            self._read(path, changed)
        if found is None or found[1].pixels is None:
            return None
        key = (path, found[0], edge)
        with self._lock:
            if key not in self._sizes:
                self._sizes[key] = _scaled(found[1].pixels, edge)
            self._sizes.move_to_end(key)
            while len(self._sizes) > KEPT_SIZES:
                self._sizes.popitem(last=False)
            return self._sizes[key]

    def _read(self, path: str, changed: float) -> None:
        if path in self._reading:
            return
        self._reading.add(path)
        threading.Thread(target=self._work, args=(path, changed), name="photo", daemon=True).start()

    def _work(self, path: str, changed: float) -> None:
        photo = read_photo(path)
        with self._lock:
            self._kept[path] = (changed, photo)
            self._kept.move_to_end(path)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._reading.discard(path)


def read_photo(path: str) -> Photo:
    """The middle square of a picture file, turned as its camera was held, over black where it is transparent."""
    from PIL import Image, ImageOps

    try:
        with Image.open(expanded(path)) as opened:
            opened.draft("RGB", (MOST_EDGE, MOST_EDGE))
            image = ImageOps.exif_transpose(opened)
            edge = min(image.size)
            left, top = (image.width - edge) // 2, (image.height - edge) // 2
            image = image.crop((left, top, left + edge, top + edge))
            if "A" in image.getbands() or "transparency" in image.info:
                image = Image.alpha_composite(
                    Image.new("RGBA", image.size, (0, 0, 0, 255)), image.convert("RGBA")
                )
            image = image.convert("RGB")
            if edge > MOST_EDGE:
                image = image.resize((MOST_EDGE, MOST_EDGE), Image.Resampling.LANCZOS)
            return Photo(np.asarray(image))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        name = Path(path).name or path
        why = getattr(error, "strerror", None) or "no picture that can be read"
        return Photo(None, f"{name}: {why}")


def _scaled(pixels: np.ndarray, edge: int) -> np.ndarray:
    from PIL import Image

    image = Image.fromarray(pixels)
    if image.width != edge:
        image = image.resize((edge, edge), Image.Resampling.LANCZOS)
    found = np.ascontiguousarray(np.moveaxis(np.asarray(image), -1, 0).astype(np.float32) / 255.0)
    found.setflags(write=False)
    return found


def _changed(path: str) -> float:
    try:
        return expanded(path).stat().st_mtime
    except OSError:
        return -1.0
