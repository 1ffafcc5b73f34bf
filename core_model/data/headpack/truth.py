"""Signed distance and colour at any point of a head (section 8 of the pack's README).

Sign: a point is inside where the generalised winding number (Jacobson et al. 2013) of the whole skin, or that of the surface with
hair and cloth in the place of the skin that they cover, is over a half. The second closes the gap between scalp and hair. Distance: to the
closest point of the surface, never the winding-weighted number that libraries return. Hair, hat and cloth are half a thickness thicker
to either side.

Colour: what the closest point of the surface shows, in light that is the same for all heads, as sRGB in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from core_model.data.headpack.colours import encoded
from core_model.data.headpack.mesh import HeadMesh
from core_model.data.headpack.solid import Solid, Triangles, solid_of, texels

HALF_THICKNESS = 0.002
"""Of hair, hat and cloth, world units."""
PAINT_REACH = {"brows": 0.010, "lashes": 0.005}
"""How far behind them brows and lashes colour the skin, world units; eyeballs stay clear of lashes."""
INSIDE = 0.5
_LIGHTS = (
    ((0.25, 0.55, 0.80), 0.62),
    ((-0.60, 0.25, 0.60), 0.28),
    ((0.55, 0.15, -0.60), 0.10),
    ((-0.4, 0.4, -0.8), 0.10),
)
_AMBIENT, _SKY = 0.34, 0.10
_WRAP = 0.25
_GRAZING = 0.4
_SHADED = {"teeth": 0.5, "tongue": 0.5, "eyes": 0.9}
"""Share of the light that reaches parts which lips and lids shade."""


@dataclass(frozen=True)
class Closest:
    """Closest points of the surface: distance [N], triangle [N], barycentric coordinates [N, 3]."""

    distance: np.ndarray
    triangle: np.ndarray
    share: np.ndarray


class HeadTruth:
    """What is known of one head; its search trees are built once. Arrays are NumPy, points [N, 3] in world units."""

    def __init__(self, head: HeadMesh | Solid) -> None:
        self.solid = solid_of(head) if isinstance(head, HeadMesh) else head
        self._igl = _library()
        self._surface = _Tree(self._igl, self.solid.surface)
        self._paint = _Tree(self._igl, self.solid.paint) if len(self.solid.paint) else None
        self._skin_winding = _winding(self._igl, self.solid.skin)
        self._winding = _winding(self._igl, self.solid.surface)
        self._sheet = self.solid.is_sheet

    def closest(self, points: np.ndarray) -> Closest:
        """The closest point of the surface to each point."""
        return self._surface.closest(points)

    def distance(self, points: np.ndarray, closest: Closest | None = None) -> np.ndarray:
        """Signed distance [N], negative inside."""
        near = self.closest(points) if closest is None else closest
        p = np.ascontiguousarray(points, np.float64)
        inside = self._winding.winding_number(p) > INSIDE
        inside |= self._skin_winding.winding_number(p) > INSIDE
        half = np.where(self._sheet[near.triangle], HALF_THICKNESS, 0.0)
        return np.where(inside, -near.distance - half, near.distance - half)

    def first_hit(self, origins: np.ndarray, dirs: np.ndarray) -> tuple[np.ndarray, Closest]:
        """Distance along rays [N] with unit directions to the head (inf: nothing), and which point of a triangle they meet.

        The face of a sheet lies half a thickness before its triangles.
        """
        t, at = self._surface.first_hit(origins, dirs)
        corners = self.solid.surface.corners[at.triangle]
        facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        cosine = np.abs((facing * dirs).sum(axis=1)) / np.maximum(np.linalg.norm(facing, axis=1), 1e-30)
        before = np.where(self._sheet[at.triangle], HALF_THICKNESS / np.maximum(cosine, _GRAZING), 0.0)
        return np.where(np.isfinite(t), t - before, np.inf), at

    def colour(self, at: Closest) -> np.ndarray:
        """sRGB [N, 3] of points of the surface."""
        t, out = self.solid.surface, np.zeros((len(at.triangle), 3))
        for i in np.unique(t.part[at.triangle]):
            rows = np.flatnonzero(t.part[at.triangle] == i)
            out[rows] = self._albedo(t, at.triangle[rows], at.share[rows])
        place = np.einsum("nk,nkd->nd", at.share, t.corners[at.triangle])
        on_skin = np.array([part.name == "skin" for part in self.solid.parts])[t.part[at.triangle]]
        self._painted(place, on_skin, out)
        return _srgb(out * light(self.normals(at))[:, None])

    def normals(self, at: Closest) -> np.ndarray:
        """Smooth unit normals [N, 3] of points of the surface."""
        normal = np.einsum("nk,nkd->nd", at.share, self.solid.surface.normals[at.triangle])
        return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)

    def _albedo(self, t: Triangles, triangle: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Linear colour [n, 3] at points of triangles that belong to one part."""
        part = self.solid.parts[int(t.part[triangle[0]])]
        tone = np.asarray(part.tone) * _SHADED.get(part.name, 1.0)
        if part.texture is None:
            return np.broadcast_to(tone, (len(triangle), 3))
        return texels(part.texture, np.einsum("nk,nkd->nd", share, t.uv[triangle]))[:, :3] * tone

    def _painted(self, place: np.ndarray, on_skin: np.ndarray, colour: np.ndarray) -> None:
        """Mix brows and lashes into the linear colour of points of the skin that lie under them."""
        if self._paint is None:
            return
        paint = self.solid.paint
        most = max(PAINT_REACH.values())
        low, high = paint.corners.min(axis=(0, 1)) - most, paint.corners.max(axis=(0, 1)) + most
        rows = np.flatnonzero(on_skin & ((place >= low) & (place <= high)).all(axis=1))
        if not len(rows):
            return
        near = self._paint.closest(place[rows])
        corners = paint.corners[near.triangle]
        facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        height = ((place[rows] - corners[:, 0]) * facing).sum(axis=1) / np.maximum(
            np.linalg.norm(facing, axis=1), 1e-30
        )
        under = np.abs(height) > 0.8 * near.distance  # not beside the border
        for i in np.unique(paint.part):
            part = self.solid.parts[int(i)]
            reach = PAINT_REACH[part.name]
            mine = under & (paint.part[near.triangle] == i) & (near.distance < reach)
            if part.texture is None or not mine.any():
                continue
            uv = np.einsum("nk,nkd->nd", near.share[mine], paint.uv[near.triangle[mine]])
            found = texels(part.texture, uv)
            alpha = found[:, 3:] * np.clip(3.0 - 3.0 * near.distance[mine, None] / reach, 0.0, 1.0)
            at = rows[mine]
            colour[at] += (found[:, :3] * np.asarray(part.tone) - colour[at]) * alpha


