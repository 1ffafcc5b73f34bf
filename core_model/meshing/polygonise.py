"""Bricks → triangles, with one vertex per crossed grid edge.

An edge has an integer key, whichever bricks share it. It belongs to the brick of its first node; its key is
slot · 3·16³ + 3 · node + axis. Vertices are listed in the order of the keys, so the triangles of two bricks
that meet name the same vertex: nothing is welded by comparing coordinates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core_model.meshing.bricks import CELLS, LOW, BrickStore
from core_model.meshing.lattice import BRICK
from core_model.meshing.marching import cases

GROUP = 256
EDGES = 3 * CELLS


@dataclass(frozen=True)
class Surface:
    """vertices [V, 3] float32 world units.

    faces [F, 3] int32 (int64 beyond 2³¹ vertices), counter-clockwise seen from outside.
    """

    vertices: np.ndarray
    faces: np.ndarray


def polygonise(store: BrickStore, done: Callable[[float], None] | None = None) -> Surface:
    """The surface of a verified store; `done` hears the fraction."""
    done = done or (lambda fraction: None)
    groups = [np.arange(i, min(i + GROUP, store.count)) for i in range(0, store.count, GROUP)]
    keys, cells = [], []
    for number, slots in enumerate(groups):
        codes = store.gather(slots, 0)
        keys.append(_crossed_edges(store, slots, codes))
        cells.append(_crossed_cells(store, slots, codes))
        done(0.4 * (number + 1) / len(groups))
    every = np.concatenate(keys) if keys else np.empty(0, dtype=np.int64)
    starts = np.searchsorted(every, np.arange(0, (store.count + 1) * EDGES, EDGES))
    vertices = np.empty((len(every), 3), dtype=np.float32)
    dtype = np.int32 if len(every) < 2**31 else np.int64
    faces = []
    for number, (slots, (where, config)) in enumerate(zip(groups, cells, strict=True)):
        part = slice(starts[slots[0]], starts[slots[-1] + 1])
        vertices[part] = _positions(store, every[part])
        faces.append(_faces(store, slots, every, part, where, config).astype(dtype))
        done(0.4 + 0.6 * (number + 1) / len(groups))
    joined = np.concatenate(faces) if faces else np.empty((0, 3), dtype=dtype)
    if not store.levelset.inside_low:
        joined = np.ascontiguousarray(joined[:, ::-1])
    return Surface(vertices, joined)


def _crossed_edges(store: BrickStore, slots: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Keys, ascending, of the edges that start in these bricks and end on the other side of the level."""
    low = codes & LOW
    here = low[:, :BRICK, :BRICK, :BRICK]
    crossed = np.zeros((*here.shape, 3), dtype=bool)
    for axis in range(3):
        shift = [slice(0, BRICK)] * 3
        shift[axis] = slice(1, BRICK + 1)
        crossed[..., axis] = here != low[(slice(None), *shift)]
    base = store.coords[slots] * BRICK
    for d in range(3):
        limit = store.lattice.shape[d]
        for m in np.flatnonzero(
            base[:, d] + BRICK >= limit
        ):  # border bricks: nodes and edges that do not exist
            view = np.moveaxis(crossed[m], d, 0)
            view[max(0, limit - base[m, d]) :] = False
            view[max(0, limit - 1 - base[m, d]) :, ..., d] = False
    return np.flatnonzero(crossed) + int(slots[0]) * EDGES


def _crossed_cells(store: BrickStore, slots: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(flat cell positions within the group, case of each) of the cells with corners on both sides."""
    low = codes & LOW
    config = np.zeros((len(slots), BRICK, BRICK, BRICK), dtype=np.uint8)
    for corner in range(8):
        x, y, z = corner >> 2, corner >> 1 & 1, corner & 1
        config |= low[:, x : x + BRICK, y : y + BRICK, z : z + BRICK] << np.uint8(corner)
    crossed = (config != 0) & (config != 255) & store.cells(slots, 0)
    where = np.flatnonzero(crossed)
    return where, config.reshape(-1)[where]


def _positions(store: BrickStore, keys: np.ndarray) -> np.ndarray:
    """Linear interpolation along the edges, as PyMCubes does it, in float64 → [V, 3] float32 world units."""
    lattice, level = store.lattice, store.levelset.level
    flat, axis = keys // 3, (keys % 3).astype(np.int64)
    nodes = store.nodes_of(flat)
    other = tuple(n + (axis == d) for d, n in enumerate(nodes))
    values = store.values.reshape(-1)
    a = values[flat].astype(np.float64)
    b = values[store.flat_of((other[0], other[1], other[2]))].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(a == b, 0.5, (level - a) / (b - a))
    out = np.empty((len(keys), 3), dtype=np.float32)
    for d in range(3):
        out[:, d] = -lattice.box + (lattice.first[d] + nodes[d] + t * (axis == d)) * lattice.step
    return out


def _faces(
    store: BrickStore,
    slots: np.ndarray,
    every: np.ndarray,
    part: slice,
    where: np.ndarray,
    config: np.ndarray,
) -> np.ndarray:
    """Triangles [F, 3] of crossed cells, as vertex numbers."""
    table = cases()
    count = table.count[config].astype(np.int64)
    cell = np.repeat(np.arange(len(where)), count)
    turn = np.arange(len(cell)) - np.repeat(np.cumsum(count) - count, count)
    edge = table.edges[config[cell], turn].astype(np.int64)  # [F, 3]
    corner, axis = table.corner[edge], table.axis[edge]
    position = where[cell]
    member = position // CELLS
    nodes = [(position >> 8) & 15, (position >> 4) & 15, position & 15]
    local = [nodes[d][:, None] + corner[..., d] for d in range(3)]
    own = (local[0] < BRICK) & (local[1] < BRICK) & (local[2] < BRICK)
    number = np.empty(edge.shape, dtype=np.int64)
    index = np.full(len(slots) * EDGES, -1, dtype=np.int32)
    index[every[part] - int(slots[0]) * EDGES] = np.arange(part.stop - part.start, dtype=np.int32)
    inner = ((member[:, None] * CELLS + (local[0] << 8) + (local[1] << 4) + local[2]) * 3 + axis)[own]
    number[own] = index[inner] + part.start
    border = np.flatnonzero(~own)
    base = store.coords[slots[member[border // 3]]].astype(np.int64) * BRICK
    beyond = tuple(base[:, d] + local[d].reshape(-1)[border] for d in range(3))
    keys = store.flat_of((beyond[0], beyond[1], beyond[2])) * 3 + axis.reshape(-1)[border]
    number.reshape(-1)[border] = np.searchsorted(every, keys)
    return number
