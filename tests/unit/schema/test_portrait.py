"""Five points of a face → crop and camera."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.data.photos import Photo, cropped
from core_model.inversion.camera import angle_between
from core_model.schema.camera import MatrixCamera, OrbitPose, label25
from core_model.schema.errors import InputError
from core_model.schema.portrait import EG3D, Convention, Crop, portrait_of

POINTS = np.array([[40.0, 50.0], [80.0, 50.0], [60.0, 72.0], [45.0, 92.0], [75.0, 92.0]])


def projected(camera: MatrixCamera, convention: Convention) -> np.ndarray:
    """Shares of the picture [5, 2]."""
    face, pose = np.array(convention.face), camera.world_from_cam()
    local = (face - pose[:3, 3]) @ pose[:3, :3]
    return local[:, :2] / local[:, 2:] * camera.intrinsics()[0, 0] + 0.5


CHECKPOINTS = {
    "eg3d": OrbitPose(pivot=(0.0, 0.0, 0.2), centre=(0.0, 0.0, 0.0)),
    "heads": OrbitPose(),
    "epigraf": OrbitPose(radius=1.0, fov=0.32),
}


@pytest.mark.parametrize("frontal", CHECKPOINTS.values(), ids=CHECKPOINTS)
@pytest.mark.parametrize(
    "yaw, pitch, roll", [(0.0, 0.0, 0.0), (0.4, 0.1, 0.0), (-0.6, -0.2, 0.15), (0.1, 0.0, -0.5)]
)
def test_crop_and_camera_of_points_that_it_saw_are_found(
    frontal: OrbitPose, yaw: float, pitch: float, roll: float
) -> None:
    """Also where cameras move about another point than they look at."""
    camera = MatrixCamera.from_label(label25(frontal.replace(yaw=yaw, pitch=pitch, roll=roll)))
    convention = Convention.before(frontal)
    crop, found = portrait_of(projected(camera, convention) * 400.0 + (120.0, 33.0), convention)
    assert (crop.left, crop.top, crop.edge) == pytest.approx((120.0, 33.0, 400.0), abs=14.0)
    assert angle_between(found, camera) < 0.2 + 0.8 * abs(np.degrees(pitch)), (
        "pitch is drawn to zero a little"
    )
    assert found.intrinsics()[0, 0] == pytest.approx(camera.intrinsics()[0, 0])
    away = np.linalg.norm(found.world_from_cam()[:3, 3])
    assert away == pytest.approx(frontal.radius, rel=1e-3), "on the sphere of the cameras"


def test_the_convention_of_eg3d_is_that_of_its_crops() -> None:
    """One unit of the mean face is 300 of 700 pixels; its camera stands 2.7 from the origin."""
    frontal = MatrixCamera.from_label(label25(OrbitPose(pivot=EG3D.pivot, centre=EG3D.centre)))
    points = projected(frontal, EG3D)
    assert points[1, 0] - points[0, 0] == pytest.approx(2 * 0.3106 * 300 / 700, rel=0.01)
    assert points[3, 1] - points[0, 1] == pytest.approx((0.2900 + 0.3813) * 300 / 700, rel=0.02)
    crop, camera = portrait_of(points * 700.0)
    assert (crop.left, crop.top, crop.edge) == pytest.approx((0.0, 0.0, 700.0), abs=2.0)
    assert np.linalg.norm(camera.world_from_cam()[:3, 3]) == pytest.approx(2.7)


def test_points_by_hand_are_a_frontal_face() -> None:
    crop, camera = portrait_of(POINTS)
    assert abs(camera.world_from_cam()[0, 3]) < 1e-6, "no yaw"
    assert crop.left + 0.5 * crop.edge == pytest.approx(60.0, abs=1e-3) and 100 < crop.edge < 400


def test_pixels_of_the_crop_are_those_of_the_photograph() -> None:
    y, x = np.mgrid[0:200, 0:300].astype(np.float32)
    made = cropped(Photo(np.stack([x, y, np.zeros_like(x)], axis=-1), y / 200), Crop(40.0, -20.0, 128.0), 64)
    assert made.rgb.shape == (64, 64, 3) and made.alpha is not None
    assert np.allclose(made.rgb[32, :, 0], 40.0 + 2.0 * np.arange(64) + 0.5, atol=1e-3)
    assert np.allclose(made.rgb[:, 5, 1], np.clip(-20.0 + 2.0 * np.arange(64) + 0.5, 0, None), atol=1e-3)


@pytest.mark.parametrize(
    "points", [POINTS[[1, 0, 2, 4, 3]], POINTS[:4], np.zeros((5, 2)), POINTS + 90 * np.eye(5)[2][:, None]]
)
def test_points_that_are_no_face_are_one_line(points: np.ndarray) -> None:
    with pytest.raises(InputError, match="points"):
        portrait_of(points)


def test_a_face_outside_the_photograph_is_one_line() -> None:
    with pytest.raises(InputError, match="outside"):
        cropped(Photo(np.zeros((10, 10, 3), np.float32), None), Crop(50.0, 50.0, 20.0))
