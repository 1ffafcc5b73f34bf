"""Marching cubes' case table, read out of PyMCubes: its triangles of all 256 cells, by the edges that they end on.

A block that is handed to PyMCubes cell by cell, side by side, gives the triangles that it gives for the whole grid; with the table
they are looked up for all crossed cells at once. Corner c of a cell is (c >> 2, c >> 1 & 1, c & 1) in (x, y, z).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import mcubes
import numpy as np


@dataclass(frozen=True)
class Cases:
    """Bit c of a case: corner c is at or below the level. count [256]; edges [256, T, 3]: number of the edge 0 … 11 (padding 0).

    corner [12, 3], axis [12]: where an edge starts in the cell and which way it runs.
    """

    count: np.ndarray
    edges: np.ndarray
    corner: np.ndarray
    axis: np.ndarray


@cache
def cases() -> Cases:
    """The table; triangles face the side above the level (PyMCubes faces them the other way)."""
    corner = np.array([(x, y, z) for axis in range(3) for x in (0, 1) for y in (0, 1) for z in (0, 1) if (x, y, z)[axis] == 0])
    axis = np.repeat(np.arange(3), 4)
    middle = 2 * corner
    middle[np.arange(12), axis] += 1
    number = {tuple(m): e for e, m in enumerate(middle.tolist())}
    found: list[np.ndarray] = []
    for case in range(256):
        low = np.array([case >> c & 1 for c in range(8)], dtype=np.float32).reshape(2, 2, 2)
        vertices, faces = mcubes.marching_cubes(1.0 - 2.0 * low, 0.0)
        names = [number[tuple(v)] for v in np.rint(2.0 * vertices).astype(int).tolist()]
        found.append(np.array(names, dtype=np.uint8)[faces.astype(np.int64)][:, ::-1] if len(faces) else np.empty((0, 3), np.uint8))
    most = max(len(f) for f in found)
    edges = np.zeros((256, most, 3), dtype=np.uint8)
    for case, f in enumerate(found):
        edges[case, : len(f)] = f
    return Cases(np.array([len(f) for f in found], dtype=np.uint8), edges, corner, axis)
