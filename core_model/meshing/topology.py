"""Topology and measures of a triangle mesh: components, boundary, manifoldness, Euler number, area and
volume.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.meshing.polygonise import Surface
from core_model.schema.camera import Vec3
from core_model.schema.mesh import MeshComponent, MeshTopology

SIDES = (("-x", "+x"), ("-y", "+y"), ("-z", "+z"))
GROUP = 1 << 20
LISTED = 8


@dataclass(frozen=True)
class Parts:
    """Connected components: label of each face [F], number of faces of each."""

    label: np.ndarray
    faces: np.ndarray


def _connected(a: np.ndarray, b: np.ndarray, count: int) -> tuple[int, np.ndarray]:
    """Number of connected components of a graph of `count` nodes with edges a[i] – b[i], and the label of each node."""
    from scipy.sparse import coo_matrix  # of an extra, as all of scipy
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(a), dtype=np.int8), (a, b)), shape=(count, count))
    return connected_components(graph.tocsr(), directed=False)


def components(surface: Surface) -> Parts:
    """Faces that share a vertex belong together."""
    faces = surface.faces
    if not len(faces):
        return Parts(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64))
    a = np.concatenate([faces[:, 0], faces[:, 1]])
    b = np.concatenate([faces[:, 1], faces[:, 2]])
    n = len(surface.vertices)
    _, label = _connected(a, b, n)
    of_face = label[faces[:, 0]]
    used, of_face = np.unique(of_face, return_inverse=True)
    return Parts(of_face.astype(np.int32), np.bincount(of_face, minlength=len(used)))


def keep_components(
    surface: Surface, parts: Parts, keep: str, min_share: float
) -> tuple[Surface, Parts, int]:
    """The surface with only the wanted components, their labels, and how many were left out.

    keep: `all` or `largest`; min_share: smallest share of the largest one's faces.
    """
    if not len(parts.faces):
        return surface, parts, 0
    order = np.argsort(-parts.faces, kind="stable")
    wanted = np.zeros(len(parts.faces), dtype=bool)
    if keep == "largest":
        wanted[order[0]] = True
    else:
        wanted = parts.faces >= min_share * parts.faces[order[0]]
    removed = int((~wanted).sum())
    if not removed:
        return surface, parts, 0
    chosen = wanted[parts.label]
    number = np.cumsum(wanted) - 1
    kept = compacted(Surface(surface.vertices, surface.faces[chosen]))
    return kept, Parts(number[parts.label[chosen]].astype(np.int32), parts.faces[wanted]), removed


def compacted(surface: Surface) -> Surface:
    """The surface without the vertices that no face names."""
    used = np.zeros(len(surface.vertices), dtype=bool)
    used[surface.faces.reshape(-1)] = True
    if used.all():
        return surface
    number = (np.cumsum(used) - 1).astype(surface.faces.dtype)
    return Surface(surface.vertices[used], number[surface.faces])


def examine(surface: Surface, parts: Parts, low: Vec3, high: Vec3) -> MeshTopology:
    """The report; low, high: corners of the grid, to tell a cut by the box from a hole."""
    vertices, faces = surface.vertices, surface.faces
    if not len(faces):
        return MeshTopology()
    ends, count, oriented = _edges(faces)
    boundary = ends[count == 1]
    loops, holes, cut = _boundary(vertices, boundary, low, high)
    area, volume, flat = _measures(vertices, faces)
    non_manifold = int((count > 2).sum())
    watertight = not len(boundary) and not non_manifold and oriented
    return MeshTopology(
        vertices=len(vertices),
        faces=len(faces),
        edges=len(ends),
        euler=len(vertices) - len(ends) + len(faces),
        components=len(parts.faces),
        boundary_edges=len(boundary),
        boundary_loops=loops,
        holes=holes,
        non_manifold_edges=non_manifold,
        degenerate_faces=flat,
        watertight=watertight,
        oriented=oriented,
        cut_by=cut,
        area=area,
        volume=volume if watertight else None,
        low=_vec(vertices.min(axis=0)),
        high=_vec(vertices.max(axis=0)),
        largest=_largest(surface, parts),
    )


def _edges(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """(ends [E, 2], faces at each edge [E], whether the mesh is consistently oriented).

    Consistent: every edge of two faces is walked once in each direction.
    """
    n = np.int64(faces.max()) + 1
    packed = np.empty((3, len(faces)), dtype=np.int64)
    for k in range(3):
        a, b = faces[:, k].astype(np.int64), faces[:, (k + 1) % 3].astype(np.int64)
        packed[k] = (np.minimum(a, b) * n + np.maximum(a, b)) * 2 + (a > b)
    packed = packed.reshape(-1)
    packed.sort()
    key = packed >> 1
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    count = np.diff(np.append(first, len(key)))
    pairs = first[count == 2]
    oriented = bool(((packed[pairs] ^ packed[pairs + 1]) == 1).all())
    return np.stack(np.divmod(key[first], n), axis=1), count, oriented


def _boundary(
    vertices: np.ndarray, edges: np.ndarray, low: Vec3, high: Vec3
) -> tuple[int, int, tuple[str, ...]]:
    """(loops, loops with an edge away from the sides of the grid, sides that have boundary edges)."""
    if not len(edges):
        return 0, 0, ()
    names, number = np.unique(edges, return_inverse=True)
    number = number.reshape(edges.shape)
    loops, label = _connected(number[:, 0], number[:, 1], len(names))
    near = 1e-5 * max(b - a for a, b in zip(low, high, strict=True))
    ends = vertices[edges]
    on_side, sides = np.zeros(len(edges), dtype=bool), []
    for d in range(3):
        for bound, name in zip((low[d], high[d]), SIDES[d], strict=True):
            there = (np.abs(ends[..., d] - bound) <= near).all(axis=1)
            on_side |= there
            if there.any():
                sides.append(name)
    return int(loops), len(np.unique(label[number[~on_side, 0]])), tuple(sides)


def _measures(vertices: np.ndarray, faces: np.ndarray) -> tuple[float, float, int]:
    """(area, signed volume of a closed surface, faces without an area)."""
    area = volume = 0.0
    flat = 0
    for start in range(0, len(faces), GROUP):
        corners = vertices[faces[start : start + GROUP]].astype(np.float64)
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        size = np.sqrt((cross**2).sum(axis=1))
        area += 0.5 * float(size.sum())
        volume += float((corners[:, 0] * cross).sum()) / 6.0
        flat += int((size <= 1e-20).sum())
    return area, volume, flat


def _largest(surface: Surface, parts: Parts) -> tuple[MeshComponent, ...]:
    found = []
    for label in np.argsort(-parts.faces, kind="stable")[:LISTED]:
        points = surface.vertices[surface.faces[parts.label == label].reshape(-1)]
        found.append(
            MeshComponent(
                faces=int(parts.faces[label]), low=_vec(points.min(axis=0)), high=_vec(points.max(axis=0))
            )
        )
    return tuple(found)


def _vec(x: np.ndarray) -> Vec3:
    return float(x[0]), float(x[1]), float(x[2])
