"""The skin surface: what never changes of it (subdivision, texture layout), and how it yields to hair and cloth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from core_model.data.headpack.mesh import vertex_normals
from core_model.data.headpack.pack import load_pack
from core_model.data.headpack.subdivision import Subdivision, catmull_clark, split

HAIR_PUSH = 0.1
"""How far the scalp goes inwards under opaque hair, decimetres: large heads would push through it."""


@dataclass(frozen=True)
class Skin:
    """The skin's own vertices (`used`, numbers in the base mesh) and its subdivided quads."""

    used: np.ndarray
    quads: np.ndarray
    fine: Subdivision
    triangles: np.ndarray
    triangle_uv: np.ndarray

    def own(self, base_vertex: int) -> int:
        """Number among the skin's vertices, coarse and subdivided, of a vertex of the base mesh."""
        return int(np.searchsorted(self.used, base_vertex))


@cache
def skin_surface() -> Skin:
    """The surface of the shipped pack."""
    geometry = load_pack().geometry
    used, quads = np.unique(geometry.quads, return_inverse=True)
    quads = quads.reshape(geometry.quads.shape)
    fine = catmull_clark(quads, geometry.quad_uv, len(used))
    return Skin(used, quads, fine, fine.triangles().astype(np.int32), fine.triangle_uv())


def covered(skin: Skin, base_vertices: np.ndarray) -> np.ndarray:
    """[V] in 0..1: how far a skin vertex lies inside the area of `base_vertices`; 1 where all its quads do, smooth at the edge."""
    inside = np.isin(skin.used, base_vertices)
    share = inside[skin.quads].mean(1)
    total = np.bincount(skin.quads.ravel(), np.repeat(share, 4), minlength=len(skin.used))
    return total / np.bincount(skin.quads.ravel(), minlength=len(skin.used))


def pushed(skin: Skin, base: np.ndarray, base_vertices: np.ndarray) -> np.ndarray:
    """The skin's vertices [V, 3] (decimetres) with those under opaque hair moved inwards."""
    vertices = base[skin.used]
    if not len(base_vertices):
        return vertices
    normals = vertex_normals(vertices, split(skin.quads))
    return vertices - normals * (HAIR_PUSH * covered(skin, base_vertices))[:, None]


def drawn_triangles(skin: Skin, hidden: np.ndarray) -> np.ndarray:
    """[M] bool: False for triangles of quads whose four corners cloth hides."""
    under = np.isin(skin.used, hidden)[skin.quads].all(1)
    return ~np.repeat(under, 8)


_SCALPS: dict[tuple[str, tuple[int, int]], np.ndarray] = {}


def scalp_mask(skin: Skin, hair: str, base_vertices: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """[H, W] in 0..1 in the layout of the skins: the area under the hair style, with a soft edge; cached by style."""
    key = (hair, shape)
    if key not in _SCALPS:
        weight = covered(skin, base_vertices)[skin.quads].mean(1)
        height, width = shape[0] // 4, shape[1] // 4
        small = Image.new("L", (width, height))
        pen = ImageDraw.Draw(small)
        uv = load_pack().geometry.quad_uv
        for quad, w in zip(uv[weight > 0], weight[weight > 0]):
            pen.polygon([(u * width, (1 - v) * height) for u, v in quad], fill=int(round(255 * w)))
        soft, wide = (
            np.asarray(
                small.filter(ImageFilter.GaussianBlur(width / blur)).resize(
                    (shape[1], shape[0]), Image.Resampling.BILINEAR
                ),
                np.float32,
            )
            / 255.0
            for blur in (160, 55)
        )
        # Sparse hair before the hairline: where the wide edge is thin, only some texels carry it.
        rng = np.random.Generator(np.random.PCG64(9))
        grain = rng.random((shape[0] // 2, shape[1])).repeat(2, 0)[: shape[0]].astype(np.float32)
        sparse = np.clip((wide - 0.85 * grain) * 2.2, 0.0, 0.75)
        _SCALPS[key] = np.maximum(soft, sparse)
    return _SCALPS[key]
