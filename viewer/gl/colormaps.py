"""Colour maps as data: `assets/colormaps/*.json` become [256, 3] tables."""

from __future__ import annotations

import json
from functools import cache

import numpy as np

from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen
from viewer.gl.resources import data_root


class Colormap(Frozen):
    """One map: `srgb` holds 256 triples as hexadecimal text, in rows of any length."""

    name: str
    title: str
    order: int = 0
    kind: str
    origin: str
    licence: str
    srgb: tuple[str, ...]

    def table(self) -> np.ndarray:
        """[256, 3] float32 sRGB in [0, 1]; raises InputError when the data are not 256 colours."""
        try:
            flat = np.frombuffer(bytes.fromhex("".join(self.srgb)), dtype=np.uint8)
        except ValueError as error:
            raise InputError(
                what="bad colour map", where=self.name, expected="hexadecimal digits", got=str(error)
            ) from None
        if flat.size != 768:
            raise InputError(
                what="bad colour map", where=self.name, expected="256 colours", got=f"{flat.size} bytes"
            )
        return flat.reshape(256, 3).astype(np.float32) / 255.0


@cache
def colormaps() -> dict[str, Colormap]:
    """All maps by name, in display order."""
    files = (data_root() / "assets" / "colormaps").glob("*.json")
    maps = [Colormap.model_validate(json.loads(path.read_text())) for path in files]
    return {m.name: m for m in sorted(maps, key=lambda m: m.order)}


@cache
def table(name: str) -> np.ndarray:
    """[256, 3] float32 of the map called `name`; an unknown name gives Viridis, so that a foreign channel
    still shows.
    """
    maps = colormaps()
    return maps.get(name, maps["viridis"]).table()
