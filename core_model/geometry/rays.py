"""Rays of a camera, and where they run through the scene.

Frame: OpenCV camera, world_from_cam; pixel (i, j) has its centre at ((j + ½)/W, (i + ½)/H); directions are
unit vectors, so t is a distance in world units.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core_model.schema.camera import MatrixCamera, OrbitPose
from core_model.schema.conventions import Conventions


@dataclass(frozen=True)
class Rays:
    """R rays, or R rays of each of B cameras: origins, dirs [.., R, 3]; near, far [.., R] (far > near where
    hit); hit [.., R] = the ray meets the sampled volume.
    """

    origins: Tensor
    dirs: Tensor
    near: Tensor
    far: Tensor
    hit: Tensor

    def __len__(self) -> int:
        """R: the number of rays of each camera."""
        return self.dirs.shape[-2]

    def select(self, index: Tensor | slice) -> Rays:
        """The same rays of every camera: positions or a mask of R, or a slice."""
        return Rays(
            self.origins[..., index, :],
            self.dirs[..., index, :],
            self.near[..., index],
            self.far[..., index],
            self.hit[..., index],
        )

    def take(self, index: Tensor) -> Rays:
        """Rays index [B, M] of each camera."""
        wide = index[..., None].expand(-1, -1, 3)
        return Rays(
            self.origins.gather(1, wide),
            self.dirs.gather(1, wide),
            self.near.gather(1, index),
            self.far.gather(1, index),
            self.hit.gather(1, index),
        )

    def points(self, t: Tensor) -> Tensor:
        """t [.., R, S] → world points [.., R, S, 3]."""
        return self.origins[..., None, :] + self.dirs[..., None, :] * t[..., None]


def camera_rays(
    camera: OrbitPose | MatrixCamera,
    width: int,
    height: int,
    device: torch.device | str = "cpu",
    rows: tuple[int, int] | None = None,
) -> tuple[Tensor, Tensor]:
    """Origins and unit directions [H·W, 3], row-major.

    rows: only those from the first to before the second. The horizontal angle is the camera's; a picture that
    is not square keeps square pixels (more or less is seen above and below).
    """
    pose = torch.as_tensor(camera.world_from_cam(), dtype=torch.float32, device=device)
    k = torch.as_tensor(camera.intrinsics(), dtype=torch.float32, device=device)
    u = (torch.arange(width, device=device, dtype=torch.float32) + 0.5) / width
    v = ((torch.arange(height, device=device, dtype=torch.float32) + 0.5) / height - 0.5) * (
        height / width
    ) + 0.5
    v, u = torch.meshgrid(v if rows is None else v[rows[0] : rows[1]], u, indexing="ij")
    y = (v - k[1, 2]) / k[1, 1]
    x = (u - k[0, 2] - k[0, 1] * y) / k[0, 0]
    if isinstance(camera, OrbitPose) and camera.orthographic:
        span = camera.distance  # an orthographic picture shows what the perspective one shows at the pivot
        offset = torch.stack([x * span, y * span, torch.zeros_like(x)], dim=-1).reshape(-1, 3)
        dirs = pose[:3, 2].expand(offset.shape[0], 3)
        return pose[:3, 3] + offset @ pose[:3, :3].T, dirs.contiguous()
    cam = torch.stack([x, y, torch.ones_like(x)], dim=-1).reshape(-1, 3)
    dirs = torch.nn.functional.normalize(cam, dim=-1) @ pose[:3, :3].T
    return pose[:3, 3].expand_as(dirs).contiguous(), dirs


@dataclass(frozen=True)
class Window:
    """Pixels rows y to y + size and columns x to x + size of a full² picture."""

    full: int
    y: int
    x: int
    size: int


def label_rays(labels: Tensor, window: Window, conv: Conventions) -> Rays:
    """Rays [B, R] through the pixel centres of `window`, row-major, of cameras given by EG3D labels [B, 25].

    The rule is `camera_rays` and `ray_bounds`, for many perspective cameras at once; a test holds them
    against each other.
    """
    pose, k = labels[:, :16].reshape(-1, 4, 4), labels[:, 16:].reshape(-1, 3, 3)
    place = torch.arange(window.size, device=labels.device, dtype=torch.float32) + 0.5
    v, u = torch.meshgrid((place + window.y) / window.full, (place + window.x) / window.full, indexing="ij")
    u, v = u.reshape(1, -1), v.reshape(1, -1)
    y = (v - k[:, 1, 2, None]) / k[:, 1, 1, None]
    x = (u - k[:, 0, 2, None] - k[:, 0, 1, None] * y) / k[:, 0, 0, None]
    cam = torch.nn.functional.normalize(torch.stack([x, y, torch.ones_like(x)], dim=-1), dim=-1)
    dirs = cam @ pose[:, :3, :3].transpose(1, 2)
    return ray_bounds(pose[:, None, :3, 3].expand_as(dirs), dirs, conv, parallel=False)


def project(camera: OrbitPose | MatrixCamera, points: Tensor, width: int, height: int) -> Tensor | None:
    """World points [N, 3] → (column, row) [N, 2] in pixels, whole numbers at pixel centres.

    The inverse of `camera_rays`. None if a point lies beside or behind a perspective camera's eye, where it
    has no picture.
    """
    pose = torch.as_tensor(camera.world_from_cam(), dtype=torch.float32, device=points.device)
    k = torch.as_tensor(camera.intrinsics(), dtype=torch.float32, device=points.device)
    local = (points - pose[:3, 3]) @ pose[:3, :3]
    if isinstance(camera, OrbitPose) and camera.orthographic:
        x, y = local[:, 0] / camera.distance, local[:, 1] / camera.distance
    else:
        z = local[:, 2]
        if bool((z < 1e-4).any()):
            return None
        x, y = local[:, 0] / z, local[:, 1] / z
    u = x * k[0, 0] + y * k[0, 1] + k[0, 2]
    v = y * k[1, 1] + k[1, 2]
    v = (v - 0.5) * (width / height) + 0.5
    return torch.stack([u * width - 0.5, v * height - 0.5], dim=-1)


def box_span(origins: Tensor, dirs: Tensor, half: float) -> tuple[Tensor, Tensor]:
    """Entry and exit distances [..] of the cube [-half, half]³ by the slab method; exit < entry where the ray
    misses.
    """
    safe = torch.where(dirs.abs() < 1e-12, torch.full_like(dirs, 1e-12), dirs)
    a, b = (-half - origins) / safe, (half - origins) / safe
    return torch.minimum(a, b).amax(dim=-1), torch.maximum(a, b).amin(dim=-1)


def ray_bounds(origins: Tensor, dirs: Tensor, conv: Conventions, parallel: bool | None = None) -> Rays:
    """Rays with near and far by the checkpoint's conventions.

    Fixed near and far when it has them; otherwise from scene_radius before to scene_radius behind the box
    centre (measured along the central ray, so that all rays of a picture share their bins). Parallel
    (orthographic) rays have no eye to measure fixed bounds from: they get the same length about the plane
    through the box centre. parallel: None = see whether the origins differ. `hit` says whether the ray meets
    the box in front of the camera.
    """
    enter, leave = box_span(origins, dirs, conv.box)
    if parallel is None:
        parallel = len(origins) > 0 and not bool((origins[0] == origins).all())
    fixed = conv.near is not None and conv.far is not None
    if conv.near is not None and conv.far is not None and not parallel:
        near = torch.full_like(enter, conv.near)
        far = torch.full_like(enter, conv.far)
    else:
        radius = 0.5 * (conv.far - conv.near) if fixed else conv.scene_radius or conv.box  # type: ignore[operator]
        distance = _depth_of_centre(origins, dirs) if parallel else origins.norm(dim=-1)
        near = (distance - radius).clamp_min(1e-3)
        far = (distance + radius).clamp_min(2e-3)
    hit = (leave > enter) & (leave > near) & (enter < far)
    return Rays(origins, dirs, near, far, hit)


def _depth_of_centre(origins: Tensor, dirs: Tensor) -> Tensor:
    """Distance along parallel (orthographic) rays to the plane through the box centre."""
    return -(origins * dirs).sum(dim=-1)
