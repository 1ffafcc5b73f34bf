"""Cameras of a path in the world: dragged on their sphere, seen from outside; ease between keys."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.schema.camera import OrbitPose
from core_model.schema.camera_path import CameraPath, Ease, PathKey, eased
from core_model.schema.latent import LatentSpec, SeedWeight
from viewer.features.path import cameras, edits
from viewer.state.screen import project_points

OUTSIDE = OrbitPose(radius=12.0, fov=0.7, yaw=0.5, pitch=0.3)


def path_of(*eases: Ease, loop: bool = False) -> CameraPath:
    seeds = [LatentSpec(seeds=(SeedWeight(seed=i),)) for i in range(len(eases))]
    keys = tuple(
        PathKey(time=float(i), pose=OrbitPose(yaw=0.4 * i), ease=e, latent=seeds[i])
        for i, e in enumerate(eases)
    )
    return CameraPath(keys=keys, duration=float(len(eases)), loop=loop, spline="linear")


@pytest.mark.parametrize(("u", "v"), [(0.45, 0.5), (0.55, 0.42), (0.5, 0.61)])
def test_a_dragged_camera_lies_under_the_cursor_on_its_sphere(u: float, v: float) -> None:
    pose = OrbitPose(yaw=0.4, pitch=0.1, radius=2.7, fov=0.3)
    to = cameras.dragged(pose, OUTSIDE, u, v)
    np.testing.assert_allclose(project_points(OUTSIDE, cameras.eye_of(to)[None]).uv[0], (u, v), atol=1e-6)
    assert (to.radius, to.fov, to.pivot) == (pose.radius, pose.fov, pose.pivot)
    far = cameras.dragged(pose, OUTSIDE, 0.02, 0.5)
    assert np.linalg.norm(cameras.eye_of(far)) == pytest.approx(2.7), (
        "beside the sphere it stays on its outline"
    )


def test_the_overview_holds_every_camera() -> None:
    path = edits.spiral(OrbitPose(), 4.0, 30.0)
    seen = cameras.overview(path, OrbitPose())
    found = project_points(seen, np.stack([cameras.eye_of(k.pose) for k in path.keys]))
    assert found.ahead.all() and (found.uv > 0).all() and (found.uv < 1).all()
    assert cameras.curve_of(path).shape == (cameras.CURVE_POINTS, 3)


def test_ease_changes_the_time_and_not_the_way() -> None:
    plain, slow = path_of("even", "even", "even"), path_of("in", "even", "even")
    assert slow.pose_at(0.5).yaw == pytest.approx(plain.pose_at(0.25).yaw)
    assert slow.pose_at(1.5) == plain.pose_at(1.5) and slow.pose_at(1.0) == plain.pose_at(1.0)
    latent = slow.latent_at(0.5)
    assert latent is not None and latent.seeds[1].weight == pytest.approx(0.25)
    half = np.array([0.0, 0.5, 1.0])
    for ease in ("even", "in", "out", "in-out"):
        found = eased(half, ease)
        assert found[0] == 0.0 and found[2] == 1.0
    np.testing.assert_allclose(eased(half, "out"), (0.0, 0.75, 1.0))


@pytest.mark.parametrize("loop", [False, True])
def test_backwards_has_the_mirrored_ease(loop: bool) -> None:
    path = path_of("in", "out", "even", loop=loop)
    back = edits.backwards(path)
    for time in np.linspace(0.0, path.duration if loop else 2.0, 13):
        there = path.pose_at(float(time))
        again = back.pose_at(float(path.duration - time))
        assert again.yaw == pytest.approx(there.yaw, abs=1e-9)


def test_a_file_of_before_has_even_ease(tmp_path) -> None:
    data = path_of("in", "even").model_dump(mode="json")
    for key in data["keys"]:
        del key["ease"]
    assert {k.ease for k in CameraPath.model_validate(data).keys} == {"even"}
