"""The camera of an inversion: zero is the start, turns are about the pivot, and gradients are those of differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core_model.inversion.camera import FreeCamera, angle_between
from core_model.schema.camera import MatrixCamera, OrbitPose, label25


def start(**pose: float) -> MatrixCamera:
    return MatrixCamera.from_label(label25(OrbitPose(**pose)))  # type: ignore[arg-type]


def test_zero_is_the_start() -> None:
    camera = start(yaw=0.4, pitch=-0.3, roll=0.2)
    free = FreeCamera(camera)
    assert np.allclose(free.label()[0].detach().numpy(), label25(camera), atol=1e-6)
    assert angle_between(free.camera(), camera) < 0.05


@pytest.mark.parametrize("axis, name", [(0, "pitch"), (1, "yaw"), (2, "roll")])
def test_a_turn_is_an_orbit_about_the_pivot(axis: int, name: str) -> None:
    free, by = FreeCamera(start()), math.radians(5.0)
    with torch.no_grad():
        free.turn[axis] = by
    pose = free.camera().world_from_cam()
    assert np.linalg.norm(pose[:3, 3]) == pytest.approx(2.7, abs=1e-5)
    assert np.allclose(pose[:3, :3].T @ pose[:3, :3], np.eye(3), atol=1e-6)
    assert angle_between(free.camera(), start()) == pytest.approx(5.0, abs=1e-3)
    straight = pose[:3, 3] + 2.7 * pose[:3, 2]
    assert np.allclose(straight, 0.0, atol=1e-5), name


def test_shift_and_distance_have_their_units() -> None:
    free = FreeCamera(start(fov=0.5))
    with torch.no_grad():
        free.shift[1] = 1.0
    moved = free.camera().world_from_cam()[:3, 3] - np.array([0.0, 0.0, 2.7])
    assert np.allclose(moved, [0.0, -OrbitPose(fov=0.5).view_height, 0.0], atol=1e-5)
    with torch.no_grad():
        free.shift[1] = 0.0
        free.distance[0] = math.log(2.0)
    assert free.camera().world_from_cam()[2, 3] == pytest.approx(5.4, abs=1e-5)


def test_gradients_are_differences() -> None:
    free = FreeCamera(start(yaw=0.3, pitch=0.2)).double()
    weight = torch.randn(25, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def value() -> torch.Tensor:
        return (free.label()[0] * weight).sum()

    value().backward()
    for parameter in (free.turn, free.shift, free.distance):
        for i in range(len(parameter)):
            with torch.no_grad():
                parameter[i] += 1e-6
                high = value()
                parameter[i] -= 2e-6
                low = value()
                parameter[i] += 1e-6
            assert parameter.grad is not None
            assert float(parameter.grad[i]) == pytest.approx(float(high - low) / 2e-6, abs=1e-5)
