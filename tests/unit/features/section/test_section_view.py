"""The slice's geometry in the window: marks, drags, contour, what is seen and what is hidden."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core_model.schema.camera import MatrixCamera, OrbitPose
from core_model.schema.checkpoint import CheckpointHeader, CheckpointInfo
from core_model.schema.conventions import Conventions
from core_model.schema.latent import LatentSpec
from viewer.features.section.contour import zero_contour
from viewer.state import orbit
from viewer.state.document import Document
from viewer.state.scheduler import _picture_part
from viewer.state.screen import hidden, line_pieces, project_points
from viewer.state.section import (
    SectionView,
    automatic_range,
    clipped_line,
    dragged_offset,
    quantities_of,
    quantity_of,
    question_of,
    ray_meets,
    value_at,
)


def info_of(field: str = "sdf", channels: int = 8) -> CheckpointInfo:
    conv = Conventions(field=field)  # type: ignore[arg-type]
    return CheckpointInfo(
        path="c", header=CheckpointHeader(family="f", conventions=conv), plane_channels=channels
    )


def test_families_offer_what_they_have() -> None:
    assert quantities_of(info_of())[0] == "sdf" and "raw" not in quantities_of(info_of())
    assert quantities_of(info_of("density")) == ("density", "raw", "features")
    assert quantities_of(info_of("density", 0)) == ("density",)
    assert quantity_of(SectionView(quantity="beta"), info_of("density")) == "density"
    question = question_of(
        SectionView(quantity="slope", axis="free", normal=(0.0, 3.0, 4.0)),
        info_of(),
        LatentSpec(),
        "fp32",
        64,
    )
    assert (
        question.also == "slope" and question.normal == pytest.approx((0.0, 0.6, 0.8)) and question.size == 64
    )


def test_moving_the_plane_renders_nothing() -> None:
    doc = Document()
    moved = doc.replace(section=SectionView(axis="x", offset=0.2), planes=doc.planes.replace(mode="rms"))
    assert moved != doc and _picture_part(moved) == _picture_part(doc)
    assert _picture_part(doc.replace(latent=LatentSpec.of_seed(2))) != _picture_part(doc)


def test_a_ray_meets_the_plane_in_front_of_the_camera_only() -> None:
    pose = OrbitPose(yaw=0.4, pitch=0.2)
    origin, direction = orbit.ray(pose, 0.3, 0.7)
    met = ray_meets(origin, direction, (0.0, 0.0, 1.0), 0.1)
    assert met is not None and met[2] == pytest.approx(0.1)
    u, v, _ = orbit.project(pose, met)
    assert (u, v) == pytest.approx((0.3, 0.7))
    assert ray_meets((0, 0, 1), (0, 0, 1), (0, 0, 1), 0.0) is None
    assert ray_meets((0, 0, 1), (1, 0, 0), (0, 0, 1), 0.0) is None


def test_the_handle_follows_the_hand() -> None:
    # 200 px right and 100 px up are one unit of the normal: moving along it by half of that is half a unit
    assert dragged_offset(0.1, (100.0, -50.0), (200.0, -100.0), 400.0, 1.0) == pytest.approx(0.6)
    assert dragged_offset(0.1, (50.0, 100.0), (200.0, -100.0), 400.0, 1.0) == pytest.approx(0.1), (
        "across the normal"
    )
    assert dragged_offset(0.4, (1000.0, 0.0), (200.0, 0.0), 400.0, 0.5) == 0.5, "the box ends it"
    # a normal towards the camera has no direction on the screen: up is along it
    assert dragged_offset(0.0, (30.0, -40.0), (1.0, 0.0), 400.0, 1.0) == pytest.approx(0.1)


def test_ranges_have_their_centre_in_the_middle() -> None:
    values = np.array([[-0.1, np.nan], [0.4, 0.2]])
    assert automatic_range(values, 0.0) == (-0.4, 0.4)
    assert automatic_range(values, None) == (-0.1, 0.4)
    assert automatic_range(np.full((2, 2), np.nan), 0.0) == (0.0, 1.0)


def test_values_are_read_where_the_cursor_is() -> None:
    values = np.arange(16.0).reshape(4, 4)
    values[3, 0] = np.nan
    assert (
        value_at(values, -0.9, 0.9) == 0.0
        and value_at(values, 0.9, 0.9) == 3.0
        and value_at(values, 0.9, -0.9) == 15.0
    )
    assert value_at(values, -0.9, -0.9) is None and value_at(values, 1.2, 0.0) is None


def test_the_axis_is_cut_to_the_square() -> None:
    line = clipped_line((-3.0, 0.25), (1.0, 0.0))
    assert line == ((-1.0, 0.25), (1.0, 0.25))
    assert clipped_line((0.0, 2.0), (1.0, 0.0)) is None and clipped_line((0.0, 0.0), (0.0, 0.0)) is None


def test_the_contour_of_a_circle() -> None:
    at = (np.arange(128) + 0.5) / 128 * 2 - 1
    x, y = np.meshgrid(at, -at)
    segments = zero_contour(np.hypot(x - 0.1, y + 0.2) - 0.5, most=128)
    distance = np.hypot(segments[..., 0] - 0.1, segments[..., 1] + 0.2)
    np.testing.assert_allclose(distance, 0.5, atol=2e-3)
    length = np.linalg.norm(segments[:, 1] - segments[:, 0], axis=-1).sum()
    assert length == pytest.approx(math.pi, rel=0.01)
    assert len(zero_contour(np.full((8, 8), np.nan))) == 0 and len(zero_contour(np.ones((8, 8)))) == 0


def test_both_lines_of_a_saddle_are_found() -> None:
    at = np.array([-0.5, 0.5])
    x, y = np.meshgrid(at, -at)
    assert len(zero_contour(x * y)) == 2


@pytest.mark.parametrize("orthographic", [False, True])
def test_points_are_projected_as_the_camera_sees_them(orthographic: bool) -> None:
    pose = OrbitPose(yaw=0.5, pitch=-0.3, radius=2.0, orthographic=orthographic)
    points = np.random.default_rng(0).uniform(-0.4, 0.4, (20, 3))
    seen = project_points(pose, points)
    expected = np.array([orbit.project(pose, tuple(p)) for p in points.tolist()])
    np.testing.assert_allclose(seen.uv, expected[:, :2], atol=1e-12)
    assert seen.ahead.all()
    for p, uv, distance in zip(points, seen.uv, seen.distance, strict=True):
        np.testing.assert_allclose(orbit.surface_point(pose, uv[0], uv[1], distance), p, atol=1e-9)
    matrix = MatrixCamera(
        pose=tuple(pose.world_from_cam().reshape(-1)),
        normalized_intrinsics=tuple(pose.intrinsics().reshape(-1)),
    )
    if not orthographic:
        np.testing.assert_allclose(project_points(matrix, points).uv, seen.uv)
        assert not project_points(pose, np.array([3.0 * pose.world_from_cam()[:3, 3]])).ahead[0]


def test_lines_are_hidden_behind_what_the_picture_shows() -> None:
    pose = OrbitPose(radius=2.0, fov=1.0)
    depth = np.full((64, 64), np.nan)
    depth[:, 32:] = 1.9  # something in the right half, 0.1 in front of the origin
    start, end = np.array([-0.5, 0.0, 0.0]), np.array([0.5, 0.0, 0.0])
    pieces = line_pieces(pose, start, end, depth)
    assert [p.hidden for p in pieces] == [False, True]
    assert pieces[0].b[0] == pytest.approx(0.5, abs=0.02)
    assert not any(p.hidden for p in line_pieces(pose, start, end, None))
    front = project_points(pose, np.array([[0.2, 0.0, 0.5]]))
    assert not hidden(front, depth).any()
