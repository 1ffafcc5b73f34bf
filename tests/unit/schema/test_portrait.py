"""Five points of a face → crop and camera."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.data.photos import Photo, cropped
from core_model.inversion.camera import angle_between
from core_model.schema.camera import MatrixCamera, OrbitPose, label25
from core_model.schema.errors import InputError
from core_model.schema.portrait import FACE, Crop, portrait_of

POINTS = np.array([[40.0, 50.0], [80.0, 50.0], [60.0, 72.0], [45.0, 92.0], [75.0, 92.0]])


def projected(camera: MatrixCamera) -> np.ndarray:
    """Shares of the picture [5, 2]."""
    local = (FACE - camera.world_from_cam()[:3, 3]) @ camera.world_from_cam()[:3, :3]
    return local[:, :2] / local[:, 2:] * camera.intrinsics()[0, 0] + 0.5


@pytest.mark.parametrize(
    "yaw, pitch, roll", [(0.0, 0.0, 0.0), (0.4, 0.1, 0.0), (-0.6, -0.2, 0.15), (0.1, 0.0, -0.5)]
)
def test_crop_and_camera_of_points_that_it_saw_are_found(yaw: float, pitch: float, roll: float) -> None:
    camera = MatrixCamera.from_label(label25(OrbitPose(yaw=yaw, pitch=pitch, roll=roll)))
    crop, found = portrait_of(projected(camera) * 400.0 + (120.0, 33.0))
    assert (crop.left, crop.top, crop.edge) == pytest.approx((120.0, 33.0, 400.0), abs=12.0)
    assert angle_between(found, camera) < 0.2 + 0.8 * abs(np.degrees(pitch)), (
        "pitch is drawn to zero a little"
    )


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
