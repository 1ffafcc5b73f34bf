"""Parameters of a person → the head in parts, in world units (sections 3 to 6 of the pack's README)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core_model.data.headpack import shape as shaping
from core_model.data.headpack import skin as skins
from core_model.data.headpack.colours import recoloured, skin_image
from core_model.data.headpack.glasses import glasses_parts
from core_model.data.headpack.mesh import Alpha, HeadMesh, Part, rounded, vertex_normals
from core_model.data.headpack.pack import Fitted, Pack, load_pack
from core_model.data.headpack.parameters import HeadParameters, Tone
from core_model.schema.conventions import HEAD_HEIGHT

BROW_LIFT = 0.0012
"""World units: brows hug the skin."""
HAT_MARGIN = 0.02
"""Hair may reach this far over the plane of a hat's band, decimetres."""
COARSE_HAIR = 4500
"""Styles of fewer triangles show corners in their outline."""
TEETH_GAIN, TONGUE_GAIN = 1.7, 0.8


@dataclass(frozen=True)
class _Place:
    """From the pack's decimetres to world units."""

    scale: float
    centre: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return (points - self.centre) * self.scale


def assemble(p: HeadParameters) -> HeadMesh:
    """The head of one person; the same parameters give the same arrays."""
    pack = load_pack()
    manifest = pack.manifest
    shape = shaping.identity(pack, p)
    place = _placed(pack, shape)
    base = shaping.expressed(pack, p, shape)

    cloth = pack.part(manifest["clothes"][p.clothes]["mesh"])
    hair = pack.part(manifest["hair"][p.hair]["mesh"]) if p.hair else None
    surface = skins.skin_surface()
    under_hair = hair.covered_vertices if hair is not None else np.zeros(0, np.int64)
    skin_vertices = place(surface.fine.matrix @ skins.pushed(surface, base, under_hair))
    parts = [_skin(pack, p, surface, skin_vertices, under_hair, cloth)]
    parts += _eyes(pack, p, base, place)
    parts += _mouth(pack, base, place)
    parts += _brows_and_lashes(pack, p, base, place)
    hat = pack.part(manifest["hats"][p.hat]["mesh"]) if p.hat else None
    if hair is not None:
        parts.append(_hair(pack, p, hair, base, place, hat))
    if hat is not None:
        parts.append(_part("hat", hat, hat.fit(base), place, pack.image(p.hat_texture or ""), two_sided=True))
    parts.append(_clothes(pack, p, cloth, base, place))

    landmarks = {
        name: skin_vertices[surface.own(vertex)] for name, vertex in pack.geometry.landmarks.items()
    } | _pupils(pack, base, place)
    if p.glasses is not None:
        near = np.concatenate([part.vertices for part in parts if part.name in ("brows", "lashes")])
        parts += glasses_parts(p.glasses, landmarks, skin_vertices, near)
    return HeadMesh(
        parameters=p,
        parts=tuple(parts),
        landmarks={name: (float(x), float(y), float(z)) for name, (x, y, z) in landmarks.items()},
        scale=place.scale,
        centre=(float(place.centre[0]), float(place.centre[1]), float(place.centre[2])),
    )


def _placed(pack: Pack, shape: np.ndarray) -> _Place:
    """Scale and place of the head, by its shape before the expression: an open jaw moves the chin."""
    at = {name: shape[vertex] for name, vertex in pack.geometry.landmarks.items()}
    crown, menton = at["crown"], at["menton"]
    centre = np.array([0.0, (crown[1] + menton[1]) / 2, (at["sellion"][2] + at["occiput"][2]) / 2])
    return _Place(HEAD_HEIGHT / float(crown[1] - menton[1]), centre)


def _part(
    name: str,
    fitted: Fitted,
    vertices: np.ndarray,
    place: _Place,
    texture: np.ndarray | None,
    *,
    keep: np.ndarray | None = None,
    tone: Tone = (1.0, 1.0, 1.0),
    alpha: Alpha = "opaque",
    two_sided: bool = False,
    round_off: bool = False,
) -> Part:
    """The part in world units; `keep` [M] chooses triangles; round_off: split in four and rounded."""
    triangles, uv = fitted.triangles, fitted.triangle_uv
    world = place(vertices)
    normals = vertex_normals(world, triangles)
    if keep is not None:
        triangles, uv = triangles[keep], uv[keep]
        used, inverse = np.unique(triangles, return_inverse=True)
        triangles, world, normals = inverse.reshape(triangles.shape), world[used], normals[used]
    if round_off:
        world, triangles, uv = rounded(world, normals, triangles, uv)
        normals = vertex_normals(world, triangles)
    return Part(
        name=name,
        vertices=world.astype(np.float32),
        normals=normals.astype(np.float32),
        triangles=triangles.astype(np.int32),
        uv=np.ascontiguousarray(uv, np.float32),
        texture=texture,
        tone=tone,
        alpha=alpha,
        two_sided=two_sided,
    )


def _grey(value: float) -> Tone:
    return (value, value, value)


