"""Coarse-to-fine search for the nodes near a level set: blocks of 16, 8, 4, 2 cells, then nodes.

A block is skipped when the value at its centre is further from the level than slope × half diagonal: then no
point of it can be at the level. The slope is measured where the block lies (differences between block
centres, and finite differences at random points of the blocks that may matter, each taken as the largest of a
3x3x3 neighbourhood) and enlarged by a safety factor. Densities, which are no distances, have a larger factor,
and at the coarsest blocks a block is also kept when the level lies in the widened range of its neighbourhood.
What a bound cannot promise is made good afterwards: see `grow`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from core_model.meshing.bricks import ABOVE, BELOW, KNOWN, BrickStore
from core_model.meshing.lattice import BRICK, Lattice
from core_model.meshing.levelset import LevelSet
from core_model.schema.mesh import Quantity

ROOTS = 64  # coarsest blocks along the longest edge, at least; small grids of distances get by with fewer
SAFETY = {"sdf": 1.25, "raw": 2.0, "density": 2.0}
WIDEN = 0.25  # of the range of a neighbourhood of densities, on both sides
PROBES = 2


@dataclass(frozen=True)
class Roots:
    """The coarsest blocks, `size` cells wide: value at each centre, bound of the slope [X, Y, Z].

    low, high: range of all values; probes: points that the slopes took.
    """

    size: int
    values: np.ndarray
    slope: np.ndarray
    low: float
    high: float
    probes: int


def block_size(lattice: Lattice, quantity: Quantity) -> int:
    """Cells of the coarsest blocks along an edge.

    16 at 1024 nodes, less below, so that there are 64³ of them.
    """
    least = 4 if quantity == "sdf" else 2
    size = BRICK
    while size > least and max(lattice.shape) < ROOTS * size:
        size //= 2
    return size


def centres(n: int, size: int) -> np.ndarray:
    """Node index of the middle of each block of `size` cells along an axis of n nodes."""
    return np.minimum(np.arange(-(-n // size)) * size + size // 2, n - 1)


def root_values(lattice: Lattice, levelset: LevelSet, size: int) -> np.ndarray:
    """The quantity at the centre of every block [X, Y, Z]."""
    tables = lattice.tables()
    x, y, z = (table[centres(n, size)] for table, n in zip(tables, lattice.shape, strict=True))
    out = np.empty((len(x), len(y), len(z)), dtype=np.float32)
    rows = max(1, levelset.call_points // (len(y) * len(z)))
    for start in range(0, len(x), rows):
        grid = np.stack(np.meshgrid(x[start : start + rows], y, z, indexing="ij"), axis=-1)
        out[start : start + rows] = levelset.values(grid.reshape(-1, 3)).reshape(grid.shape[:3])
    return out


def find_roots(lattice: Lattice, levelset: LevelSet, seed: int = 0) -> Roots:
    """Evaluate the coarsest blocks and measure slopes; `seed` places the probes."""
    size = block_size(lattice, levelset.quantity)
    values = root_values(lattice, levelset, size)
    slope = _largest_near(_difference_slope(values, lattice, size))
    reach = _half_diagonal(size, lattice)
    maybe = np.abs(values - levelset.level) <= 2.0 * SAFETY[levelset.quantity] * slope * reach
    blocks = np.argwhere(maybe)
    if len(blocks):
        probed = np.zeros_like(slope)
        probed[tuple(blocks.T)] = _probe_slope(blocks, lattice, levelset, size, np.random.default_rng(seed))
        slope = np.maximum(slope, _largest_near(probed))
    slope = np.maximum(slope, 0.25 * np.float32(np.median(slope)))  # a flat neighbourhood is no promise
    bound = slope * np.float32(SAFETY[levelset.quantity])
    return Roots(size, values, bound, float(values.min()), float(values.max()), 4 * PROBES * len(blocks))


def active_roots(roots: Roots, lattice: Lattice, levelset: LevelSet) -> np.ndarray:
    """[X, Y, Z] bool: blocks that the level set may pass."""
    active = np.abs(roots.values - levelset.level) <= roots.slope * _half_diagonal(roots.size, lattice)
    if levelset.quantity != "sdf":
        highest, lowest = _largest_near(roots.values), -_largest_near(-roots.values)
        spare = WIDEN * (highest - lowest)
        active |= (
            (lowest - spare <= levelset.level) & (levelset.level <= highest + spare) & (highest > lowest)
        )
    low = roots.values <= levelset.level
    for axis in range(3):  # two sides of the level side by side: the bound was wrong there
        a, b = _halves(axis)
        differs = low[a] != low[b]
        active[a] |= differs
        active[b] |= differs
    return active


def carve(store: BrickStore, roots: Roots) -> None:
    """Allocate the bricks of the active blocks, refine them, and evaluate every node that is left."""
    lattice, level = store.lattice, store.levelset.level
    active = active_roots(roots, lattice, store.levelset)
    low = roots.values <= level
    per_brick = BRICK // roots.size
    kept = _by_brick(active, per_brick, False).any(axis=-1)
    low_bricks = _by_brick(low, per_brick, True).all(axis=-1)
    store.table[...] = np.where(low_bricks, BELOW, ABOVE)
    bricks = np.argwhere(kept)
    slots = store.allocate(bricks)
    if not len(slots):
        return
    live = _by_brick(active, per_brick, False)[kept].reshape(-1, per_brick, per_brick, per_brick)
    side = _by_brick(low, per_brick, False)[kept].reshape(live.shape)
    slope = _by_brick(roots.slope, per_brick, np.float32(0))[kept].reshape(live.shape)
    size = roots.size
    while size > 2:
        size //= 2
        slope, side = _split(slope), _split(side).copy()
        live = _split(live) & _existing(store, size)
        flat = _centre_positions(store, live, size)
        store.evaluate(flat[(store.codes.reshape(-1)[flat] & KNOWN) == 0])
        values = store.values.reshape(-1)[flat]
        side[live] = values <= level
        live[live] = np.abs(values - level) <= slope[live] * _half_diagonal(size, lattice)
    _paint(store, side)
    while size > 1:
        size //= 2
        live = _split(live)
    rest = live & ((store.codes & KNOWN) == 0)
    for start in range(0, store.count, 1024):
        part = np.arange(start, min(store.count, start + 1024))
        rest[part] &= store.inside(part)
    store.evaluate(np.flatnonzero(rest))


def _half_diagonal(size: int, lattice: Lattice) -> float:
    """Largest distance of a block's points to its centre [world units]."""
    return 0.5 * math.sqrt(3.0) * size * lattice.step


