"""Square windows of a picture at any scale and place (EpiGRAF, Skorokhodov et al. 2022, section 3.2).

A window has a scale s in (0, 1] and offsets o in [0, 1 - s], in units of the picture. Offsets count from the
left and from the *bottom*. The first and last pixels of a window lie on its borders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Windows:
    """scales, offsets [B, 2]: horizontal, vertical."""

    scales: Tensor
    offsets: Tensor

    def rows(self, rows: slice | Tensor) -> Windows:
        return Windows(self.scales[rows], self.offsets[rows])


def whole(batch: int, device: torch.device | str = "cpu") -> Windows:
    """Windows that show the whole picture."""
    return Windows(torch.ones(batch, 2, device=device), torch.zeros(batch, 2, device=device))


def window_places(windows: Windows, size: int) -> tuple[Tensor, Tensor]:
    """x [B, size] from left to right and y [B, size] from top to bottom of the pixels, in [-1, 1], y up."""
    s, o = windows.scales, windows.offsets
    at = torch.linspace(-1.0, 1.0, size, device=s.device)
    x = (at + 1.0) * s[:, :1] - 1.0 + 2.0 * o[:, :1]
    y = (at.flip(0) + 1.0) * s[:, 1:] - 1.0 + 2.0 * o[:, 1:]
    return x, y


def window_grid(windows: Windows, size: int) -> Tensor:
    """Places [B, size, size, 2] for `grid_sample`: x to the right, y down."""
    x, y = window_places(windows, size)
    b = x.shape[0]
    return torch.stack([x[:, None].expand(b, size, size), -y[:, :, None].expand(b, size, size)], dim=-1)


def crop(images: Tensor, windows: Windows, size: int) -> Tensor:
    """images [B, C, H, W] → windows [B, C, size, size]: bilinear at points, without a low-pass."""
    grid = window_grid(windows, size).to(images.dtype)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def window_dirs(windows: Windows, size: int, fov: float) -> Tensor:
    """Unit directions [B, size², 3] of a camera with the whole picture's angle `fov` [degrees]: x right, y up,
    looking along -z; rows from the top.
    """
    x, y = window_places(windows, size)
    b, depth = x.shape[0], -1.0 / math.tan(math.radians(fov) / 2.0)
    wide, tall = x[:, None].expand(b, size, size), y[:, :, None].expand(b, size, size)
    dirs = torch.stack([wide, tall, torch.full_like(wide, depth)], dim=-1)
    return F.normalize(dirs.flatten(1, 2), dim=-1)


PITCH_MARGIN = 1e-5


def clamped_angles(angles: Tensor) -> Tensor:
    """(yaw, pitch, roll) [B, 3] with the pitch kept off the poles; EpiGRAF changes the caller's tensor so."""
    pitch = angles[:, 1:2].clamp(PITCH_MARGIN, math.pi - PITCH_MARGIN)
    return torch.cat([angles[:, :1], pitch, angles[:, 2:]], dim=1)


def sphere_poses(angles: Tensor, radius: float) -> Tensor:
    """world_from_cam [B, 4, 4] of cameras on a sphere that look at its centre: yaw about y from +x, pitch the
    polar angle from +y; OpenGL axes (x right, y up, looking along -z).
    """
    yaw, pitch = clamped_angles(angles)[:, :2].unbind(1)
    origin = radius * torch.stack(
        [torch.sin(pitch) * torch.cos(yaw), torch.cos(pitch), torch.sin(pitch) * torch.sin(yaw)], dim=1
    )
    forward = F.normalize(-origin, dim=1)
    up = torch.zeros_like(forward)
    up[:, 1] = 1.0
    left = F.normalize(torch.cross(up, forward, dim=1), dim=1)
    up = F.normalize(torch.cross(forward, left, dim=1), dim=1)
    pose = torch.eye(4, device=angles.device, dtype=angles.dtype).repeat(len(angles), 1, 1)
    pose[:, :3, :3] = torch.stack([-left, up, -forward], dim=2)
    pose[:, :3, 3] = origin
    return pose


def label_angles(labels: Tensor) -> Tensor:
    """(yaw, pitch, roll 0) [B, 3] of EG3D's camera labels [B, 25], by where their cameras stand about the origin.

    Distance, angle of view and what a camera looks at are left out: EpiGRAF's cameras stand on one sphere and look
    at its centre.
    """
    eye = labels[:, :16].unflatten(1, (4, 4))[:, :3, 3]
    up = (eye[:, 1] / eye.norm(dim=1).clamp_min(1e-9)).clamp(-1.0, 1.0)
    yaw = torch.atan2(eye[:, 2], eye[:, 0])
    return torch.stack([yaw, torch.acos(up), torch.zeros_like(yaw)], dim=1)


def window_rays(
    angles: Tensor, windows: Windows, size: int, fov: float, radius: float
) -> tuple[Tensor, Tensor]:
    """Origins, unit dirs [B, size², 3] of windows seen from cameras `angles` [B, 3]."""
    pose = sphere_poses(angles, radius)
    dirs = window_dirs(windows, size, fov) @ pose[:, :3, :3].transpose(1, 2)
    return pose[:, None, :3, 3].expand_as(dirs), dirs
