"""Heads from the head pack: parameters by seed, shape, parts and their pictures."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from core_model.data.headpack import HeadMesh, HeadParameters, assemble, draw
from core_model.data.headpack.mesh import rounded
from core_model.data.headpack.pack import load_pack
from core_model.data.headpack.shape import gaze_weights, macro_weights
from core_model.data.headpack.skin import skin_surface
from core_model.data.headpack.subdivision import catmull_clark, split
from core_model.schema.assets import asset_path

SEEDS = range(300)


@cache
def head(seed: int) -> HeadMesh:
    return assemble(draw(seed))


@cache
def drawn() -> tuple[HeadParameters, ...]:
    return tuple(draw(seed) for seed in SEEDS)


def test_a_seed_gives_one_head_and_another_seed_another() -> None:
    first, again, other = assemble(draw(3)), assemble(draw(3)), assemble(draw(4))
    assert first.parameters == again.parameters != other.parameters
    for a, b in zip(first.parts, again.parts, strict=True):
        assert np.array_equal(a.vertices, b.vertices) and np.array_equal(a.uv, b.uv)
        assert (a.texture is None) == (b.texture is None)
        assert a.texture is None or (b.texture is not None and np.array_equal(a.texture, b.texture))
    assert first.landmarks == again.landmarks


def test_parameters_survive_json() -> None:
    p = draw(11)
    assert HeadParameters.model_validate(json.loads(p.model_dump_json())) == p


def test_every_part_of_the_pack_is_worn_by_some_seed() -> None:
    manifest = load_pack().manifest
    for kind, worn in {
        "skins": {p.skin for p in drawn()},
        "brows": {p.brows for p in drawn()},
        "lashes": {p.lashes for p in drawn()},
        "clothes": {p.clothes for p in drawn()},
        "hair": {p.hair for p in drawn() if p.hair},
        "hats": {p.hat for p in drawn() if p.hat},
    }.items():
        assert worn == set(manifest[kind]), kind
    assert {p.iris for p in drawn()} == set(manifest["eyes"]["irises"])
    textures = {t for hat in manifest["hats"].values() for t in hat["textures"]}
    assert {p.hat_texture for p in drawn() if p.hat} == textures
    assert any(p.glasses for p in drawn()) and any(p.beard > 0.5 for p in drawn())


def test_draws_keep_to_what_makes_plausible_faces() -> None:
    manifest, limits = load_pack().manifest, {}
    for axis in load_pack().axes:
        for pair in axis.targets.values():
            limits |= {name: max(axis.limit, 0.4) for name in pair if name}
    for p in drawn():
        sex = "male" if p.male > 0.5 else "female"
        assert p.male <= 0.06 or p.male >= 0.85
        assert 0.19 <= p.age <= 0.98
        assert p.african + p.asian + p.caucasian == pytest.approx(1.0)
        assert max(p.african, p.asian, p.caucasian) >= 0.65
        assert manifest["skins"][p.skin]["sex"] == sex
        assert p.hair is None or sex in manifest["hair"][p.hair]["sex"]
        assert p.hat is None or p.hair is None or manifest["hair"][p.hair]["under_hat"]
        assert p.beard == 0 or (sex == "male" and p.age > 0.3)
        assert all(w.weight <= limits.get(w.target, 0.6) for w in p.details)


def test_macro_weights_are_shares() -> None:
    weights = macro_weights(draw(5))
    people = sum(w for name, w in weights.items() if not name.startswith("macro/universal"))
    assert people == pytest.approx(1.0) and sum(weights.values()) == pytest.approx(2.0)
    assert weights.keys() <= load_pack().geometry.targets.keys()


def test_a_plane_stays_a_plane_when_subdivided_and_a_cube_gets_round() -> None:
    grid = np.array([[x, y, 0.0] for y in range(3) for x in range(3)])
    quads = np.array([[0, 1, 4, 3], [1, 2, 5, 4], [3, 4, 7, 6], [4, 5, 8, 7]])
    fine = catmull_clark(quads, grid[quads][..., :2], 9)
    points = fine.matrix @ grid
    assert np.allclose(points[fine.quads][..., 2], 0) and np.allclose(points[4], grid[4])
    assert np.asarray(fine.matrix.sum(1)).ravel() == pytest.approx(1.0)
    corners = points[fine.quads]
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0])[:, 2]
    assert (area > 0).all()  # the winding stays
    cube = np.array([[x, y, z] for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)], float)
    sides = np.array([[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]])
    round_cube = catmull_clark(sides, np.zeros((6, 4, 2)), 8)
    # The known limit rule: corner (F + 2 R) / 3 of three faces at 1/3 … gives 5/9 of the corner.
    assert np.allclose((round_cube.matrix @ cube)[:8], cube * 5 / 9)
    assert len(round_cube.quads) == 24


def test_rounding_brings_a_coarse_ball_nearer_to_a_round_one_without_cracks() -> None:
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float) / np.sqrt(3)
    quads = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
    triangles = split(quads)
    vertices, finer, uv = rounded(corners, corners, triangles, np.zeros((12, 3, 2)))
    middles = np.linalg.norm(vertices[8:], axis=1)
    flat = np.linalg.norm(0.5 * (corners[[0, 0]] + corners[[1, 3]]), axis=1)
    assert middles.min() > flat.min() + 0.1 and middles.max() < 1.05
    assert len(finer) == 48 and uv.shape == (48, 3, 2)
    edges = np.sort(np.concatenate([finer[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))]), 1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    faces = np.cross(
        vertices[finer[:, 1]] - vertices[finer[:, 0]], vertices[finer[:, 2]] - vertices[finer[:, 0]]
    )
    assert ((faces * vertices[finer].mean(1)).sum(1) > 0).all()


def test_the_head_stands_in_the_unit_box() -> None:
    for seed in range(8):
        marks = head(seed).landmarks
        assert abs(marks["crown"][1] - 0.21) < 0.03  # the scalp is pushed in under hair
        assert marks["menton"][1] < -0.15
        assert marks["nose_tip"][2] > 0.15 > abs(marks["nose_tip"][0]) * 5
        assert marks["eye_outer_left"][0] > 0.05 and marks["eye_outer_right"][0] < -0.05
        assert head(seed).part("skin").vertices[:, 1].min() < -0.5


def test_skin_is_one_surface_with_three_borders_outside_the_box() -> None:
    skin = head(1).part("skin")
    edges = np.sort(np.concatenate([skin.triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))]), 1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    assert count.max() == 2
    border = unique[count == 1]
    assert len(border) == 2 * (74 + 26 + 26)
    low, aside = skin.vertices[border][..., 1] < -0.5, abs(skin.vertices[border][..., 0]) > 0.45
    assert (low | aside).all()


def test_normals_are_unit_and_point_outwards() -> None:
    h = head(2)
    for part in h.parts:
        assert np.linalg.norm(part.normals, axis=1) == pytest.approx(1.0, abs=1e-5)
        assert part.triangles.max() < len(part.vertices) and part.uv.shape == (len(part.triangles), 3, 2)
    skin = h.part("skin")
    row = skin_surface().own(load_pack().geometry.landmarks["nose_tip"])
    assert skin.normals[row, 2] > 0.7
    row = skin_surface().own(load_pack().geometry.landmarks["ear_lobe_left"])
    assert skin.vertices[row, 0] > 0.1


def test_eyes_look_where_the_gaze_says() -> None:
    p = draw(6).replace(gaze=(0.0, 0.0))
    ahead = assemble(p).landmarks
    left = assemble(p.replace(gaze=(8.0, 0.0))).landmarks
    up = assemble(p.replace(gaze=(0.0, 4.0))).landmarks
    for eye in ("pupil_left", "pupil_right"):
        assert left[eye][0] > ahead[eye][0] + 0.002
        assert up[eye][1] > ahead[eye][1] + 0.0008
    assert gaze_weights((15.0, -11.0)) == {
        "arkit/eyeLookOutLeft": 1.0,
        "arkit/eyeLookInRight": 1.0,
        "arkit/eyeLookDownLeft": 1.0,
        "arkit/eyeLookDownRight": 1.0,
    }


def test_mirrored_hair_is_the_mirror_image_and_keeps_its_outside() -> None:
    p = next(p for p in drawn() if p.hair == "bob02").replace(hair_mirrored=False, hat=None, hat_texture=None)
    plain, mirrored = assemble(p).part("hair"), assemble(p.replace(hair_mirrored=True)).part("hair")
    assert np.allclose(plain.vertices * [-1, 1, 1], mirrored.vertices, atol=1e-6)
    assert np.allclose(plain.normals * [-1, 1, 1], mirrored.normals, atol=1e-4)


def test_colours_are_those_asked_for() -> None:
    p = next(p for p in drawn() if p.hair == "short01")
    red = assemble(p.replace(hair_tone=(0.3, 0.02, 0.02), hair_colour="red")).part("hair").texture
    assert red is not None
    seen = red[red[..., 3] > 128].astype(float)
    assert seen[:, 0].mean() > 2 * seen[:, 1].mean()
    man = next(p for p in drawn() if p.beard == 0 and p.male > 0.5 and p.hair).replace(
        hair_tone=(0.01, 0.01, 0.01)
    )
    shaved, bearded = (
        assemble(man).part("skin").texture,
        assemble(man.replace(beard=0.8)).part("skin").texture,
    )
    assert shaved is not None and bearded is not None
    darker = bearded[..., :3].astype(int).sum(-1) < shaved[..., :3].astype(int).sum(-1) - 20
    assert 0.005 < darker.mean() < 0.2


def test_hair_under_a_hat_does_not_reach_over_its_band() -> None:
    p = next(p for p in drawn() if p.hat and p.hair)
    with_hat, without = assemble(p).part("hair"), assemble(p.replace(hat=None, hat_texture=None)).part("hair")
    assert len(with_hat.triangles) < len(without.triangles)
    assert with_hat.vertices[:, 1].max() < without.vertices[:, 1].max() - 0.02


def test_the_licence_and_the_sources_come_with_the_pack() -> None:
    folder = asset_path("headpack")
    assert "CC0 1.0 Universal" in (folder / "LICENSE.txt").read_text(encoding="utf-8")
    assert "MakeHuman" in (folder / "SOURCES.md").read_text(encoding="utf-8")
    assert sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) < 16 * 2**20
