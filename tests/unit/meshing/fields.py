"""Fields with known surfaces, and marching cubes over every node to compare with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from core_model.fields.base import FieldSample
from core_model.meshing.lattice import Lattice
from core_model.meshing.levelset import LevelSet
from core_model.meshing.marching import marching_cubes
from core_model.meshing.polygonise import Surface
from core_model.schema.mesh import Quantity

CPU = torch.device("cpu")
Distance = Callable[[Tensor], Tensor]


class Shape:
    """A signed distance, coloured by position."""

    is_sdf = True

    def __init__(self, distance: Distance) -> None:
        self.distance = distance
        self.calls: list[int] = []

    def geometry(self, points: Tensor) -> FieldSample:
        self.calls.append(points.shape[1])
        d = self.distance(points)
        return FieldSample(density=(-d).clamp_min(0.0), sdf=d, features=points)

    def colour(self, sample: FieldSample, points: Tensor, dirs: Tensor) -> Tensor:
        return 0.5 + points + 0.2 * dirs


class Fog(Shape):
    """A density with a raw value: inside is where it is large."""

    is_sdf = False

    def geometry(self, points: Tensor) -> FieldSample:
        raw = self.distance(points)
        return FieldSample(density=torch.nn.functional.softplus(raw - 1.0), raw=raw, features=points)


def sphere(radius: float, centre: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Distance:
    return lambda p: (p - torch.tensor(centre)).norm(dim=-1) - radius


def torus(p: Tensor) -> Tensor:
    return torch.hypot(torch.hypot(p[..., 0], p[..., 1]) - 0.24, p[..., 2]) - 0.09


def touching(p: Tensor) -> Tensor:
    """Two spheres that touch at the origin."""
    return torch.minimum(sphere(0.2, (0.2, 0.0, 0.0))(p), sphere(0.2, (-0.2, 0.0, 0.0))(p))


def plane(p: Tensor) -> Tensor:
    return p @ torch.tensor([0.6, 0.48, 0.64]) - 0.05


def shell(voxels: float, resolution: int) -> Distance:
    half = 0.5 * voxels / (resolution - 1)
    return lambda p: (p.norm(dim=-1) - 0.28).abs() - half


def levelset(field: Shape, quantity: Quantity = "sdf", level: float = 0.0) -> LevelSet:
    return LevelSet(field, quantity, level, device=CPU)


def dense(lattice: Lattice, level_set: LevelSet) -> Surface:
    """Every node evaluated, marching cubes over the whole volume, outward faces, world units."""
    x, y, z = lattice.tables()
    values = np.empty(lattice.shape, dtype=np.float32)
    for i in range(lattice.shape[0]):
        grid = np.stack(np.meshgrid(x[i : i + 1], y, z, indexing="ij"), axis=-1)
        values[i] = level_set.values(grid.reshape(-1, 3)).reshape(grid.shape[1:3])
    vertices, faces = marching_cubes(values, level_set.level)
    world = -lattice.box + (vertices + np.array(lattice.first)) * lattice.step
    return Surface(world.astype(np.float32), faces if level_set.inside_low else faces[:, ::-1])


def triangles(surface: Surface, lattice: Lattice) -> np.ndarray:
    """Triangles as sorted rows of 9 integers (millionths of the box), each turned so that its first corner is
    the smallest.
    """
    corners = np.rint(surface.vertices.astype(np.float64) / (1e-6 * lattice.box)).astype(np.int64)[
        surface.faces
    ]
    key = (corners[..., 0] * 4_000_037 + corners[..., 1]) * 4_000_037 + corners[..., 2]
    first = key.argmin(axis=1)
    turned = np.stack([key[np.arange(len(key)), (first + k) % 3] for k in range(3)], axis=1)
    return turned[np.lexsort(turned.T)]
