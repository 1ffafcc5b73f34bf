"""Colour maps as data: `assets/colormaps/*.json` become [256, 3] tables."""

from __future__ import annotations

import json
from functools import cache

import numpy as np

from core_model.schema.assets import assets_dir
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen

COLOURS = 256
"""Of each map."""


class Colormap(Frozen):
    """One file of `assets/colormaps`: `srgb` holds 256 triples as hexadecimal text, in rows of any length."""

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
        if flat.size != 3 * COLOURS:
            raise InputError(
                what="bad colour map",
                where=self.name,
                expected=f"{COLOURS} colours",
                got=f"{flat.size / 3:g}",
            )
        return (flat.reshape(COLOURS, 3) / 255.0).astype(np.float32)


@cache
def colormaps() -> dict[str, Colormap]:
    """All maps by name, in the order of the window's lists."""
    files = (assets_dir() / "colormaps").glob("*.json")
    maps = [Colormap.model_validate(json.loads(path.read_text(encoding="utf-8"))) for path in files]
    return {m.name: m for m in sorted(maps, key=lambda m: (m.order, m.name))}


@cache
def colour_table(name: str, instead: str = "") -> np.ndarray:
    """[256, 3] float32 sRGB in [0, 1], read-only; raises InputError for a name without a file.

    instead: the map that stands in for an unknown one, so that a channel of a foreign program is still shown.
    """
    found = colormaps().get(name) or colormaps().get(instead)
    if found is None:
        raise InputError(
            what="unknown colour map", expected=f"one of {', '.join(colormaps())}", got=repr(name)
        )
    table = found.table()
    table.setflags(write=False)
    return table