def light(normal: np.ndarray) -> np.ndarray:
    """How much of the albedo unit normals [.., 3] show: soft lamps before and behind the head, and a sky."""
    total = _AMBIENT + _SKY * normal[..., 1]
    for towards, strength in _LIGHTS:
        lamp = np.asarray(towards) / np.linalg.norm(towards)
        total = total + strength * np.clip((normal @ lamp + _WRAP) / (1.0 + _WRAP), 0.0, None)
    return total


def _srgb(colour: np.ndarray) -> np.ndarray:
    """Linear → sRGB; highlights are rolled off instead of cut."""
    c = np.where(colour > 0.6, 0.6 + 0.4 * np.tanh((colour - 0.6) / 0.4), np.clip(colour, 0.0, None))
    return encoded(c)


class _Tree:
    """A search tree over triangles."""

    def __init__(self, igl: Any, triangles: Triangles) -> None:
        self.corners = triangles.corners
        self._vertices, self._faces = _indexed(triangles)
        self._tree = igl.AABB()
        self._tree.init(self._vertices, self._faces)

    def closest(self, points: np.ndarray) -> Closest:
        p = np.ascontiguousarray(points, np.float64)
        squared, triangle, place = self._tree.squared_distance(self._vertices, self._faces, p)
        return Closest(np.sqrt(squared), triangle, _shares(self.corners[triangle], place))

    def first_hit(self, origins: np.ndarray, dirs: np.ndarray) -> tuple[np.ndarray, Closest]:
        o, d = (np.ascontiguousarray(x, np.float64) for x in (origins, dirs))
        triangle, t, uv = self._tree.intersect_ray_first(self._vertices, self._faces, o, d)
        hit = triangle >= 0
        uv = np.where(hit[:, None], uv, 0.0)
        share = np.concatenate([1.0 - uv.sum(axis=1, keepdims=True), uv], axis=1)
        return np.where(hit, t, np.inf), Closest(np.zeros(len(o)), np.where(hit, triangle, 0), share)


def _winding(igl: Any, triangles: Triangles) -> Any:
    tree = igl.FastWindingNumberBVH()
    tree.init(*_indexed(triangles))
    return tree


def _indexed(triangles: Triangles) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [3M, 3] and triangles [M, 3] of a soup."""
    n = len(triangles)
    return np.ascontiguousarray(triangles.corners.reshape(-1, 3)), np.arange(3 * n, dtype=np.int64).reshape(
        n, 3
    )


def _shares(corners: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Barycentric coordinates [N, 3] of points [N, 3] in the plane of their triangles [N, 3, 3]."""
    e0, e1, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], place - corners[:, 0]
    a, b, c = (e0 * e0).sum(1), (e0 * e1).sum(1), (e1 * e1).sum(1)
    p, q = (v * e0).sum(1), (v * e1).sum(1)
    det = np.maximum(a * c - b * b, 1e-30)
    s, t = np.clip((c * p - b * q) / det, 0.0, 1.0), np.clip((a * q - b * p) / det, 0.0, 1.0)
    over = np.maximum(s + t, 1.0)
    s, t = s / over, t / over
    return np.stack([1.0 - s - t, s, t], axis=1)


def _library() -> Any:
    import igl  # of an extra

    return igl
