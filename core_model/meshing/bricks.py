"""Node values kept only where the surface may be: bricks of 16³ nodes, found through a coarse table.

A node has a code: bit 0 = its value is at or below the level (PyMCubes' side of it), bit 1 = the value is
known; a node that was skipped has only the side that the bound of its block promises. Every node belongs to
exactly one brick.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core_model.meshing.lattice import BRICK, Lattice
from core_model.meshing.levelset import LevelSet

LOW, KNOWN = 1, 2
ABOVE, BELOW = -1, -2  # table entries of bricks that are not kept: which side of the level they lie on
STEP_POINTS = 1 << 19
CELLS = BRICK**3
Spent = Callable[[int], None]


class BrickStore:
    """table [X, Y, Z] int32: slot of each brick, or ABOVE or BELOW; codes [M, 16, 16, 16] uint8.

    Values the same in float32.
    """

    def __init__(self, lattice: Lattice, levelset: LevelSet, spent: Spent | None = None) -> None:
        self.lattice, self.levelset = lattice, levelset
        self.table = np.full(lattice.bricks(), ABOVE, dtype=np.int32)
        self.coords = np.empty((0, 3), dtype=np.int32)
        self.count = 0
        self._values = np.empty((0, BRICK, BRICK, BRICK), dtype=np.float32)
        self._codes = np.empty((0, BRICK, BRICK, BRICK), dtype=np.uint8)
        self._axes = lattice.tables()
        self._spent = spent or (lambda points: None)

    @property
    def values(self) -> np.ndarray:
        return self._values[: self.count]

    @property
    def codes(self) -> np.ndarray:
        return self._codes[: self.count]

    @property
    def nbytes(self) -> int:
        return self._values.nbytes + self._codes.nbytes + self.table.nbytes

    def allocate(self, bricks: np.ndarray) -> np.ndarray:
        """bricks [M, 3] that have no slot yet, each once → their new slots.

        Nodes start on the side that the table has.
        """
        need = self.count + len(bricks)
        if need > len(self._values):
            room = need if self.count == 0 else max(need, self.count + self.count // 8 + 64)
            self._values = _enlarged(self._values, room)
            self._codes = _enlarged(self._codes, room)
        slots = np.arange(self.count, need, dtype=np.int32)
        side = self.table[tuple(bricks.T)]
        self._codes[self.count : need] = (side == BELOW).astype(np.uint8)[:, None, None, None] * np.uint8(LOW)
        self.table[tuple(bricks.T)] = slots
        self.coords = np.concatenate([self.coords, bricks.astype(np.int32)])
        self.count = need
        return slots

    def points_at(self, nodes: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
        """Node indices → [N, 3] float32 world coordinates, the same for a node whoever asks."""
        points = np.empty((len(nodes[0]), 3), dtype=np.float32)
        for d in range(3):
            points[:, d] = self._axes[d][nodes[d]]
        return points

    def nodes_of(self, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Flat positions in `codes` → node indices (they may lie beyond the last node in border bricks)."""
        slot, local = flat // CELLS, flat % CELLS
        base = self.coords[slot] * BRICK
        return base[:, 0] + (local >> 8), base[:, 1] + ((local >> 4) & 15), base[:, 2] + (local & 15)

    def flat_of(self, nodes: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
        """Node indices → flat positions in `codes`; negative (ABOVE, BELOW) where the brick is not kept."""
        x, y, z = nodes
        slot = self.table[x // BRICK, y // BRICK, z // BRICK].astype(np.int64)
        local = ((x % BRICK).astype(np.int64) << 8) | ((y % BRICK) << 4) | (z % BRICK)
        return np.where(slot < 0, slot, slot * CELLS + local)

    def evaluate(self, flat: np.ndarray) -> None:
        """Evaluate the field at the nodes at these flat positions and keep the values.

        Each node once, all inside the lattice.
        """
        values, codes = self._values.reshape(-1), self._codes.reshape(-1)
        for start in range(0, len(flat), STEP_POINTS):
            part = flat[start : start + STEP_POINTS]
            found = self.levelset.values(self.points_at(self.nodes_of(part)))
            values[part] = found
            codes[part] = (found <= self.levelset.level).astype(np.uint8) * np.uint8(LOW) | np.uint8(KNOWN)
            self._spent(len(part))

    def inside(self, slots: np.ndarray) -> np.ndarray:
        """[m, 16, 16, 16] bool.

        Which nodes of the bricks exist (border bricks reach beyond the last node).
        """
        return _within(self, slots, 0, BRICK, 0)

    def cells(self, slots: np.ndarray, low: int) -> np.ndarray:
        """[m, k, k, k] bool: which cells exist; cells low … 15 of each axis (low = -1 or 0)."""
        return _within(self, slots, low, BRICK, 1)

    def gather(self, slots: np.ndarray, low: int) -> np.ndarray:
        """Codes [m, k, k, k] of nodes low … 16 of each brick (low = -1 or 0), neighbours included.

        Bricks that are not kept give the side that the table has, and so do nodes outside the lattice (no
        cell reaches them).
        """
        size = BRICK + 1 - low
        out = np.empty((len(slots), size, size, size), dtype=np.uint8)
        parts = [(0, slice(-low, BRICK - low), slice(0, BRICK)), (1, slice(BRICK - low, size), slice(0, 1))]
        if low < 0:
            parts.append((-1, slice(0, 1), slice(BRICK - 1, BRICK)))
        for dx, to_x, from_x in parts:
            for dy, to_y, from_y in parts:
                for dz, to_z, from_z in parts:
                    near = self._neighbour(slots, (dx, dy, dz))
                    kept = near >= 0
                    piece = out[:, to_x, to_y, to_z]
                    if kept.all():
                        piece[...] = self._codes[near, from_x, from_y, from_z]
                    else:
                        piece[...] = (near == BELOW).astype(np.uint8)[:, None, None, None]
                        piece[kept] = self._codes[near[kept], from_x, from_y, from_z]
        return out

    def _neighbour(self, slots: np.ndarray, shift: tuple[int, int, int]) -> np.ndarray:
        """Table entries of the bricks beside; ABOVE outside the lattice."""
        other = self.coords[slots] + np.array(shift, dtype=np.int32)
        inside = ((other >= 0) & (other < np.array(self.table.shape))).all(axis=1)
        other = np.clip(other, 0, np.array(self.table.shape) - 1)
        return np.where(inside, self.table[other[:, 0], other[:, 1], other[:, 2]], ABOVE)


def _within(store: BrickStore, slots: np.ndarray, low: int, high: int, spare: int) -> np.ndarray:
    axes = []
    for d in range(3):
        index = store.coords[slots, d, None] * BRICK + np.arange(low, high, dtype=np.int32)
        axes.append((index >= 0) & (index < store.lattice.shape[d] - spare))
    x, y, z = axes
    return x[:, :, None, None] & y[:, None, :, None] & z[:, None, None, :]


def _enlarged(old: np.ndarray, room: int) -> np.ndarray:
    new = np.empty((room, *old.shape[1:]), dtype=old.dtype)
    new[: len(old)] = old
    return new
