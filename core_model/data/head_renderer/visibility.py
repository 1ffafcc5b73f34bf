"""How much of the sky each vertex of a head sees: depth maps from directions all round, read back and compared."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

DIRECTIONS = 12
ROW = 4
"""Maps lie in a square of ROW² tiles, row by row from the bottom left."""
MAP_SIZE = 160
REACH = 0.62
"""Half the edge of a map, world units: the head, hair and shoulders round `MIDDLE`."""
MIDDLE = np.array([0.0, -0.1, 0.0])
_BIAS = 0.011


@cache
def directions() -> np.ndarray:
    """[D, 3] unit vectors spread over the sphere, but for what comes from straight below (Fibonacci's spiral)."""
    k = np.arange(DIRECTIONS) + 0.5
    y = 1.0 - 1.6 * k / DIRECTIONS
    turn = k * math.pi * (3.0 - math.sqrt(5.0))
    flat = np.sqrt(1.0 - y * y)
    return np.stack((flat * np.cos(turn), y, flat * np.sin(turn)), 1)


def parallel(direction: np.ndarray, reach: float = REACH) -> np.ndarray:
    """clip_from_world [4, 4] of a light at infinity in `direction`; depth grows away from it."""
    forward = -np.asarray(direction, np.float64)
    right = np.cross(forward, [0.0, 1.0, 0.0] if abs(forward[1]) < 0.95 else [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rows = np.stack((right, np.cross(right, forward), forward)) / reach
    matrix = np.eye(4)
    matrix[:3, :3] = rows
    matrix[:3, 3] = -rows @ MIDDLE
    return matrix


@cache
def _sky_matrices() -> np.ndarray:
    """[D, 4, 4] `parallel` of each of `directions()`."""
    return np.stack([parallel(d) for d in directions()])


def sky_matrix(index: int) -> np.ndarray:
    """`parallel` of direction `index`."""
    return _sky_matrices()[index]


def seen(points: np.ndarray, normals: np.ndarray, maps: np.ndarray, two_sided: bool) -> np.ndarray:
    """[N] in 0..1: the share of the sky above the surface at `points` [N, 3] that nothing hides.

    maps: depth [ROW · S, ROW · S], its first row at the bottom, from each of `directions()`.
    """
    points, normals = points.astype(np.float32), normals.astype(np.float32)
    facing = normals @ directions().T.astype(np.float32)  # [N, D]
    weight = np.maximum(facing, 0.0)
    if two_sided:
        weight = 0.7 * weight + 0.3 * np.abs(facing)
    rows = _sky_matrices()[:, :3, :].astype(np.float32)
    clip = np.einsum("dij,nj->ndi", rows[..., :3], points + normals * np.float32(_BIAS)) + rows[..., 3]
    tile = np.clip((0.5 + 0.5 * clip[..., :2]) * MAP_SIZE, 0, MAP_SIZE - 1).astype(np.int32)
    k = np.arange(DIRECTIONS, dtype=np.int32)
    depth = maps[tile[..., 1] + MAP_SIZE * (k // ROW), tile[..., 0] + MAP_SIZE * (k % ROW)]
    free = depth >= 0.5 + 0.5 * clip[..., 2] - np.float32(0.004)
    return (weight * free).sum(1) / np.maximum(weight.sum(1), 1e-6)
