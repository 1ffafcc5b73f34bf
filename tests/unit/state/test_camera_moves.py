"""Trackball, flying, glides and the marks of the prior: pure parts of the camera tools."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings

from core_model.schema.camera import CameraPrior, OrbitPose
from tests.unit.state.poses import floats, poses
from viewer.state import fly, orbit, prior_marks
from viewer.state.camera_glide import GLIDE_S, CameraGlide

EDGE = 400.0


some = settings(max_examples=40)


@some
@given(poses, floats(-200, 200), floats(-200, 200))
def test_the_trackball_turns_about_the_pivot_and_back(pose: OrbitPose, dx: float, dy: float) -> None:
    there = orbit.trackball(pose, dx, dy, EDGE)
    assert (there.radius, there.pivot, there.fov) == (pose.radius, pose.pivot, pose.fov)
    angle = math.acos(
        np.clip(0.5 * (np.trace(there.world_from_cam()[:3, :3].T @ pose.world_from_cam()[:3, :3]) - 1), -1, 1)
    )
    assert angle == pytest.approx(
        abs(math.remainder(math.pi * math.hypot(dx, dy) / EDGE, 2 * math.pi)), abs=1e-4
    )
    back = orbit.trackball(there, -dx, -dy, EDGE)
    np.testing.assert_allclose(back.world_from_cam(), pose.world_from_cam(), atol=1e-6)


def test_the_trackball_goes_over_the_pole_and_small_drags_are_the_turntable_s() -> None:
    over = orbit.trackball(OrbitPose(), 0.0, 0.75 * EDGE, EDGE)  # three quarters of half a turn: 135 degrees
    assert abs(over.roll) == pytest.approx(math.pi) and over.pitch == pytest.approx(math.pi / 4)
    for drag in ((7.0, 0.0), (0.0, 7.0)):
        a, b = orbit.orbit(OrbitPose(), *drag, EDGE), orbit.trackball(OrbitPose(), *drag, EDGE)
        np.testing.assert_allclose(a.world_from_cam(), b.world_from_cam(), atol=1e-12)


def eye(pose: OrbitPose) -> np.ndarray:
    return pose.world_from_cam()[:3, 3]


@some
@given(poses, floats(-300, 300), floats(-300, 300))
def test_looking_about_leaves_the_eye_where_it_is(pose: OrbitPose, dx: float, dy: float) -> None:
    turned = fly.look(pose, dx, dy, EDGE)
    np.testing.assert_allclose(eye(turned), eye(pose), atol=1e-9)
    assert turned.radius == pose.radius and turned.fov == pose.fov and abs(turned.pitch) <= orbit.PITCH_LIMIT


def test_the_mouse_to_the_right_looks_right_and_down_looks_down() -> None:
    pose = OrbitPose()
    right, down = fly.look(pose, 10, 0, EDGE), fly.look(pose, 0, 10, EDGE)
    assert right.world_from_cam()[0, 2] > 0.001 and down.world_from_cam()[1, 2] < -0.001
    # One edge of the picture is one field of view: what was in the middle moves with the mouse, the other
    # way.
    u, _, _ = orbit.project(right, pose.pivot)
    assert u == pytest.approx(0.5 - 10 / EDGE, abs=2e-4)


@pytest.mark.parametrize(
    ("thrust", "way"),
    [(fly.Thrust(forward=1), (0, 0, -1)), (fly.Thrust(right=1), (1, 0, 0)), (fly.Thrust(up=-1), (0, -1, 0)),
     (fly.Thrust(right=1, forward=1), (math.sqrt(0.5), 0, -math.sqrt(0.5)))],
)  # fmt: skip
def test_flying_goes_where_the_keys_say_at_its_speed(
    thrust: fly.Thrust, way: tuple[float, float, float]
) -> None:
    pose = OrbitPose()
    moved = fly.move(pose, thrust, speed=2.0, seconds=0.05)
    np.testing.assert_allclose(eye(moved) - eye(pose), 0.1 * np.asarray(way), atol=1e-12)
    assert (moved.yaw, moved.pitch, moved.radius) == (pose.yaw, pose.pitch, pose.radius)


def test_flying_stands_still_without_keys_never_leaps_and_hurries() -> None:
    pose = OrbitPose(yaw=0.4)
    assert fly.move(pose, fly.Thrust(), 5.0, 1.0) is pose and not fly.Thrust(fast=True)
    stalled, hurried = (
        fly.move(pose, fly.Thrust(forward=1), 1.0, 9.0),
        fly.move(pose, fly.Thrust(forward=1, fast=True), 1.0, 0.01),
    )
    assert np.linalg.norm(eye(stalled) - eye(pose)) == pytest.approx(fly.LONGEST_STEP_S)
    assert np.linalg.norm(eye(hurried) - eye(pose)) == pytest.approx(0.01 * fly.HURRY)
    assert (
        fly.faster(0.5, 3) == pytest.approx(0.5 * fly.SPEED_NOTCH**3)
        and fly.faster(50.0, 99) == fly.SPEED_LIMITS[1]
    )


def test_the_wheel_and_the_height_of_parallel_views() -> None:
    flat = OrbitPose(orthographic=True)
    assert orbit.wheel(flat, 1.0, lens=False).view_height == pytest.approx(flat.view_height / 1.1)
    assert orbit.wheel(flat, 1.0, lens=False).radius == flat.radius
    assert orbit.wheel(OrbitPose(), 1.0, lens=False).radius == pytest.approx(2.7 / 1.1)
    assert orbit.with_view_height(flat, 0.9).view_height == pytest.approx(0.9)
    assert orbit.project(orbit.with_view_height(flat, 0.9), (0.0, 0.45, 0.1))[1] == pytest.approx(
        0.0, abs=1e-9
    )


def test_a_glide_takes_its_time_the_short_way_and_gives_way() -> None:
    glide, a, b = CameraGlide(), OrbitPose(yaw=3.0), OrbitPose(yaw=-3.0, pitch=0.4, radius=1.0)
    glide.to(a, b, 10.0)
    half = glide.step(a, 10.0 + 0.5 * GLIDE_S)
    assert abs(half.yaw) == pytest.approx(math.pi) and half.pitch == pytest.approx(0.2) and glide.moving
    assert half.radius == pytest.approx(math.sqrt(2.7))
    assert glide.step(half, 10.001 + GLIDE_S) == b and not glide.moving
    glide.to(a, b, 20.0)
    grabbed = glide.step(a, 20.05).replace(roll=0.3)
    assert glide.step(grabbed, 20.1) == grabbed and not glide.moving
    glide.to(a, b, 30.0)
    glide.stop()
    assert glide.step(a, 30.1) == a


def test_the_prior_warns_outside_two_sigma() -> None:
    prior = CameraPrior(yaw_std=0.3, pitch_std=0.2)
    assert prior_marks.warning(prior, OrbitPose(yaw=0.59)) == ""
    assert "2.1 σ" in prior_marks.warning(prior, OrbitPose(yaw=0.63))
    assert prior_marks.sigmas(prior, OrbitPose(yaw=0.3, pitch=0.2)) == pytest.approx(math.sqrt(2))
    assert prior_marks.warning(prior.model_copy(update={"law": "unknown"}), OrbitPose(yaw=3.0)) == ""
    box = CameraPrior(law="uniform", yaw_range=(-0.5, 0.5), pitch_range=(0.0, 0.4))
    assert prior_marks.warning(box, OrbitPose(yaw=0.4, pitch=0.39)) == "" and prior_marks.warning(
        box, OrbitPose(yaw=0.4, pitch=-0.1)
    )


def test_the_prior_s_presets_and_the_plot_s_reach() -> None:
    prior = CameraPrior(yaw_std=0.3, pitch_std=0.2)
    views = {p.key: (p.yaw, p.pitch) for p in prior_marks.presets(prior)}
    assert (
        views["yaw+2"] == (pytest.approx(0.6), 0.0)
        and views["pitch-1"] == (0.0, pytest.approx(-0.2))
        and len(views) == 8
    )
    assert prior_marks.look(OrbitPose(roll=1.0), 0.6, 0.1).roll == 0.0
    reach = prior_marks.plot_reach(prior, OrbitPose(yaw=0.7))
    assert reach == (pytest.approx(0.78), pytest.approx(0.52))
    assert prior_marks.plot_reach(prior, OrbitPose(yaw=0.9)) == (math.pi, math.pi / 2)
    assert prior_marks.presets(prior.model_copy(update={"law": "unknown"})) == ()
