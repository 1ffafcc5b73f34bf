"""Marching cubes over a whole grid of values.

The triangles that the sparse extraction finds, where there are few enough nodes to hold.
"""

from __future__ import annotations

import numpy as np

from core_model.meshing.cases import cases


def marching_cubes(values: np.ndarray, level: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """values [X, Y, Z] → (vertices [V, 3] float64 in grid steps, faces [F, 3] int64).

    One vertex per crossed grid edge, by linear interpolation; triangles turn counter-clockwise seen from the
    side above the level, so outwards for a signed distance. A value at the level counts as below it, as in
    PyMCubes.
    """
    table, shape = cases(), np.array(values.shape)
    low = values <= level
    crossed = np.zeros((*values.shape, 3), dtype=bool)  # edge from a node along an axis
    for axis in range(3):
        first, second = [slice(None)] * 3, [slice(None)] * 3
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        crossed[(*first, axis)] = low[tuple(first)] != low[tuple(second)]
    keys = np.flatnonzero(crossed)  # 3 · node + axis, ascending: the number of a vertex is its place here
    node, axis = keys // 3, keys % 3
    step = np.array([shape[1] * shape[2], shape[2], 1])
    a, b = (
        values.reshape(-1)[node].astype(np.float64),
        values.reshape(-1)[node + step[axis]].astype(np.float64),
    )
    vertices = np.stack(np.unravel_index(node, values.shape), axis=1).astype(np.float64)
    vertices[np.arange(len(keys)), axis] += (level - a) / (b - a)

    config = np.zeros(np.maximum(shape - 1, 0), dtype=np.uint8)
    x, y, z = (int(n) for n in config.shape)
    for corner in range(8):
        i, j, k = corner >> 2, corner >> 1 & 1, corner & 1
        config |= low[i : i + x, j : j + y, k : k + z].astype(np.uint8) << np.uint8(corner)
    cells = np.flatnonzero((config != 0) & (config != 255))
    case = config.reshape(-1)[cells]
    count = table.count[case].astype(np.int64)
    cell = np.repeat(np.arange(len(cells)), count)
    turn = np.arange(len(cell)) - np.repeat(np.cumsum(count) - count, count)
    edge = table.edges[case[cell], turn]  # [F, 3]
    start = np.stack(np.unravel_index(cells, config.shape), axis=1) @ step
    wanted = 3 * (start[cell][:, None] + (table.corner @ step)[edge]) + table.axis[edge]
    return vertices, np.searchsorted(keys, wanted)
