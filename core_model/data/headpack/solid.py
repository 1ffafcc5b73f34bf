"""A head as one solid: which triangles its surface has, and which point of a picture and which light each of them shows.

Skin under opaque hair and under cloth is left out of the surface, and so are transparent parts of hair: what remains (skin that is
seen, eyeballs, teeth, tongue, hair, hat, cloth) is nearly closed, with hair and cloth in the place of what they cover.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.data.headpack.colours import linear
from core_model.data.headpack.mesh import HeadMesh, Part
from core_model.data.headpack.pack import load_pack
from core_model.data.headpack.skin import covered, skin_surface

SHEETS = ("hair", "hat", "clothes")
"""Parts that are open sheets, to be given a thickness."""
PAINTED = ("brows", "lashes")
"""Parts that colour what lies under them and have no surface of their own."""
CLEAR = ("cornea", "lenses")
OPAQUE_SHARE = 0.5
"""Mean alpha from which a piece of hair belongs to the surface."""
_SPLITS = 2
_BARY = np.array(
    [(i / 4, j / 4, 1 - i / 4 - j / 4) for i in range(5) for j in range(5 - i)]
)  # a grid over a triangle


@dataclass(frozen=True)
class Triangles:
    """M triangles with what their colour depends on."""

    corners: np.ndarray
    """[M, 3, 3] float64, counter-clockwise from outside, world units."""
    normals: np.ndarray
    """[M, 3, 3] smooth unit normals at the corners."""
    uv: np.ndarray
    """[M, 3, 2]."""
    part: np.ndarray
    """[M]: index into `Solid.parts`."""

    def __len__(self) -> int:
        return len(self.part)

    def take(self, index: np.ndarray) -> Triangles:
        return Triangles(self.corners[index], self.normals[index], self.uv[index], self.part[index])

    @staticmethod
    def joined(pieces: list[Triangles]) -> Triangles:
        return Triangles(
            *(
                np.concatenate([getattr(p, name) for p in pieces])
                for name in ("corners", "normals", "uv", "part")
            )
        )


@dataclass(frozen=True)
class Solid:
    """The surface of a head, the whole skin (for the sign), and the paint on it."""

    parts: tuple[Part, ...]
    surface: Triangles
    skin: Triangles
    """All of the skin, seen or not."""
    paint: Triangles
    """Brows and lashes."""

    @property
    def is_sheet(self) -> np.ndarray:
        """[M] bool of the surface's triangles."""
        return np.isin(self.surface.part, [i for i, p in enumerate(self.parts) if p.name in SHEETS])


def solid_of(mesh: HeadMesh) -> Solid:
    """The solid of a head that was put together from the pack."""
    surface, paint, skin = [], [], None
    for i, part in enumerate(mesh.parts):
        if part.name in CLEAR:
            continue
        triangles = _triangles(part, i)
        if part.name in PAINTED:
            paint.append(triangles)
            continue
        if part.name == "skin":
            skin = triangles
            triangles = triangles.take(np.flatnonzero(part.drawn_triangles & ~_under_hair(mesh)))
        elif part.name in SHEETS and part.alpha == "coverage":
            triangles = _opaque(triangles, part)
        surface.append(triangles)
    if skin is None:
        raise ValueError("a head without skin")
    return Solid(
        mesh.parts, Triangles.joined(surface), skin, Triangles.joined(paint or [skin.take(np.zeros(0, int))])
    )


def _triangles(part: Part, number: int) -> Triangles:
    return Triangles(
        part.vertices[part.triangles].astype(np.float64),
        part.normals[part.triangles].astype(np.float64),
        part.uv.astype(np.float64),
        np.full(len(part.triangles), number, np.int32),
    )


def _under_hair(mesh: HeadMesh) -> np.ndarray:
    """[M] bool: triangles of the skin that lie wholly under opaque hair."""
    p, pack, skin = mesh.parameters, load_pack(), skin_surface()
    if p.hair is None:
        return np.zeros(len(skin.triangles), bool)
    share = covered(skin, pack.part(pack.manifest["hair"][p.hair]["mesh"]).covered_vertices)
    return np.repeat(share[skin.quads].min(axis=1) >= 0.999, len(skin.triangles) // len(skin.quads))


def _opaque(triangles: Triangles, part: Part) -> Triangles:
    """Triangles whose mean alpha is over a half; those that are partly clear are cut in four, twice."""
    if part.texture is None:
        return triangles
    kept = []
    for level in range(_SPLITS + 1):
        at = np.einsum("bk,mkd->mbd", _BARY, triangles.uv)
        alpha = texels(part.texture, at)[..., 3]
        whole = (alpha > OPAQUE_SHARE).all(axis=1)
        if level == _SPLITS:
            whole = alpha.mean(axis=1) > OPAQUE_SHARE
            kept.append(triangles.take(np.flatnonzero(whole)))
            break
        kept.append(triangles.take(np.flatnonzero(whole)))
        mixed = ~whole & (alpha > OPAQUE_SHARE).any(axis=1)
        triangles = _quartered(triangles.take(np.flatnonzero(mixed)))
    return Triangles.joined(kept)


def _quartered(t: Triangles) -> Triangles:
    def split(x: np.ndarray) -> np.ndarray:
        a, b, c = x[:, 0], x[:, 1], x[:, 2]
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        return np.concatenate(
            [np.stack(k, axis=1) for k in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
        )

    normals = split(t.normals)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    return Triangles(split(t.corners), normals, split(t.uv), np.tile(t.part, 4))


def texels(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Bilinear lookup in a picture [H, W, 4] of sRGB bytes: uv [.., 2] → linear RGB and alpha [.., 4] float32."""
    h, w = texture.shape[:2]
    x, y = uv[..., 0] * w - 0.5, (1.0 - uv[..., 1]) * h - 0.5
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = (x - x0)[..., None].astype(np.float32), (y - y0)[..., None].astype(np.float32)
    xs = [np.mod(x0 + k, w).astype(np.int64) for k in (0, 1)]
    ys = [np.clip(y0 + k, 0, h - 1).astype(np.int64) for k in (0, 1)]

    def at(i: int, j: int) -> np.ndarray:
        raw = texture[ys[j], xs[i]]
        return np.concatenate([linear(raw[..., :3]), raw[..., 3:].astype(np.float32) / 255.0], axis=-1)

    return (at(0, 0) * (1 - fx) + at(1, 0) * fx) * (1 - fy) + (at(0, 1) * (1 - fx) + at(1, 1) * fx) * fy