def _halves(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Index of all but the last, and all but the first, along an axis."""
    a, b = [slice(None)] * 3, [slice(None)] * 3
    a[axis], b[axis] = slice(None, -1), slice(1, None)
    return tuple(a), tuple(b)


def _difference_slope(values: np.ndarray, lattice: Lattice, size: int) -> np.ndarray:
    """|gradient| [X, Y, Z] from the larger of the two differences along each axis."""
    squared = np.zeros_like(values)
    for axis in range(3):
        if values.shape[axis] < 2:
            continue
        at = centres(lattice.shape[axis], size) * lattice.step
        gap = np.diff(at).astype(np.float32)
        gap[gap <= 0] = np.inf
        shape = [1, 1, 1]
        shape[axis] = -1
        slope = np.abs(np.diff(values, axis=axis)) / gap.reshape(shape)
        largest = np.zeros_like(values)
        a, b = _halves(axis)
        largest[a] = slope
        largest[b] = np.maximum(largest[b], slope)
        squared += largest**2
    return np.sqrt(squared)


def _probe_slope(
    blocks: np.ndarray, lattice: Lattice, levelset: LevelSet, size: int, rng: np.random.Generator
) -> np.ndarray:
    """Largest |gradient| of a few random points in each block [M], by differences over one grid step."""
    largest = np.zeros(len(blocks), dtype=np.float32)
    step = np.float32(lattice.step)
    first = np.array(lattice.first)
    last = (np.array(lattice.shape) + first - 1) * lattice.step - lattice.box
    for _ in range(PROBES):
        at = (blocks + rng.random(blocks.shape)) * size
        base = ((at + first) * lattice.step - lattice.box).clip(max=last).astype(np.float32)
        shift = np.where(base + step > last, -step, step).astype(np.float32)
        points = np.repeat(base[:, None], 4, axis=1)
        for d in range(3):
            points[:, d + 1, d] += shift[:, d]
        values = levelset.values(points.reshape(-1, 3)).reshape(-1, 4)
        slope = np.sqrt(((values[:, 1:] - values[:, :1]) ** 2).sum(axis=1)) / step
        largest = np.maximum(largest, slope)
    return largest


def _largest_near(x: np.ndarray) -> np.ndarray:
    """Largest value of each 3x3x3 neighbourhood."""
    return torch.nn.functional.max_pool3d(torch.from_numpy(x)[None, None], 3, stride=1, padding=1)[
        0, 0
    ].numpy()


def _by_brick(x: np.ndarray, k: int, fill: object) -> np.ndarray:
    """Block values [k·X, k·Y, k·Z] (padded with `fill`) → [X, Y, Z, k³]."""
    pad = [(0, -n % k) for n in x.shape]
    if any(p[1] for p in pad):
        wide = np.full([n + p[1] for n, p in zip(x.shape, pad, strict=True)], fill, dtype=x.dtype)
        wide[: x.shape[0], : x.shape[1], : x.shape[2]] = x
        x = wide
    a, b, c = (n // k for n in x.shape)
    return x.reshape(a, k, b, k, c, k).transpose(0, 2, 4, 1, 3, 5).reshape(a, b, c, k**3)


def _split(x: np.ndarray) -> np.ndarray:
    """[M, q, q, q] → [M, 2q, 2q, 2q]: every block hands its value to its eight parts."""
    m, q = x.shape[0], x.shape[1]
    wide = np.broadcast_to(x[:, :, None, :, None, :, None], (m, q, 2, q, 2, q, 2))
    return wide.reshape(m, 2 * q, 2 * q, 2 * q)


def _paint(store: BrickStore, low: np.ndarray) -> None:
    """Give every node that is not known the side of its block's centre [M, q, q, q].

    Live blocks get their values afterwards.
    """
    q = low.shape[1]
    a = BRICK // q
    for start in range(0, len(low), 256):
        part = slice(start, start + 256)
        wide = low[part].astype(np.uint8).repeat(a, axis=1).repeat(a, axis=2).repeat(a, axis=3)
        codes = store.codes[part]
        np.copyto(codes, wide, where=codes < KNOWN)  # LOW is 1


def _existing(store: BrickStore, size: int) -> np.ndarray:
    """[M, q, q, q] bool: blocks whose first node exists."""
    axes = []
    for d in range(3):
        first = store.coords[:, d, None] * BRICK + np.arange(0, BRICK, size, dtype=np.int32)
        axes.append(first < store.lattice.shape[d])
    x, y, z = axes
    return x[:, :, None, None] & y[:, None, :, None] & z[:, None, None, :]


def _centre_positions(store: BrickStore, live: np.ndarray, size: int) -> np.ndarray:
    """Flat positions of the centres of the live blocks [M, q, q, q], in their order."""
    slot, *index = np.nonzero(live)
    nodes = []
    for d in range(3):
        node = store.coords[slot, d].astype(np.int64) * BRICK + index[d] * size + size // 2
        nodes.append(np.minimum(node, store.lattice.shape[d] - 1))
    return store.flat_of((nodes[0], nodes[1], nodes[2]))
