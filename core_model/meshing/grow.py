"""Verifies what the bounds of `carve` promised: the surface must not reach a skipped node.

A cell whose corners lie on both sides of the level must have eight known values. While one has not, its
missing corners are evaluated, also in skipped bricks: the surface is followed until it is closed or leaves
the box. Random skipped nodes are then checked against the field; a wrong one is the seed of a missed part,
which is followed in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.meshing.bricks import BELOW, CELLS, KNOWN, LOW, BrickStore
from core_model.meshing.lattice import BRICK

GROUP = 512  # bricks looked at together
AUDIT_POINTS, AUDIT_ROUNDS = 16384, 4


@dataclass(frozen=True)
class Verified:
    """grown: nodes evaluated because the surface reached them.

    audited: skipped nodes that were checked; misses: wrong ones.
    """

    grown: int
    audited: int
    misses: int


def verify(store: BrickStore, seed: int = 0) -> Verified:
    """Grow until closed, then check skipped nodes and grow from those that were wrong."""
    grown = close(store, np.arange(store.count))
    rng = np.random.default_rng(seed)
    audited = misses = 0
    points = AUDIT_POINTS
    for _ in range(AUDIT_ROUNDS):
        checked, wrong = audit(store, points, rng)
        audited += checked
        misses += len(wrong)
        if not len(wrong):
            break
        grown += close(store, wrong)
        points *= 2  # where one part was missed, there may be others
    return Verified(grown, audited, misses)


def close(store: BrickStore, slots: np.ndarray) -> int:
    """Evaluate the missing corners of crossed cells, starting at these bricks.

    Returns how many nodes that took.
    """
    total = 0
    while len(slots):
        keys = [_missing(store, slots[i : i + GROUP]) for i in range(0, len(slots), GROUP)]
        nodes = _nodes(np.unique(np.concatenate(keys)), store)
        if not len(nodes[0]):
            break
        _allocate_for(store, nodes)
        flat = store.flat_of(nodes)
        store.evaluate(flat)
        total += len(flat)
        slots = np.unique(flat // CELLS)
    return total


def audit(store: BrickStore, points: int, rng: np.random.Generator) -> tuple[int, np.ndarray]:
    """Check random skipped nodes.

    (how many, slots of the bricks where the promised side was wrong; their nodes are now known). Most are
    taken from the kept bricks, where bounds were close; the rest from everywhere.
    """
    shape = store.lattice.shape
    near = rng.integers(0, max(1, store.count) * CELLS, size=4 * points if store.count else 0)
    near = near[(store.codes.reshape(-1)[near] & KNOWN) == 0]
    nodes = store.nodes_of(near)
    inside = np.logical_and.reduce([nodes[d] < shape[d] for d in range(3)])
    near = near[inside][:points]
    far = tuple(rng.integers(0, n, size=points // 4) for n in shape)
    parts = [store.nodes_of(near), (far[0], far[1], far[2])]
    nodes = tuple(np.concatenate([p[d] for p in parts]) for d in range(3))
    keys = np.unique(np.ravel_multi_index(nodes, shape))
    nodes = np.unravel_index(keys, shape)
    flat = store.flat_of((nodes[0], nodes[1], nodes[2]))
    codes = store.codes.reshape(-1)
    code = np.where(flat >= 0, codes[np.maximum(flat, 0)] if len(codes) else 0, flat == BELOW)
    unknown = (code & KNOWN) == 0
    nodes = (nodes[0][unknown], nodes[1][unknown], nodes[2][unknown])
    low = store.levelset.values(store.points_at(nodes)) <= store.levelset.level
    wrong = low != ((code[unknown] & LOW) > 0)
    found = (nodes[0][wrong], nodes[1][wrong], nodes[2][wrong])
    if not wrong.any():
        return int(unknown.sum()), np.empty(0, dtype=np.int64)
    _allocate_for(store, found)
    flat = store.flat_of(found)
    store.evaluate(flat)
    return int(unknown.sum()), np.unique(flat // CELLS)


def _missing(store: BrickStore, slots: np.ndarray) -> np.ndarray:
    """Keys (row-major node numbers) of the unknown corners of crossed cells.

    The cells lie in and just below these bricks.
    """
    codes = store.gather(slots, -1)
    crossed = _any_low(codes) & ~_all(codes, LOW) & ~_all(codes, KNOWN)
    crossed &= store.cells(slots, -1)
    hit = np.flatnonzero(crossed.any(axis=(1, 2, 3)))
    if not len(hit):
        return np.empty(0, dtype=np.int64)
    need = np.zeros((len(hit), *codes.shape[1:]), dtype=bool)
    n = BRICK + 1
    for dx in (0, 1):
        for dy in (0, 1):
            for dz in (0, 1):
                need[:, dx : dx + n, dy : dy + n, dz : dz + n] |= crossed[hit]
    need &= (codes[hit] & KNOWN) == 0
    where, *index = np.nonzero(need)
    base = store.coords[slots[hit[where]]].astype(np.int64) * BRICK - 1
    nodes = tuple(base[:, d] + index[d] for d in range(3))
    return np.ravel_multi_index(nodes, store.lattice.shape)


def _nodes(keys: np.ndarray, store: BrickStore) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y, z = np.unravel_index(keys, store.lattice.shape)
    return x, y, z


def _allocate_for(store: BrickStore, nodes: tuple[np.ndarray, ...]) -> None:
    bricks = np.stack([n // BRICK for n in nodes], axis=1)
    absent = bricks[store.table[bricks[:, 0], bricks[:, 1], bricks[:, 2]] < 0]
    if len(absent):
        store.allocate(np.unique(absent, axis=0))


def _all(codes: np.ndarray, bit: int) -> np.ndarray:
    """Whether all eight corners of each cell have the bit: [m, k, k, k] → [m, k-1, k-1, k-1] bool."""
    x = codes[:, 1:] & codes[:, :-1]
    x = x[:, :, 1:] & x[:, :, :-1]
    return ((x[..., 1:] & x[..., :-1]) & bit) > 0


def _any_low(codes: np.ndarray) -> np.ndarray:
    x = codes[:, 1:] | codes[:, :-1]
    x = x[:, :, 1:] | x[:, :, :-1]
    return ((x[..., 1:] | x[..., :-1]) & LOW) > 0
