"""One Catmull–Clark step of a quad mesh with borders, as a constant sparse matrix (Catmull & Clark 1978)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, vstack


@dataclass(frozen=True)
class Subdivision:
    """The step: `matrix` [V', V] maps vertices to the finer mesh; row k < V is vertex k itself, smoothed."""

    matrix: csr_matrix
    quads: np.ndarray
    """[4 Q, 4]: children of quad q are 4 q … 4 q + 3, child c at corner c."""
    quad_uv: np.ndarray
    """[4 Q, 4, 2], split linearly."""

    def triangles(self) -> np.ndarray:
        """[8 Q, 3]: two for each finer quad, 2 q and 2 q + 1."""
        return split(self.quads)

    def triangle_uv(self) -> np.ndarray:
        """[8 Q, 3, 2] float32."""
        return split(self.quad_uv).astype(np.float32)


def split(quads: np.ndarray) -> np.ndarray:
    """Two triangles (0, 1, 2), (0, 2, 3) of each quad: [Q, 4, …] → [2 Q, 3, …]."""
    pairs = np.stack((quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]), 1)
    return pairs.reshape(-1, *pairs.shape[2:])


def catmull_clark(quads: np.ndarray, quad_uv: np.ndarray, count: int) -> Subdivision:
    """The step for `quads` [Q, 4] over `count` vertices with `quad_uv` [Q, 4, 2].

    Borders are smoothed as cubic curves. Vertices that no quad uses stay.
    """
    n_quads = len(quads)
    ends = np.stack((quads, np.roll(quads, -1, 1)), -1).reshape(-1, 2)
    edges, edge_of = np.unique(np.sort(ends, 1), axis=0, return_inverse=True)
    edge_of = edge_of.reshape(n_quads, 4)
    faces_at = np.bincount(edge_of.ravel(), minlength=len(edges))
    border = faces_at == 1
    face_id = count + len(edges)
    q = np.repeat(np.arange(n_quads), 4)

    # Face points: the mean of the corners.
    face = coo_matrix((np.full(4 * n_quads, 0.25), (q, quads.ravel())), (n_quads, count)).tocsr()
    # Edge points: the mean of ends and faces; on a border, of the ends.
    own = np.where(border, 0.5, 0.25)
    e = np.arange(len(edges))
    edge = coo_matrix((np.tile(own, 2), (np.tile(e, 2), edges.T.ravel())), (len(edges), count)).tocsr()
    inner = ~border[edge_of.ravel()]
    share = coo_matrix(
        (np.full(inner.sum(), 0.25), (edge_of.ravel()[inner], q[inner])), (len(edges), n_quads)
    ).tocsr()
    edge = edge + share @ face
    # Vertex points: (F + 2 R + (n − 3) P) / n; on a border (a + 6 P + b) / 8 along it; elsewhere P.
    valence = np.bincount(quads.ravel(), minlength=count)
    at_border = np.zeros(count, bool)
    at_border[edges[border].ravel()] = True
    n = np.where((valence > 0) & ~at_border, valence, 1).astype(np.float64)
    inside = (valence > 0) & ~at_border
    keep = np.where(inside, (n - 3) / n, np.where(at_border, 0.75, 1.0))
    vertex = coo_matrix((keep, (np.arange(count), np.arange(count))), (count, count)).tocsr()
    corner = inside[quads.ravel()]
    around = coo_matrix(
        (1.0 / n[quads.ravel()[corner]] ** 2, (quads.ravel()[corner], q[corner])), (count, n_quads)
    ).tocsr()
    a, b = edges.T
    rows, cols = np.concatenate((a, b, a, b)), np.concatenate((a, a, b, b))
    here = inside[rows]
    middles = coo_matrix((1.0 / n[rows[here]] ** 2, (rows[here], cols[here])), (count, count)).tocsr()
    ba, bb = edges[border].T
    along = coo_matrix(
        (np.full(2 * len(ba), 0.125), (np.concatenate((ba, bb)), np.concatenate((bb, ba)))), (count, count)
    ).tocsr()
    vertex = vertex + around @ face + middles + along

    matrix = csr_matrix(vstack((vertex, edge, face)))
    mids = count + edge_of
    centre = np.broadcast_to(face_id + np.arange(n_quads)[:, None], (n_quads, 4))
    children = np.stack((quads, mids, centre, np.roll(mids, 1, 1)), -1)
    mid_uv = 0.5 * (quad_uv + np.roll(quad_uv, -1, 1))
    centre_uv = np.broadcast_to(quad_uv.mean(1, keepdims=True), quad_uv.shape)
    uv = np.stack((quad_uv, mid_uv, centre_uv, np.roll(mid_uv, 1, 1)), 2)
    return Subdivision(matrix, children.reshape(-1, 4), uv.reshape(-1, 4, 2))
