"""Windows of pictures: where their pixels lie, in images and along rays."""

from __future__ import annotations

import math

import torch

from core_model.geometry.patches import (
    Windows,
    clamped_angles,
    crop,
    sphere_poses,
    whole,
    window_places,
    window_rays,
)


def test_the_whole_picture_is_taken_corner_to_corner() -> None:
    images = torch.randn(2, 3, 8, 8)
    assert torch.allclose(crop(images, whole(2), 8), images, atol=1e-6)
    assert torch.allclose(crop(images, whole(2), 2)[..., 0, 0], images[..., 0, 0], atol=1e-6)


def test_offsets_count_from_the_left_and_from_the_bottom() -> None:
    images = torch.arange(9.0).reshape(1, 1, 3, 3)
    lower_left = Windows(torch.tensor([[0.5, 0.5]]), torch.zeros(1, 2))
    assert torch.allclose(crop(images, lower_left, 2)[0, 0], images[0, 0, 1:, :2])
    upper_right = Windows(torch.tensor([[0.5, 0.5]]), torch.full((1, 2), 0.5))
    assert torch.allclose(crop(images, upper_right, 2)[0, 0], images[0, 0, :2, 1:])
    x, y = window_places(upper_right, 2)
    assert x.tolist() == [[0.0, 1.0]] and y.tolist() == [[1.0, 0.0]]


def test_a_crop_is_linear_and_differentiable() -> None:
    windows = Windows(torch.full((1, 2), 0.6), torch.full((1, 2), 0.2))
    x = torch.randn(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: crop(v, windows, 3), x)


def test_cameras_look_at_the_centre_and_a_window_sees_its_part() -> None:
    angles = torch.tensor([[0.4, 1.1, 0.0], [-2.0, 0.0, 0.0]])
    assert float(clamped_angles(angles)[1, 1]) > 0
    pose = sphere_poses(angles, 1.5)
    assert torch.allclose(pose[:, :3, 3].norm(dim=1), torch.full((2,), 1.5))
    assert torch.allclose(-pose[:, :3, 2], -pose[:, :3, 3] / 1.5, atol=1e-5)
    origins, dirs = window_rays(angles, whole(2), 3, 30.0, 1.5)
    assert torch.allclose(dirs[:, 4], -origins[:, 4] / 1.5, atol=1e-5)  # the middle pixel
    edge = torch.tan(torch.arccos((dirs[:, 3] * dirs[:, 4]).sum(dim=1)))
    assert torch.allclose(edge, torch.full((2,), math.tan(math.radians(15.0))), atol=1e-4)
    corner = Windows(torch.full((2, 2), 0.5), torch.tensor([[0.0, 0.5]] * 2))  # upper left quarter
    assert torch.allclose(window_rays(angles, corner, 2, 30.0, 1.5)[1][:, 3], dirs[:, 4], atol=1e-6)
