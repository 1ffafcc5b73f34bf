"""A head in parts, in world units: what is drawn and what is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core_model.data.headpack.parameters import HeadParameters, Tone

Alpha = Literal["opaque", "coverage", "clear"]
"""opaque; coverage: the picture's alpha is the covered share (hair, brows, lashes); clear: lets light through (cornea, lenses)."""


@dataclass(frozen=True)
class Part:
    """One part: triangles counter-clockwise from outside; world units of the pack's README, section 6."""

    name: str
    """skin, eyes, cornea, teeth, tongue, brows, lashes, hair, hat, clothes, frame or lenses."""
    vertices: np.ndarray
    """[N, 3] float32."""
    normals: np.ndarray
    """[N, 3] float32, unit, smooth."""
    triangles: np.ndarray
    """[M, 3] int32. All of them belong to the surface; `drawn` leaves out what cloth hides."""
    uv: np.ndarray
    """[M, 3, 2] float32, origin at the lower left: the image row is (1 − v) · height."""
    texture: np.ndarray | None
    """uint8 [H, W, 4], sRGB with straight alpha, already in the person's colours; None: the constant `tone`."""
    tone: Tone = (1.0, 1.0, 1.0)
    """Linear RGB that multiplies the linear colour of the picture (or is the colour)."""
    alpha: Alpha = "opaque"
    two_sided: bool = False
    drawn: np.ndarray | None = None
    """[M] bool; None: all."""

    @property
    def drawn_triangles(self) -> np.ndarray:
        """[M]: which triangles to draw."""
        return np.ones(len(self.triangles), bool) if self.drawn is None else self.drawn


@dataclass(frozen=True)
class HeadMesh:
    """A head. The skin is one surface with three open borders, all below the unit box; eyes and mouth are pockets."""

    parameters: HeadParameters
    parts: tuple[Part, ...]
    landmarks: dict[str, tuple[float, float, float]]
    """World positions on the skin that is drawn (and pupil_left, pupil_right on the eyeballs)."""
    scale: float
    """World units per decimetre of the pack."""
    centre: tuple[float, float, float]
    """The pack's point that lies at the world's origin, decimetres."""

    def part(self, name: str) -> Part:
        """The part of that name; raises KeyError."""
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """[N, 3] unit normals, weighted by area; +z where a vertex has no triangle."""
    corners = vertices[triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros_like(vertices)
    for axis in range(3):
        total[:, axis] = np.bincount(triangles.ravel(), np.repeat(faces[:, axis], 3), minlength=len(vertices))
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(length > 1e-12, total / np.maximum(length, 1e-12), [0.0, 0.0, 1.0])


def rounded(
    vertices: np.ndarray, normals: np.ndarray, triangles: np.ndarray, uv: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(vertices, triangles, uv) of each triangle split in four, the middles of edges moved on to a round surface.

    A middle is drawn three quarters of the way to the mean of its projections on to the tangent planes of the edge's ends
    (Phong tessellation, Boubekeur & Alexa 2008), at most a seventh of the edge. triangles [M, 3], uv [M, 3, 2].
    """
    sides = triangles[:, [[0, 1], [1, 2], [2, 0]]]
    edges, edge_of = np.unique(np.sort(sides.reshape(-1, 2), 1), axis=0, return_inverse=True)
    a, b = edges.T
    along = vertices[b] - vertices[a]
    # (m - a) · n_a = along · n_a / 2 and (m - b) · n_b = -along · n_b / 2
    lift = -0.25 * (
        (along * normals[a]).sum(1)[:, None] * normals[a] - (along * normals[b]).sum(1)[:, None] * normals[b]
    )
    length = np.linalg.norm(along, axis=1, keepdims=True)
    size = np.maximum(np.linalg.norm(lift, axis=1, keepdims=True), 1e-12)
    middles = 0.5 * (vertices[a] + vertices[b]) + 0.75 * lift * np.minimum(1.0, length / 7.0 / size)
    x, y, z = triangles.T
    p, q, r = (edge_of.reshape(-1, 3) + len(vertices)).T
    split = np.stack([np.stack(t, 1) for t in ((x, p, r), (p, y, q), (r, q, z), (p, q, r))], 1).reshape(-1, 3)
    ux, uy, uz = uv.transpose(1, 0, 2)
    up, uq, ur = 0.5 * (ux + uy), 0.5 * (uy + uz), 0.5 * (uz + ux)
    split_uv = np.stack(
        [np.stack(t, 1) for t in ((ux, up, ur), (up, uy, uq), (ur, uq, uz), (up, uq, ur))], 1
    ).reshape(-1, 3, 2)
    return np.concatenate((vertices, middles)), split, split_uv
