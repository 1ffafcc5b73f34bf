"""Colour maps of `assets/colormaps` (one JSON a map, 256 sRGB colours as hexadecimal triples)."""

from __future__ import annotations

import functools
import json

import numpy as np

from core_model.checkpoints.locate import assets_dir
from core_model.schema.errors import InputError

ENTRIES = 256


def names() -> tuple[str, ...]:
    """Names of the colour maps that the installation holds, in the order of the viewer's lists."""
    folder = assets_dir() / "colormaps"
    found = {
        p.stem: json.loads(p.read_text(encoding="utf-8")).get("order", 99) for p in folder.glob("*.json")
    }
    return tuple(sorted(found, key=lambda name: (found[name], name)))


@functools.cache
def colormap(name: str) -> np.ndarray:
    """[256, 3] float32 in [0, 1], read-only; raises InputError for a name without a file."""
    path = assets_dir() / "colormaps" / f"{name}.json"
    if not path.is_file():
        raise InputError(what="unknown colour map", expected=f"one of {', '.join(names())}", got=repr(name))
    digits = "".join(json.loads(path.read_text(encoding="utf-8"))["srgb"])
    table = np.frombuffer(bytes.fromhex(digits), dtype=np.uint8)
    if table.size != 3 * ENTRIES:
        raise InputError(
            what="damaged colour map",
            where=str(path),
            expected=f"{ENTRIES} colours",
            got=f"{table.size / 3:g}",
        )
    colors = (table.reshape(ENTRIES, 3) / 255.0).astype(np.float32)
    colors.setflags(write=False)
    return colors


def apply(values: np.ndarray, name: str, low: float, high: float) -> np.ndarray:
    """Colours [H, W, 3] of scalars [H, W]; `low` … `high` spans the map, values beyond it are clamped.

    NaN takes the map's first colour: callers mark it in the alpha channel.
    """
    span = high - low if high > low else 1.0
    position = np.nan_to_num((values - low) / span, nan=0.0, posinf=1.0, neginf=0.0).clip(0.0, 1.0)
    exact = position * (ENTRIES - 1)
    left = np.minimum(exact.astype(np.int64), ENTRIES - 2)
    fraction = (exact - left)[..., None].astype(np.float32)
    table = colormap(name)
    return table[left] * (1.0 - fraction) + table[left + 1] * fraction
