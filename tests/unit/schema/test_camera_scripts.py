"""Orbit cameras of imported files against the cameras of their programs' scripts, written here from the
equations in float64.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from core_model.cli.cameras import CameraOptions, camera_of
from core_model.cli.requests import StoredView, request_from
from core_model.families.epigraf.config import EpigrafConfig
from core_model.families.osg.settings import VolumetricConfig
from core_model.schema.camera import CameraPrior, OrbitPose
from core_model.schema.camera_path import CameraPath, PathKey
from core_model.schema.checkpoint import CheckpointHeader, CheckpointInfo
from core_model.schema.conventions import Conventions
from core_model.schema.export import command_of, default_request
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerInfo
from viewer.features.camera.pose_text import pose_text, read_pose
from viewer.state import orbit

SCRIPTS = {  # radius and look-at point of the rendering settings
    "eg3d ffhq": (2.7, (0.0, 0.0, 0.2)), "eg3d afhq": (2.7, (0.0, 0.0, -0.06)), "eg3d shapenet": (1.7, (0.0, 0.0, 0.0)),
    "mimic3d ffhq": (2.7, (0.0, 0.0, 0.2)),
}  # fmt: skip
ANGLES = [(0.0, 0.0), (0.5, 0.0), (-0.5, 0.0), (0.4, -0.2), (-0.4, 0.3), (1.2, 0.6), (3.0, -0.5), (-2.0, 1.0)]


def look_at(origin: np.ndarray, target: np.ndarray) -> np.ndarray:
    """[4, 4] camera to world with +y up; columns right, down, forward."""
    forward = (target - origin) / np.linalg.norm(target - origin)
    right = -np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    return np.block(
        [[np.stack([right, down, forward], axis=1), origin[:, None]], [np.zeros((1, 3)), np.ones((1, 1))]]
    )


def script_camera(h: float, v: float, radius: float, pivot: tuple[float, float, float]) -> np.ndarray:
    """EG3D's LookAtPoseSampler at the mean angles h and v: on a sphere about the origin, looking at the
    pivot.
    """
    phi = math.acos(1 - 2 * v / math.pi)
    origin = radius * np.array(
        [math.sin(phi) * math.cos(math.pi - h), math.cos(phi), math.sin(phi) * math.sin(math.pi - h)]
    )
    return look_at(origin, np.asarray(pivot))


def info_of(family: str, prior: CameraPrior, label: str = "eg3d25") -> CheckpointInfo:
    conventions = Conventions(field="density", density_rule="softplus_minus_one", camera_label=label)  # pyright: ignore[reportArgumentType]
    header = CheckpointHeader(family=family, name="a", config={}, conventions=conventions, camera=prior)
    sampler = SamplerInfo(name="uniform", title="Uniform", description="", available=True)
    return CheckpointInfo(path="a.pkl", header=header, title="a", image_size=64, samplers=(sampler,))


def prior_of(name: str) -> CameraPrior:
    radius, pivot = SCRIPTS[name]
    return VolumetricConfig(camera_radius=radius, camera_pivot=pivot).prior()


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize(("yaw", "v"), ANGLES)
def test_the_scripts_cameras(name: str, yaw: float, v: float, tmp_path: Path) -> None:
    """By --yaw and --pitch (above the horizon), and by --angles with the scripts' own two numbers.

    The same matrix.
    """
    info = info_of(name.split()[0], prior_of(name))
    want = script_camera(0.5 * math.pi + yaw, 0.5 * math.pi + v, *SCRIPTS[name])
    pitch = math.asin(-2 * v / math.pi)  # cos φ = 1 − 2 (π/2 + v)/π
    np.testing.assert_allclose(
        camera_of(CameraOptions(yaw=yaw, pitch=pitch), info).world_from_cam(), want, atol=1e-9
    )
    np.save(tmp_path / "a.npy", [0.5 * math.pi + yaw, 0.5 * math.pi + v])
    np.testing.assert_allclose(
        camera_of(CameraOptions(angles=tmp_path / "a.npy"), info).world_from_cam(), want, atol=1e-9
    )


def test_how_far_off_a_sphere_about_the_look_at_point_is() -> None:
    """What --yaw 0.5 meant before: 2.2 degrees from the script's camera."""
    want = script_camera(0.5 * math.pi + 0.5, 0.5 * math.pi, 2.7, (0.0, 0.0, 0.2))
    off = OrbitPose(yaw=0.5, radius=2.5, pivot=(0.0, 0.0, 0.2)).world_from_cam()
    assert math.degrees(math.acos(off[:3, 2] @ want[:3, 2])) == pytest.approx(2.2, abs=0.05)


