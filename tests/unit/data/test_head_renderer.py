"""Pictures of heads and what is known of each pixel, against rays traced through the same triangles by numpy."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.data.head_cameras import FOCAL, look_at_camera
from core_model.data.head_renderer import PART_NAMES, draw_lighting
from core_model.data.head_renderer.lighting import backdrop, irradiance
from core_model.data.headpack import HeadMesh, assemble, draw
from core_model.schema.conventions import HEADS_BACKGROUND
from tests.unit.data.rendered_heads import Shot, Shown, photographed

SIZE = 96
WITH_GLASSES = next(p for p in map(draw, range(200)) if p.glasses and p.hair == "short01")
LONG_HAIR = next(p for p in map(draw, range(200)) if p.hair == "long01" and not p.glasses)
SHOTS = [
    Shot(WITH_GLASSES, 0.35, -0.1, SIZE),
    Shot(LONG_HAIR, -0.6, 0.1, SIZE),
    Shot(LONG_HAIR, -0.6, 0.1, SIZE),
    Shot(WITH_GLASSES.replace(glasses=None), 0.0, 0.0, 128),
]
EYES, SKIN = PART_NAMES.index("eyes") + 1, PART_NAMES.index("skin") + 1


@pytest.fixture(scope="module")
def shown() -> list[Shown]:
    return photographed(SHOTS)


@pytest.fixture(scope="module")
def meshes() -> list[HeadMesh]:
    return [assemble(shot.parameters) for shot in SHOTS]


def ray(shot: Shot, row: int, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Origin and unit direction of the ray through the middle of a pixel."""
    pose = look_at_camera(shot.yaw, shot.pitch).astype(np.float64)
    local = np.array([(column + 0.5) / shot.size - 0.5, (row + 0.5) / shot.size - 0.5, FOCAL]) / FOCAL
    direction = pose[:3, :3] @ local
    return pose[:3, 3], direction / np.linalg.norm(direction)


def hits(part, origin: np.ndarray, direction: np.ndarray) -> list[tuple[float, float]]:
    """(distance, alpha) of each triangle of a part that the ray meets (Möller and Trumbore 1997)."""
    triangles = part.drawn_triangles
    a, b, c = part.vertices.astype(np.float64)[part.triangles[triangles]].transpose(1, 0, 2)
    e1, e2 = b - a, c - a
    p = np.cross(direction, e2)
    det = (e1 * p).sum(1)
    front = np.abs(det) > 1e-14 if part.two_sided else det > 1e-14
    safe = np.where(front, det, 1.0)
    t = origin - a
    u = (t * p).sum(1) / safe
    q = np.cross(t, e1)
    v = (q @ direction) / safe
    met = np.flatnonzero(front & (u >= 0) & (v >= 0) & (u + v <= 1))
    found = []
    for k in met:
        uv = part.uv[triangles][k].astype(np.float64)
        at = uv[0] * (1 - u[k] - v[k]) + uv[1] * u[k] + uv[2] * v[k]
        found.append((float((e2[k] @ q[k]) / det[k]), alpha(part, at)))
    return found


def alpha(part, uv: np.ndarray) -> float:
    """Opacity of the picture at uv (lower left origin), bilinear."""
    if part.alpha != "coverage":
        return 1.0
    height, width = part.texture.shape[:2]
    x = np.clip(uv[0] * width - 0.5, 0, width - 1)
    y = np.clip((1 - uv[1]) * height - 0.5, 0, height - 1)
    x0, y0 = int(x), int(y)
    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
    image = part.texture[..., 3].astype(float) / 255
    top = image[y0, x0] * (1 - (x - x0)) + image[y0, x1] * (x - x0)
    return float(
        top * (1 - (y - y0)) + (image[y1, x0] * (1 - (x - x0)) + image[y1, x1] * (x - x0)) * (y - y0)
    )


