"""Rays of a camera: pixel centres, conventions of axes and angles, what boxes and bounds they meet."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from core_model.geometry.rays import box_span, camera_rays, ray_bounds
from core_model.schema.camera import MatrixCamera, OrbitPose, label25
from core_model.schema.conventions import Conventions

angles = st.floats(-1.4, 1.4)
poses = st.builds(
    OrbitPose, yaw=st.floats(-3.1, 3.1), pitch=angles, roll=st.floats(-3.1, 3.1), radius=st.floats(1.0, 4.0),
    pivot=st.tuples(*[st.floats(-0.3, 0.3)] * 3), fov=st.floats(0.1, 1.5),
)  # fmt: skip


def project(camera: OrbitPose | MatrixCamera, points: np.ndarray, width: int, height: int) -> np.ndarray:
    """Pinhole projection [N, 2] in pixels of a square-pixel picture, written from the definition of the
    frames.
    """
    cam_from_world = np.linalg.inv(camera.world_from_cam())
    p = points @ cam_from_world[:3, :3].T + cam_from_world[:3, 3]
    k = camera.intrinsics()
    u = k[0, 0] * p[:, 0] / p[:, 2] + k[0, 1] * p[:, 1] / p[:, 2] + k[0, 2]
    v = k[1, 1] * p[:, 1] / p[:, 2] + k[1, 2]
    return np.stack([u * width, (v - 0.5) * width + 0.5 * height], axis=-1)


@given(poses, st.sampled_from([(4, 4), (6, 3), (3, 5)]))
def test_points_on_a_ray_project_to_its_pixel_centre(pose: OrbitPose, size: tuple[int, int]) -> None:
    width, height = size
    origins, dirs = camera_rays(pose, width, height)
    points = (origins + 1.7 * dirs).double().numpy()
    got = project(pose, points, width, height)
    j, i = np.meshgrid(np.arange(width), np.arange(height))
    want = np.stack([j.ravel() + 0.5, i.ravel() + 0.5], axis=-1)
    np.testing.assert_allclose(got, want, atol=2e-4)
    np.testing.assert_allclose(dirs.norm(dim=-1), 1.0, atol=1e-6)


@given(poses)
def test_the_middle_of_the_picture_looks_at_the_pivot(pose: OrbitPose) -> None:
    origins, dirs = camera_rays(pose, 1, 1)
    np.testing.assert_allclose(origins[0] + pose.radius * dirs[0], pose.pivot, atol=1e-5)


@given(poses)
def test_the_pose_is_a_rotation(pose: OrbitPose) -> None:
    r = pose.world_from_cam()[:3, :3]
    np.testing.assert_allclose(r @ r.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(r) == pytest.approx(1.0)


def test_yaw_moves_the_camera_to_plus_x_and_pitch_moves_it_up() -> None:
    front, right, top = OrbitPose(), OrbitPose(yaw=0.5), OrbitPose(pitch=0.5)
    np.testing.assert_allclose(front.world_from_cam()[:3, 3], [0, 0, front.radius], atol=1e-12)
    assert right.world_from_cam()[0, 3] == pytest.approx(right.radius * math.sin(0.5))
    assert top.world_from_cam()[1, 3] == pytest.approx(top.radius * math.sin(0.5))


def test_the_frontal_picture_has_plus_x_right_and_plus_y_up() -> None:
    got = project(OrbitPose(), np.array([[0.1, 0, 0], [0, 0.1, 0]]), 100, 100)
    assert got[0, 0] > 50 and got[0, 1] == pytest.approx(50)
    assert got[1, 1] < 50 and got[1, 0] == pytest.approx(50)


def test_positive_roll_turns_the_picture_counter_clockwise() -> None:
    rolled = project(OrbitPose(roll=math.pi / 2), np.array([[0.1, 0, 0]]), 100, 100)
    assert rolled[0, 0] == pytest.approx(50) and rolled[0, 1] < 50  # what was at the right is at the top


def test_the_field_of_view_spans_the_width() -> None:
    pose = OrbitPose(fov=0.8)
    edge = np.array([[pose.radius * math.tan(0.4), 0.0, 0.0]])
    assert project(pose, edge, 64, 64)[0, 0] == pytest.approx(64)


@given(poses)
def test_a_label_of_25_numbers_is_the_same_camera(pose: OrbitPose) -> None:
    camera = MatrixCamera.from_label(label25(pose))
    for got, want in zip(camera_rays(camera, 3, 3), camera_rays(pose, 3, 3)):
        np.testing.assert_allclose(got, want, atol=1e-5)
    np.testing.assert_array_equal(label25(camera), label25(pose))


def test_skew_and_off_centre_intrinsics_are_obeyed() -> None:
    k = (3.0, 0.2, 0.45, 0.0, 2.5, 0.55, 0.0, 0.0, 1.0)
    camera = MatrixCamera(pose=tuple(OrbitPose(yaw=0.3).world_from_cam().ravel()), normalized_intrinsics=k)
    origins, dirs = camera_rays(camera, 4, 4)
    got = project(camera, (origins + dirs).double().numpy(), 4, 4)
    np.testing.assert_allclose(got[:, 0].reshape(4, 4)[0], [0.5, 1.5, 2.5, 3.5], atol=1e-4)
    np.testing.assert_allclose(got[:, 1].reshape(4, 4)[:, 0], [0.5, 1.5, 2.5, 3.5], atol=1e-4)


def test_orthographic_rays_are_parallel_and_show_what_the_perspective_shows_at_the_pivot() -> None:
    pose = OrbitPose(yaw=0.7, pitch=0.2)
    flat_o, flat_d = camera_rays(pose.replace(orthographic=True), 5, 5)
    assert bool((flat_d == flat_d[0]).all())
    origins, dirs = camera_rays(pose, 5, 5)
    forward = flat_d[0]
    at_pivot = origins + dirs * (pose.radius / (dirs @ forward))[:, None]
    np.testing.assert_allclose(flat_o + pose.radius * flat_d, at_pivot, atol=1e-5)


@given(
    st.tuples(*[st.floats(-2, 2)] * 3),
    st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda d: np.linalg.norm(d) > 0.1),
)
def test_box_span_against_points_along_the_ray(
    origin: tuple[float, ...], direction: tuple[float, ...]
) -> None:
    o = torch.tensor([origin], dtype=torch.float64)
    d = torch.nn.functional.normalize(torch.tensor([direction], dtype=torch.float64), dim=-1)
    enter, leave = (float(x) for x in box_span(o, d, 0.5))
    t = np.linspace(-8, 8, 3201)
    reach = np.abs(o.numpy() + t[:, None] * d.numpy()).max(
        axis=-1
    )  # a ray that lies in a face may count either way
    assert bool((reach[(t > enter) & (t < leave)] < 0.5 + 1e-6).all())
    within = t[reach < 0.5 - 1e-6]
    assert bool((within >= enter - 1e-6).all()) and bool((within <= leave + 1e-6).all())


def test_rays_along_an_axis_meet_the_box_where_they_should() -> None:
    o = torch.tensor([[0.0, 0.0, 3.0], [0.0, 0.6, 3.0]])
    d = torch.tensor([[0.0, 0.0, -1.0], [0.0, 0.0, -1.0]])
    rays = ray_bounds(o, d, Conventions(box=0.5))
    assert rays.hit.tolist() == [True, False]


def test_bounds_are_shared_by_all_rays_of_a_picture() -> None:
    pose = OrbitPose(yaw=0.4, pitch=-0.3)
    for camera in (pose, pose.replace(orthographic=True)):
        rays = ray_bounds(*camera_rays(camera, 8, 8), Conventions(scene_radius=0.6))
        np.testing.assert_allclose(rays.near, pose.radius - 0.6, atol=1e-5)
        np.testing.assert_allclose(rays.far, pose.radius + 0.6, atol=1e-5)
    fixed = ray_bounds(*camera_rays(pose, 8, 8), Conventions(near=2.25, far=3.3))
    assert bool((fixed.near == 2.25).all()) and bool((fixed.far == 3.3).all())


def test_a_camera_inside_the_scene_looks_forward_only() -> None:
    rays = ray_bounds(*camera_rays(OrbitPose(radius=0.2), 4, 4), Conventions(scene_radius=0.5))
    assert bool((rays.near > 0).all()) and bool((rays.far > rays.near).all()) and bool(rays.hit.all())


def test_what_lies_behind_the_camera_is_not_hit() -> None:
    origin = torch.tensor([[0.0, 0.0, 2.7]])
    for direction, hit in (([0.0, 0.0, 1.0], False), ([0.0, 0.0, -1.0], True)):
        assert ray_bounds(origin, torch.tensor([direction]), Conventions()).hit.tolist() == [hit]


def test_selected_rays_keep_their_numbers() -> None:
    rays = ray_bounds(*camera_rays(OrbitPose(), 4, 4), Conventions())
    part = rays.select(torch.tensor([3, 7]))
    assert len(part) == 2 and torch.equal(part.dirs[1], rays.dirs[7])
    points = part.points(torch.tensor([[1.0, 2.0], [0.5, 0.0]]))
    np.testing.assert_allclose(points[1, 0], rays.origins[7] + 0.5 * rays.dirs[7], atol=1e-6)
