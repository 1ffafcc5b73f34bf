"""A UV atlas (xatlas) and its texture: the radiance of the field at the surface point of every texel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from core_model.meshing.attributes import CALL_POINTS, eight_bit, point_gradient, radiance
from core_model.meshing.levelset import LevelSet
from core_model.meshing.mesh import Texture
from core_model.meshing.polygonise import Surface
from core_model.ops.devices import of_kind
from core_model.schema.errors import Cancelled
from core_model.schema.mesh import MeshRequest

# texels between charts, filled with the nearest colour: bilinear lookups and two mip levels stay inside
PADDING = 4
GROUP_TEXELS = 1 << 20


@dataclass(frozen=True)
class Unwrapped:
    """The surface with its vertices split along seams; source [V] names the original vertex.

    uv [V, 2]; size (width, height).
    """

    surface: Surface
    source: np.ndarray
    uv: np.ndarray
    size: tuple[int, int]


def unwrap(surface: Surface, normals: np.ndarray, size: int) -> Unwrapped:
    """Charts packed into a picture whose longer edge is `size` texels."""
    import xatlas  # not everywhere: `texture_problem` in core_model/schema/mesh.py

    atlas = xatlas.Atlas()
    atlas.add_mesh(surface.vertices, surface.faces.astype(np.uint32), normals)
    pack = xatlas.PackOptions()
    pack.resolution, pack.padding, pack.bilinear = size, PADDING, True
    atlas.generate(pack_options=pack)
    source, faces, uv = atlas[0]
    split = Surface(surface.vertices[source], np.ascontiguousarray(faces, dtype=np.int32))
    scale = size / max(
        atlas.width, atlas.height
    )  # the packer comes out somewhat above or below what it was asked for
    pixels = (max(1, round(atlas.width * scale)), max(1, round(atlas.height * scale)))
    return Unwrapped(split, source.astype(np.int64), np.ascontiguousarray(uv, dtype=np.float32), pixels)


def bake(
    levelset: LevelSet,
    unwrapped: Unwrapped,
    request: MeshRequest,
    done: Callable[[float], None] | None = None,
) -> Texture:
    """The texture: radiance of the field at the surface point of each covered texel.

    A texel's point is moved onto the level set by one Newton step of at most two texels. Texels beside the
    charts repeat the nearest one.
    """
    done = done or (lambda fraction: None)
    width, height = unwrapped.size
    filled, position = _texel_positions(unwrapped)
    colours = np.zeros((len(position), 3), dtype=np.uint8)
    surface = unwrapped.surface
    span = float(np.linalg.norm(surface.vertices.max(axis=0) - surface.vertices.min(axis=0)))
    limit = 2.0 * span / max(width, height)
    call = of_kind(levelset.device, *CALL_POINTS)
    for start in range(0, len(position), call):
        if levelset.cancelled():
            raise Cancelled("mesh cancelled")
        points = torch.from_numpy(position[start : start + call]).to(levelset.device)[None]
        value, gradient, _ = point_gradient(levelset, points)
        length = gradient.norm(dim=-1, keepdim=True).clamp_min(1e-6)
        step = ((value - levelset.level)[..., None] / length).clamp(-limit, limit)
        moved = points - step * gradient / length
        colours[start : start + call] = eight_bit(radiance(levelset, moved, gradient, request.direction)[0])
        done(min(1.0, (start + call) / max(1, len(position))))
    image = np.zeros((height * width, 3), dtype=np.uint8)
    image[filled] = colours
    covered = np.zeros(height * width, dtype=bool)
    covered[filled] = True
    if not covered.all() and covered.any():
        empty = ~covered.reshape(height, width)
        from scipy.ndimage import distance_transform_edt  # of an extra, as all of scipy

        nearest = np.asarray(distance_transform_edt(empty, return_distances=False, return_indices=True))
        image = image.reshape(height, width, 3)[nearest[0], nearest[1]]
    return Texture(unwrapped.uv, np.ascontiguousarray(image.reshape(height, width, 3)))


def _texel_positions(unwrapped: Unwrapped) -> tuple[np.ndarray, np.ndarray]:
    """(flat index [P] of the texels whose centre lies in a triangle, their world positions [P, 3])."""
    width, height = unwrapped.size
    corners = unwrapped.uv[unwrapped.surface.faces].astype(np.float64) * (width, height) - 0.5
    low = np.maximum(np.floor(corners.min(axis=1)), 0).astype(np.int64)
    high = np.minimum(np.ceil(corners.max(axis=1)), (width - 1, height - 1)).astype(np.int64)
    extent = np.maximum(high - low + 1, 0)
    texels = extent[:, 0] * extent[:, 1]
    bounds = np.searchsorted(
        np.cumsum(texels), np.arange(0, int(texels.sum()) + GROUP_TEXELS, GROUP_TEXELS), side="left"
    )
    flat, where = [], []
    for a, b in zip(np.unique(bounds)[:-1], np.unique(bounds)[1:], strict=True):
        face = np.repeat(np.arange(a, b), texels[a:b])
        turn = np.arange(len(face)) - np.repeat(np.cumsum(texels[a:b]) - texels[a:b], texels[a:b])
        x = low[face, 0] + turn % extent[face, 0]
        y = low[face, 1] + turn // extent[face, 0]
        weights = _barycentric(corners[face], np.stack([x, y], axis=1))
        inside = (weights >= -1e-6).all(axis=1)
        points = unwrapped.surface.vertices[unwrapped.surface.faces[face[inside]]]
        where.append((points * weights[inside, :, None]).sum(axis=1).astype(np.float32))
        flat.append((y * width + x)[inside])
    if not flat:
        return np.empty(0, dtype=np.int64), np.empty((0, 3), dtype=np.float32)
    index, first = np.unique(np.concatenate(flat), return_index=True)
    return index, np.concatenate(where)[first]


def _barycentric(corners: np.ndarray, points: np.ndarray) -> np.ndarray:
    """corners [N, 3, 2], points [N, 2] → weights [N, 3]; all -1 for triangles without an area."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, ac, ap = b - a, c - a, points - a
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    safe = np.where(np.abs(area) > 1e-12, area, 1.0)
    v = (ap[:, 0] * ac[:, 1] - ap[:, 1] * ac[:, 0]) / safe
    w = (ab[:, 0] * ap[:, 1] - ab[:, 1] * ap[:, 0]) / safe
    weights = np.stack([1.0 - v - w, v, w], axis=1)
    weights[np.abs(area) <= 1e-12] = -1.0
    return weights
