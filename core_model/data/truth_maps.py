"""The known normals, depth and masks of a set of generated heads.

`core_model.data.heads_dataset` writes them.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from core_model.data.image_files import MAX_PIXELS, BadImage, decode
from core_model.data.images import ImageDataset
from core_model.data.index import HEADS_FILE
from core_model.data.sources import MAX_IMAGE_BYTES, MAX_JSON_BYTES
from core_model.schema.errors import InputError


@dataclass(frozen=True)
class TruthMap:
    """Truth of one image at the size of the set: normal [3, S, S] float32, unit, world frame.

    depth [S, S] float32 along unit rays, world units; both NaN where the ray through the pixel's centre hits
    nothing.
    """

    normal: np.ndarray
    depth: np.ndarray


class TruthMaps:
    """Truth of the items of a set."""

    def __init__(self, data: ImageDataset) -> None:
        """Raises InputError when the set has no truth."""
        self._data = data
        self._files = frozenset(data.source.names)
        first = data.names[0]
        lacking = [f"{kind}/{first}" for kind in ("normals", "depth") if f"{kind}/{first}" not in self._files]
        if not data.is_heads or lacking:
            got = f"no {lacking[0]}" if data.is_heads else f"no {HEADS_FILE}"
            raise InputError(
                what="no truth in the set",
                where=str(data.path),
                expected="generated heads with their truth",
                got=got,
            )

    @staticmethod
    def there(data: ImageDataset) -> bool:
        """Whether the set has truth."""
        return data.is_heads and {f"{k}/{data.names[0]}" for k in ("normals", "depth")} <= set(
            data.source.names
        )

    @cached_property
    def depth_unit(self) -> float:
        """World units per step of the depth images."""
        where = f"{self._data.path}:{HEADS_FILE}"
        try:
            unit = float(json.loads(self._data.source.read(HEADS_FILE, MAX_JSON_BYTES))["depth_unit"])
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
            got = str(error)[:80]
            raise InputError(
                what="damaged description of heads", where=where, expected="a number depth_unit", got=got
            ) from None
        if not 0.0 < unit < 1.0:
            raise InputError(
                what="damaged description of heads",
                where=where,
                expected="a depth_unit between 0 and 1",
                got=str(unit),
            )
        return unit

    def item(self, index: int) -> TruthMap:
        """Truth of item `index` (mirrored items: mirrored truth).

        Raises InputError naming a file that cannot be read.
        """
        count = len(self._data.names)
        name = self._data.names[index % count]
        try:
            depth = _sixteen_bit(self._read(f"depth/{name}")).astype(np.float32) * self.depth_unit
            normal = decode(self._read(f"normals/{name}")).astype(np.float32) / 255.0 * 2.0 - 1.0
        except BadImage as error:
            raise InputError(
                what="unreadable truth", where=f"{self._data.path}:{name}", got=str(error)
            ) from None
        if normal.shape[1:] != depth.shape:
            got = f"normals {normal.shape[1:]} and depth {depth.shape}"
            raise InputError(
                what="truth of two sizes", where=f"{self._data.path}:{name}", expected="one size", got=got
            )
        hit = depth > 0.0
        length = np.linalg.norm(normal, axis=0)
        normal = np.where(hit & (length > 0.5), normal / np.maximum(length, 1e-6), np.nan).astype(np.float32)
        depth = np.where(hit, depth, np.nan).astype(np.float32)
        if index >= count:
            normal, depth = (
                normal[:, :, ::-1] * np.array([-1, 1, 1], np.float32)[:, None, None],
                depth[:, ::-1],
            )
        return TruthMap(np.ascontiguousarray(normal), np.ascontiguousarray(depth))

    def _read(self, name: str) -> bytes:
        return self._data.source.read(name, MAX_IMAGE_BYTES)


def _sixteen_bit(data: bytes) -> np.ndarray:
    """[S, S] of a 16-bit grey PNG."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.mode not in ("I;16", "I", "I;16B") or image.width * image.height > MAX_PIXELS:
                raise BadImage(f"has pixels of mode {image.mode}, not 16-bit grey")
            return np.asarray(image).astype(np.int64)
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError) as error:
        raise BadImage(f"cannot be decoded ({' '.join(str(error).split())[:80]})") from None