def _skin(
    pack: Pack,
    p: HeadParameters,
    surface: skins.Skin,
    vertices: np.ndarray,
    under_hair: np.ndarray,
    cloth: Fitted,
) -> Part:
    size = pack.image(pack.manifest["skins"][p.skin]["texture"]).shape[:2]
    height, width = int(size[0]), int(size[1])
    scalp = (
        skins.scalp_mask(surface, p.hair, under_hair, (height, width))
        if p.hair
        else np.zeros((height, width))
    )
    return Part(
        name="skin",
        vertices=vertices.astype(np.float32),
        normals=vertex_normals(vertices, surface.triangles).astype(np.float32),
        triangles=surface.triangles,
        uv=surface.triangle_uv,
        texture=skin_image(pack, p, scalp),
        tone=_grey(p.skin_gain),
        drawn=skins.drawn_triangles(surface, cloth.hidden_vertices),
    )


def _eyes(pack: Pack, p: HeadParameters, base: np.ndarray, place: _Place) -> list[Part]:
    """Eyeballs, and the clear shell over each."""
    eyes = pack.part(pack.manifest["eyes"]["mesh"])
    vertices = eyes.fit(base)
    assert eyes.triangle_part is not None
    kind = np.array(eyes.part_names)[eyes.triangle_part]
    iris = pack.image(pack.manifest["eyes"]["irises"][p.iris])
    return [
        _part("eyes", eyes, vertices, place, iris, keep=kind == "eyeball", tone=_grey(p.iris_gain)),
        _part("cornea", eyes, vertices, place, None, keep=kind == "cornea", alpha="clear"),
    ]


def _pupils(pack: Pack, base: np.ndarray, place: _Place) -> dict[str, np.ndarray]:
    """The foremost point of each cornea when the eyes look straight ahead: over the pupil, wherever they look."""
    eyes = pack.part(pack.manifest["eyes"]["mesh"])
    ahead, now = eyes.fit(pack.geometry.vertices), place(eyes.fit(base))
    left = ahead[:, 0] > 0
    return {
        name: now[np.argmax(np.where(side, ahead[:, 2], -np.inf))]
        for name, side in (("pupil_left", left), ("pupil_right", ~left))
    }


def _mouth(pack: Pack, base: np.ndarray, place: _Place) -> list[Part]:
    found = []
    for name, gain in (("teeth", TEETH_GAIN), ("tongue", TONGUE_GAIN)):
        entry = pack.manifest["mouth"][name]
        fitted = pack.part(entry["mesh"])
        found.append(
            _part(
                name,
                fitted,
                fitted.fit(base),
                place,
                pack.image(entry["texture"]),
                tone=_grey(gain),
                alpha="coverage",
            )
        )
    return found


def _brows_and_lashes(pack: Pack, p: HeadParameters, base: np.ndarray, place: _Place) -> list[Part]:
    brow, lash = pack.manifest["brows"][p.brows], pack.manifest["lashes"][p.lashes]
    brows, lashes = pack.part(brow["mesh"]), pack.part(lash["mesh"])
    mean = brow["mean_linear_luminance"]
    picture = recoloured(pack, brow["texture"], p.brow_tone, mean, alpha=p.brow_alpha)
    lifted = brows.fit(base) + np.array([0.0, 0.0, BROW_LIFT / place.scale])
    return [
        _part("brows", brows, lifted, place, picture, alpha="coverage", two_sided=True),
        _part(
            "lashes",
            lashes,
            lashes.fit(base),
            place,
            pack.image(lash["texture"]),
            alpha="coverage",
            two_sided=True,
        ),
    ]


def _hair(
    pack: Pack, p: HeadParameters, hair: Fitted, base: np.ndarray, place: _Place, hat: Fitted | None
) -> Part:
    entry = pack.manifest["hair"][p.hair or ""]
    vertices = hair.fit(base)
    fitted = hair
    if p.hair_mirrored:
        vertices = vertices * np.array([-1.0, 1.0, 1.0])
        fitted = _reversed(hair)
    keep = None
    if hat is not None:
        middle, up = _band_plane(hat.fit(base)[hat.band_vertices])
        keep = ((vertices - middle) @ up)[fitted.triangles].max(1) <= HAT_MARGIN
    picture = recoloured(pack, entry["texture"], p.hair_tone, entry["mean_linear_luminance"])
    return _part("hair", fitted, vertices, place, picture, keep=keep, alpha="coverage", two_sided=True)


def _reversed(fitted: Fitted) -> Fitted:
    """The part with its winding turned, for mirrored vertices."""
    return replace(fitted, triangles=fitted.triangles[:, ::-1], triangle_uv=fitted.triangle_uv[:, ::-1])


def _band_plane(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle and upward unit normal of the plane that fits a hat's band best."""
    middle = points.mean(0)
    normal = np.linalg.svd(points - middle)[2][2]
    return middle, normal * np.sign(normal[1])


def _clothes(pack: Pack, p: HeadParameters, cloth: Fitted, base: np.ndarray, place: _Place) -> Part:
    entry = pack.manifest["clothes"][p.clothes]
    picture = pack.image(entry["texture"])
    if p.clothes_tone is not None:
        picture = recoloured(
            pack, entry["texture"], p.clothes_tone, entry["mean_linear_luminance"], power=1.0
        )
    return _part("clothes", cloth, cloth.fit(base), place, picture, two_sided=True)
