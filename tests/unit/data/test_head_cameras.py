"""The cameras of generated heads: EG3D's look-at law and label."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core_model.data.head_cameras import camera_label, look_at_camera, sample_camera


def test_camera_label_follows_the_look_at_law() -> None:
    for seed in range(20):
        world_from_cam = sample_camera(seed)
        assert np.array_equal(world_from_cam, sample_camera(seed))
        label = camera_label(world_from_cam)
        assert np.array_equal(np.float32(label[:16]).reshape(4, 4), world_from_cam)
        assert label[16:] == pytest.approx([4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1])
        rotation, origin = world_from_cam[:3, :3], world_from_cam[:3, 3]
        assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-5) and np.linalg.det(rotation) > 0
        assert np.allclose(origin, -2.7 * rotation[:, 2], atol=1e-5)
        assert rotation[1, 1] < 0, "the camera's down axis points down"
        assert abs(rotation[1, 0]) < 1e-6, "the camera does not roll"


def test_frontal_camera_and_pitch_law() -> None:
    assert np.allclose(look_at_camera(0.0, 0.0)[:3, 3], [0.0, 0.0, 2.7], atol=1e-5)
    assert np.allclose(look_at_camera(0.0, 0.0)[:3, 0], [1.0, 0.0, 0.0], atol=1e-6)
    height = 2.7 * (1.0 - 2.0 * (math.pi / 2 - 0.3) / math.pi)
    assert look_at_camera(0.0, -0.3)[1, 3] == pytest.approx(height, abs=1e-5)
