"""The grid that a surface is extracted on: integer nodes of the checkpoint's box, whole or cropped.

Node i of an axis lies at -box + i·(2·box / (n - 1)), computed once in float64 and rounded once to float32: a
node has the same coordinates whoever asks, and a cropped grid is a part of the whole one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core_model.schema.camera import Vec3
from core_model.schema.errors import InputError

BRICK = 16
Ints = tuple[int, int, int]


@dataclass(frozen=True)
class Lattice:
    """resolution: nodes along an edge of the box; first, shape: the part that is used, in nodes.

    box: half edge [world units].
    """

    resolution: int
    box: float
    first: Ints
    shape: Ints

    @classmethod
    def of_box(cls, resolution: int, box: float, crop: tuple[Vec3, Vec3] | None = None) -> "Lattice":
        """The nodes inside `crop` (all by default).

        Raises InputError when fewer than two are left along an axis.
        """
        if crop is None:
            return cls(resolution, box, (0, 0, 0), (resolution, resolution, resolution))
        step = 2.0 * box / (resolution - 1)
        first, last = [], []
        for low, high, axis in zip(*crop, "xyz", strict=True):
            # a crop given exactly on a node keeps that node in spite of rounding
            a = max(0, math.ceil((low + box) / step - 1e-6))
            b = min(resolution - 1, math.floor((high + box) / step + 1e-6))
            if b - a < 1:
                raise InputError(
                    what=f"crop holds no grid cell along {axis}",
                    where=f"crop {low:g} … {high:g}",
                    expected=f"a part of the box ±{box:g}, wider than {step:.3g}",
                    got=f"{max(0, b - a + 1)} nodes",
                )
            first.append(a)
            last.append(b)
        nx, ny, nz = (b - a + 1 for a, b in zip(first, last, strict=True))
        return cls(resolution, box, (first[0], first[1], first[2]), (nx, ny, nz))

    @property
    def step(self) -> float:
        """Distance of neighbouring nodes [world units]."""
        return 2.0 * self.box / (self.resolution - 1)

    @property
    def nodes(self) -> int:
        """Nodes in all; what a dense evaluation needs."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Float64 coordinates of the nodes of each axis, [shape[d]]."""
        x, y, z = (
            -self.box + (a + np.arange(n, dtype=np.float64)) * self.step
            for a, n in zip(self.first, self.shape, strict=True)
        )
        return x, y, z

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same in float32: what the field is asked at."""
        x, y, z = (axis.astype(np.float32) for axis in self.axes())
        return x, y, z

    def bricks(self) -> Ints:
        """Number of bricks of 16³ nodes along each axis."""
        a, b, c = (-(-n // BRICK) for n in self.shape)
        return a, b, c