@pytest.mark.parametrize(
    ("yaw", "pitch"), [(0.5 * math.pi, 0.5 * math.pi), (1.1, 1.3), (2.2, 1.9), (-0.4, 1.0)]
)
def test_epigrafs_cameras(yaw: float, pitch: float, tmp_path: Path) -> None:
    """Its angles are the azimuth from +x and the polar angle.

    The camera looks at the origin (OpenGL there, OpenCV here).
    """
    info = info_of("epigraf", EpigrafConfig.model_construct(radius=1.0, fov=12.0).prior(), "angles")
    origin = np.array([math.sin(pitch) * math.cos(yaw), math.cos(pitch), math.sin(pitch) * math.sin(yaw)])
    np.save(tmp_path / "a.npy", [yaw, pitch, 0.0])
    by_angles = camera_of(CameraOptions(angles=tmp_path / "a.npy"), info)
    by_options = camera_of(CameraOptions(yaw=0.5 * math.pi - yaw, pitch=0.5 * math.pi - pitch), info)
    for camera in (by_angles, by_options):
        np.testing.assert_allclose(camera.world_from_cam(), look_at(origin, np.zeros(3)), atol=1e-9)


FACE = prior_of("eg3d ffhq").default


def test_moves_of_the_hand_on_such_a_sphere() -> None:
    turned = orbit.orbit(FACE, -80.0, 30.0, 400.0)
    np.testing.assert_allclose(
        np.linalg.norm(turned.world_from_cam()[:3, 3]), 2.7
    )  # a drag stays on the scripts' sphere
    m = turned.world_from_cam()
    near = orbit.dolly(turned, 3.0)  # the wheel: the same direction, nearer to what is looked at
    np.testing.assert_allclose(near.world_from_cam()[:3, :3], m[:3, :3], atol=1e-12)
    assert near.distance == pytest.approx(turned.distance / 1.1**3)
    back = orbit.dolly(near, -3.0)
    np.testing.assert_allclose(back.world_from_cam(), m, atol=1e-9)
    panned = orbit.pan(turned, 40.0, -25.0, 400.0)  # the picture slides, nothing turns
    np.testing.assert_allclose(panned.world_from_cam()[:3, :3], m[:3, :3], atol=1e-9)
    u, v, _ = orbit.project(panned, turned.pivot)
    assert (u, v) == pytest.approx((0.5 + 40 / 400, 0.5 - 25 / 400), abs=1e-6)
    point = (0.1, 0.05, 0.3)
    centred = orbit.recentre(
        turned, point
    )  # from then on it turns about the point, in the same direction of view
    assert centred.centre is None and centred.pivot == point
    np.testing.assert_allclose(centred.world_from_cam()[:3, :3], m[:3, :3], atol=1e-9)
    assert orbit.reset(centred, CameraPrior(default=FACE)) == FACE
    assert orbit.frame(centred, CameraPrior(default=FACE)).centre == FACE.centre


def test_nothing_spins_at_the_top() -> None:
    """Dragged up as far as it goes, the head stays upright in the picture.

    Views from above and below are upright too.
    """
    pose = FACE
    for _ in range(60):
        pose = orbit.orbit(pose, 0.0, 20.0, 400.0)
    assert pose.world_from_cam()[0, 0] > 0.99
    for name in ("top", "bottom"):
        assert orbit.snap_view(FACE, name).world_from_cam()[0, 0] > 0.99
    for side in ((0.0, 1.0, 0.0), (0.0, -1.0, 0.0)):
        assert abs(orbit.look_from(FACE, side).world_from_cam()[1, 2]) > 0.99
    for side in (
        (1.0, 0.0, 0.0),
        (0.0, 0.0, 1.0),
        (-1.0, 0.0, 1.0),
    ):  # the cube's sides: the camera stands on that side
        place = orbit.look_from(FACE, side).world_from_cam()[:3, 3]
        np.testing.assert_allclose(place, 2.7 * np.asarray(side) / np.linalg.norm(side), atol=1e-9)


