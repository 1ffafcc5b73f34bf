"""A camera that is found with the latent: six small numbers about the camera that the search starts from.

Rotations are about the pivot (the point of the viewing axis nearest to the world's origin), along the camera's own
axes, so that no pose is special.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from core_model.schema.camera import MatrixCamera

NAMES = ("pitch", "yaw", "roll", "right", "down", "distance")


class FreeCamera(nn.Module):
    """turn [3]: rad about the camera's right, down and forward axes; shift [2]: right and down in heights of the view
    at the pivot; distance [1]: natural logarithm of its factor. Zero is the start.
    """

    pose: Tensor
    intrinsics: Tensor
    pivot: Tensor

    def __init__(self, start: MatrixCamera) -> None:
        super().__init__()
        pose, k = start.world_from_cam(), start.intrinsics()
        self.register_buffer("pose", torch.from_numpy(pose).float(), persistent=False)
        self.register_buffer("intrinsics", torch.from_numpy(k).float(), persistent=False)
        eye, forward = pose[:3, 3], pose[:3, 2]
        depth = float(-eye @ forward)
        depth = depth if depth > 1e-3 else max(float(np.linalg.norm(eye)), 1e-3)
        self.register_buffer("pivot", torch.from_numpy(eye + depth * forward).float(), persistent=False)
        self.height = depth / float(k[1, 1])
        self.turn, self.shift = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2))
        self.distance = nn.Parameter(torch.zeros(1))

    def label(self) -> Tensor:
        """The present camera as an EG3D label [1, 25], with gradients."""
        axes, eye = self.pose[:3, :3], self.pose[:3, 3]
        rotation = torch.linalg.matrix_exp(_cross(axes @ self.turn))
        turned = rotation @ axes
        away = rotation @ (eye - self.pivot) * torch.exp(self.distance)
        place = self.pivot + away + turned[:, :2] @ (self.shift * self.height)
        top = torch.cat([turned, place[:, None]], dim=1)
        return torch.cat([top.reshape(-1), self.pose[3], self.intrinsics.reshape(-1)])[None]

    @torch.no_grad()
    def camera(self) -> MatrixCamera:
        """The present camera as a record."""
        return MatrixCamera.from_label(self.label()[0].double().cpu().numpy())

    def moved(self) -> Tensor:
        """Squared distance from the start: radians, heights of the view and log distance alike."""
        return torch.cat([self.turn, self.shift, self.distance]).square().sum()


def _cross(v: Tensor) -> Tensor:
    """[3] → the matrix of the cross product with it [3, 3]."""
    zero = torch.zeros_like(v[0])
    rows = ((zero, -v[2], v[1]), (v[2], zero, -v[0]), (-v[1], v[0], zero))
    return torch.stack([torch.stack(row) for row in rows])


def angle_between(a: MatrixCamera, b: MatrixCamera) -> float:
    """Angle of the rotation from one camera to the other, degrees."""
    r = a.world_from_cam()[:3, :3].T @ b.world_from_cam()[:3, :3]
    return float(np.degrees(np.arccos(np.clip(0.5 * (np.trace(r) - 1.0), -1.0, 1.0))))
