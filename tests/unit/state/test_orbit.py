"""Camera moves: known answers, and properties over random poses and drags."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_model.schema.camera import CameraPrior, OrbitPose
from viewer.state import orbit

EDGE = 400.0


def floats(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, allow_infinity=False)


poses = st.builds(
    OrbitPose,
    yaw=floats(-math.pi, math.pi),
    pitch=floats(-orbit.PITCH_LIMIT, orbit.PITCH_LIMIT),
    roll=floats(-math.pi, math.pi),
    radius=floats(0.2, 20.0),
    pivot=st.tuples(floats(-2, 2), floats(-2, 2), floats(-2, 2)),
    fov=floats(math.radians(5), math.radians(100)),
    orthographic=st.booleans(),
)
drags = st.tuples(floats(-300, 300), floats(-300, 300))


def test_dragging_right_turns_the_head_right() -> None:
    """The nose (towards +z) moves right in the picture; the camera goes to -x."""
    before = OrbitPose()
    after = orbit.orbit(before, 50, 0, EDGE)
    assert after.yaw == pytest.approx(-math.pi * 50 / EDGE) and after.world_from_cam()[0, 3] < 0
    nose = (0.0, 0.0, 0.4)
    assert orbit.project(after, nose)[0] > orbit.project(before, nose)[0]


def test_dragging_down_tilts_the_face_down() -> None:
    nose = (0.0, 0.0, 0.4)
    after = orbit.orbit(OrbitPose(), 0, 40, EDGE)
    assert after.pitch > 0 and orbit.project(after, nose)[1] > 0.5


@given(poses, drags)
def test_the_front_point_follows_the_hand_whatever_the_roll(
    pose: OrbitPose, drag: tuple[float, float]
) -> None:
    """A point on the near side moves along a small drag (away from the poles, where yaw moves little)."""
    pose = pose.replace(pitch=min(max(pose.pitch, -1.0), 1.0), orthographic=True)
    dx, dy = drag
    length = math.hypot(dx, dy)
    if length < 1:
        return
    dx, dy = dx / length, dy / length
    near = np.asarray(pose.pivot) - 0.1 * pose.radius * pose.world_from_cam()[:3, 2]
    u, v, _ = orbit.project(orbit.orbit(pose, dx, dy, EDGE), tuple(near))
    assert (u - 0.5) * dx + (v - 0.5) * dy > 0


@given(poses, drags)
def test_orbit_keeps_its_limits_and_the_pivot_in_the_middle(
    pose: OrbitPose, drag: tuple[float, float]
) -> None:
    turned = orbit.orbit(pose, 20 * drag[0], 20 * drag[1], EDGE)
    assert abs(turned.pitch) <= orbit.PITCH_LIMIT and -math.pi < turned.yaw <= math.pi
    assert (turned.radius, turned.pivot, turned.fov, turned.roll) == (
        pose.radius,
        pose.pivot,
        pose.fov,
        pose.roll,
    )
    u, v, depth = orbit.project(turned, pose.pivot)
    assert (u, v, depth) == pytest.approx((0.5, 0.5, pose.radius), abs=1e-6)


@given(poses, drags)
def test_pan_and_back_is_where_it_was(pose: OrbitPose, drag: tuple[float, float]) -> None:
    there = orbit.pan(pose, *drag, EDGE)
    back = orbit.pan(there, -drag[0], -drag[1], EDGE)
    assert back.pivot == pytest.approx(pose.pivot, abs=1e-9 * (1 + 1e3 * pose.radius))


@given(poses, drags, floats(-0.4, 0.4), floats(-0.4, 0.4))
def test_pan_keeps_the_point_in_pivot_depth_under_the_cursor(
    pose: OrbitPose, drag: tuple[float, float], x: float, y: float
) -> None:
    """A point of the plane through the pivot, seen at (u, v), is seen at (u, v) + drag afterwards."""
    m = pose.world_from_cam()
    point = np.asarray(pose.pivot) + EDGE * orbit.pivot_pixel(pose, EDGE) * (x * m[:3, 0] + y * m[:3, 1])
    u0, v0, _ = orbit.project(pose, tuple(point))
    u1, v1, _ = orbit.project(orbit.pan(pose, *drag, EDGE), tuple(point))
    assert ((u1 - u0) * EDGE, (v1 - v0) * EDGE) == pytest.approx(drag, abs=1e-5)


@given(poses, floats(-200, 200))
def test_dolly_and_fov_stay_within_limits(pose: OrbitPose, notches: float) -> None:
    assert orbit.RADIUS_LIMITS[0] <= orbit.dolly(pose, notches).radius <= orbit.RADIUS_LIMITS[1]
    assert orbit.FOV_LIMITS[0] <= orbit.zoom_fov(pose, notches).fov <= orbit.FOV_LIMITS[1]


def test_one_notch_is_a_tenth() -> None:
    pose = OrbitPose(radius=2.2)
    assert orbit.dolly(pose, 1).radius == pytest.approx(2.0) and orbit.dolly(
        pose, -1
    ).radius == pytest.approx(2.42)
    wide, near = orbit.pivot_pixel(pose, EDGE), orbit.pivot_pixel(orbit.zoom_fov(pose, 1), EDGE)
    assert wide / near == pytest.approx(1.1)


@given(poses, floats(0.2, 0.8), floats(0.2, 0.8), floats(0.3, 8.0))
def test_recentre_brings_the_point_to_the_middle_without_a_jump_in_size(
    pose: OrbitPose, u: float, v: float, distance: float
) -> None:
    point = orbit.surface_point(pose, u, v, distance)
    seen_u, seen_v, depth = orbit.project(pose, point)
    assert (seen_u, seen_v) == pytest.approx((u, v), abs=1e-6)
    moved = orbit.recentre(pose, point)
    assert orbit.project(moved, point)[:2] == pytest.approx((0.5, 0.5), abs=1e-6)
    if depth > orbit.RADIUS_LIMITS[0] and not pose.orthographic:
        assert orbit.project(moved, point)[2] == pytest.approx(depth, rel=1e-6)
    assert (moved.yaw, moved.pitch, moved.roll, moved.fov) == (pose.yaw, pose.pitch, pose.roll, pose.fov)


def test_recentre_on_nothing_changes_nothing() -> None:
    pose = OrbitPose(yaw=0.3)
    assert orbit.recentre(pose, (math.nan, 0.0, 0.0)) is pose


@pytest.mark.parametrize(
    ("name", "axis"),
    [("front", (0, 0, 1)), ("back", (0, 0, -1)), ("left", (-1, 0, 0)), ("right", (1, 0, 0)),
     ("top", (0, 1, 0)), ("bottom", (0, -1, 0))],
)  # fmt: skip
def test_snap_views_look_along_their_axis(name: orbit.ViewName, axis: tuple[int, int, int]) -> None:
    pose = orbit.snap_view(OrbitPose(roll=1.0, radius=3.0), name)
    away = -pose.world_from_cam()[:3, 2]
    assert away @ np.array(axis) > math.cos(math.radians(1.1)) and pose.roll == 0 and pose.radius == 3.0


def test_frame_keeps_the_side_and_reset_does_not() -> None:
    prior = CameraPrior(default=OrbitPose(radius=1.5, pivot=(0.0, 0.1, 0.0)))
    lost = OrbitPose(yaw=0.7, pitch=-0.2, radius=30.0, pivot=(3.0, 0.0, 0.0), orthographic=True)
    framed = orbit.frame(lost, prior)
    assert (framed.yaw, framed.pitch, framed.radius, framed.pivot) == (0.7, -0.2, 1.5, (0.0, 0.1, 0.0))
    assert orbit.reset(lost, prior) == prior.default.replace(orthographic=True)


@given(poses, floats(0.05, 0.95), floats(0.05, 0.95))
def test_ray_and_projection_are_inverse(pose: OrbitPose, u: float, v: float) -> None:
    origin, direction = orbit.ray(pose, u, v)
    assert np.linalg.norm(direction) == pytest.approx(1.0)
    point = np.asarray(origin) + 1.7 * np.asarray(direction)
    assert orbit.project(pose, tuple(point))[:2] == pytest.approx((u, v), abs=1e-6)