@pytest.mark.parametrize("number", [0, 1])
def test_depth_and_part_are_those_of_the_first_triangle_on_the_ray(
    number: int, shown: list[Shown], meshes: list[HeadMesh]
) -> None:
    view, head = shown[number].view, meshes[number]
    rng = np.random.RandomState(number)
    checked = 0
    for row, column in rng.randint(SIZE // 6, SIZE - SIZE // 6, (60, 2)):
        origin, direction = ray(SHOTS[number], row, column)
        found = sorted(
            (t, a, part.name)
            for part in head.parts
            if part.alpha != "clear"
            for t, a in hits(part, origin, direction)
        )
        if any(abs(a - 0.5) < 0.1 for _, a, _ in found):  # a hair's breadth decides
            continue
        solid = [(t, name) for t, a, name in found if a >= 0.5]
        if not solid:
            assert view.part[row, column] == 0 and np.isnan(view.depth[row, column])
            continue
        assert view.depth[row, column] == pytest.approx(solid[0][0], abs=2e-4)
        close = {name for t, name in solid if t - solid[0][0] < 1e-4}
        assert PART_NAMES[view.part[row, column] - 1] in close
        checked += 1
    assert checked > 25


def test_normals_are_unit_and_face_the_camera(shown: list[Shown]) -> None:
    for shot, one in zip(SHOTS, shown, strict=True):
        met = one.view.part > 0
        assert np.array_equal(met, ~np.isnan(one.view.depth))
        normals = one.view.normal[met]
        assert np.linalg.norm(normals, axis=1) == pytest.approx(1.0, abs=1e-4)
        rays = np.stack([ray(shot, r, c)[1] for r, c in np.argwhere(met)])
        assert ((normals * rays).sum(1) < 1e-3).all()


def test_normals_agree_with_the_slope_of_the_depth(shown: list[Shown]) -> None:
    """Where skin lies on both sides of a pixel, differences of its points are square to the normal."""
    shot, view = SHOTS[3], shown[3].view
    angles = []
    for row, column in np.argwhere(view.part == SKIN)[::37]:
        around = view.part[row - 1 : row + 2, column - 1 : column + 2]
        if around.shape != (3, 3) or (around != SKIN).any():
            continue

        def point(r: int, c: int) -> np.ndarray:
            origin, direction = ray(shot, r, c)
            return origin + view.depth[r, c] * direction

        across = np.cross(
            point(row, column + 1) - point(row, column - 1), point(row - 1, column) - point(row + 1, column)
        )
        cosine = across @ view.normal[row, column] / np.linalg.norm(across)
        angles.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    assert len(angles) > 40 and np.median(angles) < 6


def test_opacity_agrees_with_the_parts(shown: list[Shown]) -> None:
    for one in shown:
        opacity, part = one.view.opacity, one.view.part
        assert (part[opacity == 0] == 0).all()
        # Fully covered pixels show something but for gaps between strands that the middle's ray slips through.
        assert (part[opacity == 255] > 0).mean() > 0.97
        assert 0.2 < (opacity == 255).mean() < 0.9
        assert ((opacity > 0) & (opacity < 255)).mean() > 0.005


def test_background_shows_where_nothing_is(shown: list[Shown]) -> None:
    for one in shown:
        empty = one.view.opacity == 0
        assert empty.mean() > 0.1
        assert np.abs(one.view.rgb[empty] / 255.0 - HEADS_BACKGROUND).max() < 0.003


def test_the_same_shot_gives_the_same_picture(shown: list[Shown]) -> None:
    first, again = shown[1].view, shown[2].view
    for name in ("rgb", "opacity", "depth", "normal", "part"):
        assert np.array_equal(
            getattr(first, name), getattr(again, name), equal_nan=name in ("depth", "normal")
        )


def test_landmarks_project_to_what_they_name(shown: list[Shown], meshes: list[HeadMesh]) -> None:
    shot, view, marks = SHOTS[3], shown[3].view, meshes[3].landmarks
    pose = np.linalg.inv(look_at_camera(shot.yaw, shot.pitch).astype(np.float64))
    for name in ("nose_tip", "sellion", "subnasale", "pogonion", "glabella", "pupil_left", "pupil_right"):
        x, y, z = pose[:3, :3] @ marks[name] + pose[:3, 3]
        column, row = int((FOCAL * x / z + 0.5) * shot.size), int((FOCAL * y / z + 0.5) * shot.size)
        # The pupil's landmark lies on the cornea, which is clear: the eyeball is met behind it.
        near = 0.012 if name.startswith("pupil") else 0.006
        assert view.depth[row, column] == pytest.approx(np.linalg.norm([x, y, z]), abs=near), name
        wanted = {EYES, PART_NAMES.index("lashes") + 1} if name.startswith("pupil") else {SKIN}
        assert view.part[row, column] in wanted, name
    left = FOCAL * (pose[:3, :3] @ marks["pupil_left"] + pose[:3, 3])[0]
    assert left > 0, "the person's left is at the right of a frontal picture"


def test_more_is_open_at_the_crown_than_in_the_mouth(shown: list[Shown], meshes: list[HeadMesh]) -> None:
    for one, head in zip(shown, meshes, strict=True):
        assert set(one.visibility) == set(head.names)
        for name, values in one.visibility.items():
            assert (
                values.shape == (len(head.part(name).vertices),) and values.min() >= 0 and values.max() <= 1
            )
        assert one.visibility["teeth"].mean() < 0.5 < one.visibility["clothes"].max()
    skin, nose = meshes[3].part("skin"), np.asarray(meshes[3].landmarks["nose_tip"])
    tip = np.argmin(np.linalg.norm(skin.vertices - nose, axis=1))
    assert shown[3].visibility["skin"][tip] > 0.85


def test_the_key_light_falls_from_its_side() -> None:
    light = draw_lighting(1).model_copy(update={"key_direction": (0.8, 0.3, 0.52)})
    mirrored = light.model_copy(update={"key_direction": (-0.8, 0.3, 0.52)})
    bald = draw(2).replace(hair=None, glasses=None, hat=None, hat_texture=None)
    left, right = (one.view for one in photographed([Shot(bald, light=light), Shot(bald, light=mirrored)]))
    skin = left.part == SKIN
    side = np.arange(64)[None, :].repeat(64, 0) >= 32
    gain = left.rgb.astype(float).sum(-1) - right.rgb.astype(float).sum(-1)
    assert gain[skin & side].mean() > 30 > -30 > gain[skin & ~side].mean()


def test_light_and_background_are_drawn_by_seed() -> None:
    assert draw_lighting(5) == draw_lighting(5) != draw_lighting(6)
    for seed in range(50):
        light = draw_lighting(seed)
        assert np.linalg.norm(light.key_direction) == pytest.approx(1.0) and light.key_direction[1] > 0.2
        ambient, key = irradiance(light, np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
        assert 0.2 < ambient.mean() < 1.0 and key.min() > 0
    assert np.array_equal(backdrop("blurred", 3, 16), backdrop("blurred", 3, 16))
    assert (
        backdrop("blurred", 3, 16).std() > backdrop("plain", 3, 16).std() == pytest.approx(0.0082, abs=0.001)
    )