def test_glides_and_paths_between_spheres() -> None:
    plain = OrbitPose(yaw=0.6, radius=2.0, pivot=(0.1, 0.0, 0.1))
    middle = orbit.between(FACE, plain, 0.5)
    assert middle.centre == pytest.approx((0.05, 0.0, 0.05)) and orbit.between(FACE, plain, 1.0) == plain
    path = CameraPath(keys=(PathKey(time=0.0, pose=FACE), PathKey(time=2.0, pose=plain)), duration=2.0)
    steps = [path.pose_at(t).world_from_cam() for t in np.linspace(0.0, 2.0, 41)]
    assert max(float(np.linalg.norm(b[:3, 3] - a[:3, 3])) for a, b in zip(steps, steps[1:])) < 0.15
    np.testing.assert_allclose(path.pose_at(2.0 - 1e-5).world_from_cam(), plain.world_from_cam(), atol=1e-3)
    old = CameraPath(
        keys=(PathKey(time=0.0, pose=plain), PathKey(time=1.0, pose=plain.replace(yaw=0.0))), duration=1.0
    )
    assert old.pose_at(0.5).centre is None


def test_records_of_before_keep_their_picture() -> None:
    """A stored camera without a centre turns about its pivot, whatever the checkpoint's own camera does."""
    info = info_of("eg3d", prior_of("eg3d ffhq"))
    old = {
        "kind": "orbit",
        "yaw": 0.5,
        "pitch": 0.1,
        "roll": 0.0,
        "radius": 2.5,
        "pivot": [0.0, 0.0, 0.2],
        "fov": 0.23,
    }
    want = OrbitPose(yaw=0.5, pitch=0.1, radius=2.5, pivot=(0.0, 0.0, 0.2), fov=0.23)
    plain = default_request(info)
    assert RenderRequest.model_validate({"checkpoint": "a", "camera": old}).camera == want
    assert request_from(StoredView({"camera": old}), frozenset(), plain, plain).camera == want
    assert (
        camera_of(CameraOptions(yaw=0.5, pitch=0.1, radius=2.5, pivot=(0.0, 0.0, 0.2), fov=0.23), info)
        == want
    )
    assert read_pose(json.dumps({k: v for k, v in old.items() if k != "kind"}), FACE)[0] == want


@pytest.mark.parametrize(
    "pose", [FACE.replace(yaw=0.3), FACE.about_pivot(), OrbitPose(), FACE.replace(pivot=(0.0, 0.1, 0.0))]
)
def test_what_is_copied_gives_the_same_camera(pose: OrbitPose) -> None:
    info = info_of("eg3d", prior_of("eg3d ffhq"))
    words = list(command_of(default_request(info).replace(camera=pose), info, "a.png").words)
    given: dict[str, object] = {}
    while words:
        word = words.pop(0)
        if word in ("--pivot", "--orbit-centre"):
            given[word[2:].replace("-", "_")] = tuple(float(words.pop(0)) for _ in range(3))
        elif word in ("--yaw", "--pitch", "--roll", "--radius", "--fov"):
            given[word[2:]] = float(words.pop(0))
    found = camera_of(CameraOptions(**given), info)  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(found.world_from_cam(), pose.world_from_cam(), atol=1e-6)
    for form in ("json", "options"):
        again, _ = read_pose(pose_text(pose, form), FACE)
        np.testing.assert_allclose(again.world_from_cam(), pose.world_from_cam(), atol=1e-5)


def test_analytic_shapes_have_no_training_cameras() -> None:
    from core_model.families.analytic.description import KINDS, analytic_header
    from viewer.state import prior_marks

    for name in KINDS.names():
        prior = analytic_header(f"analytic:{name}").camera
        assert prior.law == "none" and prior_marks.marks_of(prior).shape == "none"
        assert prior_marks.warning(prior, OrbitPose(yaw=3.0)) == "" and prior_marks.presets(prior) == ()
