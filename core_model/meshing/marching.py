"""Marching cubes: the table of the triangles of all 256 cases, and the surface of a whole grid of values.

The table names triangles by the edges that they end on; corner c of a cell is (c >> 2, c >> 1 & 1, c & 1) in
(x, y, z). The outline of each case comes from an installed package: PyMCubes where it has a wheel,
scikit-image elsewhere. Both give the same outlines (tests/unit/meshing/test_cases.py) but divide some of them
along other diagonals, so outlines are divided into triangles here: the mesh of a field is the same, triangle
for triangle, on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

# Values at corners at or below the level, and above it. Where two corners of a face are low and two high,
# crosswise, their bilinear interpolant joins the high ones. PyMCubes' table does so always, and scikit-image,
# which evaluates the interpolant, does so for these values.
LOW, HIGH = -0.5, 1.0
Corners = tuple[int, ...]
Triangulate = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

_CORNER = np.array(
    [(x, y, z) for axis in range(3) for x in (0, 1) for y in (0, 1) for z in (0, 1) if (x, y, z)[axis] == 0]
)
_AXIS = np.repeat(np.arange(3), 4)
_MIDDLE = 2 * _CORNER + np.eye(3, dtype=np.int64)[_AXIS]  # [12, 3] middles of the edges, in half edges


@dataclass(frozen=True)
class Cases:
    """Bit c of a case: corner c is at or below the level.

    count [256]; edges [256, T, 3]: number of the edge 0 … 11 (padding 0). corner [12, 3], axis [12]: where an
    edge starts in the cell and which way it runs.
    """

    count: np.ndarray
    edges: np.ndarray
    corner: np.ndarray
    axis: np.ndarray


@cache
def cases(package: str | None = None) -> Cases:
    """The table; triangles face the side above the level.

    package: one of PACKAGES; None = the first that is installed.
    """
    triangulate = _installed() if package is None else PACKAGES[package]()
    found = [_triangles(case, triangulate) for case in range(256)]
    edges = np.zeros((256, max(len(f) for f in found), 3), dtype=np.uint8)
    for case, f in enumerate(found):
        edges[case, : len(f)] = np.array(f, dtype=np.uint8).reshape(-1, 3)
    return Cases(np.array([len(f) for f in found], dtype=np.uint8), edges, _CORNER, _AXIS)


def _pymcubes() -> Triangulate:
    import mcubes

    def triangulate(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        vertices, faces = mcubes.marching_cubes(values, 0.0)
        return vertices, faces.astype(np.int64)[:, ::-1]  # it faces them the other way

    return triangulate


def _scikit_image() -> Triangulate:
    from skimage.measure import marching_cubes

    return lambda values: marching_cubes(values, 0.0)[:2]


PACKAGES: dict[str, Callable[[], Triangulate]] = {"PyMCubes": _pymcubes, "scikit-image": _scikit_image}


def _installed() -> Triangulate:
    for load in PACKAGES.values():
        try:
            return load()
        except ImportError:
            continue
    raise ImportError("neither PyMCubes nor scikit-image is installed", name="skimage")


def _triangles(case: int, triangulate: Triangulate) -> list[Corners]:
    if case in (0, 255):
        return []
    low = np.array([case >> c & 1 for c in range(8)]).reshape(2, 2, 2)
    vertices, faces = triangulate(np.where(low, LOW, HIGH).astype(np.float32))
    middle = np.where(np.abs(vertices - np.rint(vertices)) < 1e-3, 2 * np.rint(vertices), 1).astype(np.int64)
    number = {tuple(m): e for e, m in enumerate(_MIDDLE.tolist())}
    names = [number[tuple(m)] for m in middle.tolist()]
    return [
        t
        for outline in outlines([tuple(names[v] for v in face) for face in faces.tolist()])
        for t in spanned(outline)
    ]


def outlines(triangles: list[Corners]) -> list[Corners]:
    """The closed borders of a patch of triangles, in its orientation.

    Each starts at its smallest number.
    """
    sides = [(t[i], t[(i + 1) % 3]) for t in triangles for i in range(3)]
    after = {a: b for a, b in sides if (b, a) not in sides}
    found = []
    while after:
        here = min(after)
        outline = []
        while here in after:
            outline.append(here)
            here = after.pop(here)
        found.append(tuple(outline))
    return found


def spanned(outline: Corners) -> list[Corners]:
    """Triangles of an outline with the smallest sum of squared diagonals; of several, the first.

    No diagonal lies in a face of the cell, where the neighbour's would meet it.
    """
    return min(_spans(outline), key=lambda span: sum(_cost(t[i], t[i - 1]) for t in span for i in range(3)))


def _cost(a: int, b: int) -> int:
    """Squared distance of two edges' middles; forbidden in a face.

    Sides of the outline count alike in every span.
    """
    one, two = _MIDDLE[a], _MIDDLE[b]
    return int(((one - two) ** 2).sum()) + (1000 if ((one == two) & (one != 1)).any() else 0)


def _spans(outline: Corners) -> Iterator[list[Corners]]:
    """Every way to span a polygon by triangles that keep its sense."""
    if len(outline) < 3:
        yield []
        return
    for k in range(1, len(outline) - 1):
        for before in _spans(outline[: k + 1]):
            for behind in _spans(outline[k:]):
                yield [(outline[0], outline[k], outline[-1]), *before, *behind]


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
