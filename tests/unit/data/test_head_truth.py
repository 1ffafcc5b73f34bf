"""Truth of heads against brute force in NumPy: exact winding numbers, every triangle's closest point."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.data.headpack.assembly import assemble
from core_model.data.headpack.draw import draw
from core_model.data.headpack.mesh import Part
from core_model.data.headpack.solid import Solid, Triangles, solid_of, texels
from core_model.data.headpack.truth import HALF_THICKNESS, Closest, HeadTruth, light


def winding(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Generalised winding number by solid angles (van Oosterom & Strackee 1983); points [N, 3], corners [M, 3, 3]."""
    total = np.zeros(len(points))
    for k, p in enumerate(points):
        a, b, c = (corners[:, i] - p for i in range(3))
        la, lb, lc = (np.linalg.norm(x, axis=1) for x in (a, b, c))
        top = (a * np.cross(b, c)).sum(1)
        below = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
        total[k] = 2.0 * np.arctan2(top, below).sum() / (4.0 * np.pi)
    return total


def distances(p: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Distance of one point to each of M triangles: to the plane where the foot lies inside, else to the nearest edge."""
    a, b, c = (corners[:, i] for i in range(3))
    normal = np.cross(b - a, c - a)
    length = np.linalg.norm(normal, axis=1)
    unit = normal / np.maximum(length, 1e-30)[:, None]
    height = ((p - a) * unit).sum(1)
    foot = p - height[:, None] * unit
    inside = np.ones(len(a), bool)
    edges = []
    for u, v in ((a, b), (b, c), (c, a)):
        inside &= (np.cross(v - u, foot - u) * unit).sum(1) >= 0
        along = np.clip(((p - u) * (v - u)).sum(1) / np.maximum(((v - u) ** 2).sum(1), 1e-30), 0, 1)
        edges.append(np.linalg.norm(p - u - along[:, None] * (v - u), axis=1))
    nearest = np.min(edges, axis=0)
    return np.where(inside & (length > 1e-12), np.abs(height), nearest)


def part(name: str, texture: np.ndarray | None = None, tone: tuple = (1.0, 1.0, 1.0)) -> Part:
    none = np.zeros((0, 3))
    return Part(name, none, none, none.astype(np.int32), np.zeros((0, 3, 2)), texture, tone)


def sphere(radius: float, number: int, rows: slice = slice(None)) -> Triangles:
    """A ball of latitudes and longitudes; `rows` takes some of its 24 latitudes, from the north pole on."""
    lat, lon = np.linspace(0, np.pi, 25), np.linspace(0, 2 * np.pi, 33)
    at = lambda i, j: np.array(
        [np.sin(lat[i]) * np.sin(lon[j]), np.cos(lat[i]), np.sin(lat[i]) * np.cos(lon[j])]
    )
    found = []
    for i in range(24)[rows]:
        for j in range(32):
            p, q, r, s = at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)
            found += [(p, q, r)] * (i < 23) + [(p, r, s)] * (i > 0)
    unit = np.array(found)
    uv = np.stack([unit[..., 0], unit[..., 1]], -1) * 0.5 + 0.5
    return Triangles(radius * unit, unit, uv, np.full(len(unit), number, np.int32))


@pytest.fixture(scope="module")
def open_ball() -> Solid:
    """A ball cut open far below, as the skin is at the chest, under a cap of hair that leaves out the skin that it covers."""
    skin, cap = sphere(0.2, 0, slice(0, 20)), sphere(0.22, 1, slice(0, 8))
    seen = sphere(0.2, 0, slice(7, 20))
    none = skin.take(np.zeros(0, int))
    parts = (part("skin", tone=(0.5, 0.25, 0.1)), part("hair", tone=(0.1, 0.1, 0.1)))
    return Solid(parts, Triangles.joined([seen, cap]), skin, none)


def test_distance_is_that_of_brute_force_whatever_the_winding_number(open_ball: Solid) -> None:
    """Libraries scale the distance by the winding number, which near open borders is far from 0 and 1."""
    truth, rng = HeadTruth(open_ball), np.random.default_rng(0)
    points = rng.uniform(-0.3, 0.3, (400, 3))
    near = np.array([distances(p, open_ball.surface.corners) for p in points])
    inside = (winding(points, open_ball.skin.corners) > 0.5) | (
        winding(points, open_ball.surface.corners) > 0.5
    )
    half = np.where(open_ball.is_sheet[near.argmin(1)], HALF_THICKNESS, 0.0)
    known = np.where(inside, -near.min(1), near.min(1)) - half
    found = truth.distance(points)
    assert (
        np.abs(np.abs(found) - np.abs(known)).max() < 2 * HALF_THICKNESS
    )  # where two triangles are equally near
    assert np.median(np.abs(found - known)) < 1e-12 and (np.abs(found - known) < 1e-9).mean() > 0.98
    assert ((found < 0) == (known < 0)).mean() > 0.995
    assert inside.mean() > 0.1


def test_the_gap_under_hair_is_inside_and_hair_is_thicker_by_half(open_ball: Solid) -> None:
    truth = HeadTruth(open_ball)
    up = np.array([[0.05, 1.0, 0.02]]) / np.linalg.norm([0.05, 1.0, 0.02])
    gap, above, skin = (truth.distance(up * r)[0] for r in (0.21, 0.24, 0.15))
    assert gap < 0 and skin < 0
    assert above == pytest.approx(
        0.24 - 0.22 - HALF_THICKNESS, abs=8e-4
    )  # flat triangles lie a little inside
    assert gap == pytest.approx(-(0.22 - 0.21) - HALF_THICKNESS, abs=8e-4)
    t, _ = truth.first_hit(up, -up)
    assert t[0] == pytest.approx(1.0 - 0.22 - HALF_THICKNESS, abs=8e-4)


def test_colour_is_the_picture_in_the_light_with_paint_over_it(open_ball: Solid) -> None:
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[..., 0], picture[..., 3] = np.arange(64)[None] * 4, 255
    paint = np.zeros((8, 8, 4), np.uint8)
    paint[..., 2], paint[..., 3] = 255, 255
    brow = sphere(0.202, 2, slice(8, 10))
    parts = (part("skin", picture), open_ball.parts[1], part("brows", paint))
    truth = HeadTruth(Solid(parts, open_ball.surface, open_ball.skin, brow))
    d = np.array([[0.3, -0.2, 0.9], [0.3, 0.4, 0.9]])
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    at = truth.closest(d * 0.2)
    red, blue = truth.colour(at)
    expected = texels(picture, (d[:1, :2] * 0.5 + 0.5))[0, 0] * light(d[:1])[0]
    assert red[0] == pytest.approx(1.055 * expected ** (1 / 2.4) - 0.055, abs=0.01) and red[2] == 0
    assert blue[2] > 0.8 and blue[0] < 0.1  # the brow lies before this point
    assert light(np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])).tolist()[0] > 0.8


def test_texels_are_bilinear_with_the_origin_at_the_lower_left() -> None:
    picture = np.zeros((4, 4, 4), np.uint8)
    picture[0, :, 3], picture[3, :, 0] = 255, 255
    top, bottom, between = texels(picture, np.array([[0.5, 0.875], [0.5, 0.125], [0.5, 0.25]]))
    assert top[3] == 1 and bottom[0] == 1 and between[0] == pytest.approx(0.5)


@pytest.fixture(scope="module")
def head() -> HeadTruth:
    seed = next(s for s in range(50) if draw(s).hair is not None and draw(s).hat is None)
    return HeadTruth(assemble(draw(seed)))


def test_a_head_of_the_pack_agrees_with_brute_force(head: HeadTruth) -> None:
    rng = np.random.default_rng(1)
    centres = head.solid.surface.corners.mean(1)
    beside = centres[rng.integers(len(centres), size=60)] + rng.normal(0, 0.01, (60, 3))
    points = np.concatenate([beside, rng.uniform(-0.4, 0.4, (60, 3))])
    at = head.closest(points)
    near = np.array([distances(p, head.solid.surface.corners).min() for p in points])
    assert np.abs(at.distance - near).max() < 1e-7
    w = [winding(points, t.corners) for t in (head.solid.surface, head.solid.skin)]
    sure = (
        np.min([np.abs(x - 0.5) for x in w], axis=0) > 0.05
    )  # the library's sum over far triangles is approximate
    inside = (w[0] > 0.5) | (w[1] > 0.5)
    d = head.distance(points)
    far = near > HALF_THICKNESS
    assert ((d < 0) == inside)[sure & far].all() and (sure & far).mean() > 0.6
    assert np.allclose(np.abs(d), near, atol=HALF_THICKNESS + 1e-9)
    place = np.einsum("nk,nkd->nd", at.share, head.solid.surface.corners[at.triangle])
    assert np.allclose(np.linalg.norm(place - points, axis=1), near, atol=1e-6)


def test_a_head_is_solid_where_it_must_be(head: HeadTruth) -> None:
    middle, nose = np.array([[0.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 0.45]])
    assert head.distance(middle)[0] < -0.05 and head.distance(nose)[0] > 0.1
    t, at = head.first_hit(np.array([[0.0, -0.02, 2.7], [0.45, 0.45, 2.7]]), np.array([[0.0, 0.0, -1.0]] * 2))
    assert 2.4 < t[0] < 2.6 and np.isinf(t[1])
    one = Closest(at.distance[:1], at.triangle[:1], at.share[:1])
    assert head.normals(one)[0, 2] > 0.3 and 0.05 < head.colour(one).mean() < 0.95


def test_hair_loses_its_transparent_parts_and_the_skin_under_it() -> None:
    seed = next(s for s in range(50) if draw(s).hair == "short01" and draw(s).hat is None)
    mesh = assemble(draw(seed))
    solid = solid_of(mesh)
    number = [p.name for p in mesh.parts].index("hair")
    area = lambda c: np.linalg.norm(np.cross(c[:, 1] - c[:, 0], c[:, 2] - c[:, 0]), axis=1).sum()
    whole = mesh.part("hair")
    kept = area(solid.surface.corners[solid.surface.part == number]) / area(
        whole.vertices[whole.triangles].astype(np.float64)
    )
    assert 0.5 < kept < 1.0
    skin = [p.name for p in mesh.parts].index("skin")
    assert (solid.surface.part == skin).sum() < 0.98 * mesh.part("skin").drawn_triangles.sum()
    assert len(solid.skin) == len(mesh.part("skin").triangles)
