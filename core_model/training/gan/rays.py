"""Rays of a batch of cameras given by EG3D labels, and where samples lie on them before anything is known of the scene."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core_model.schema.conventions import Conventions


@dataclass(frozen=True)
class BatchRays:
    """R rays of each of B cameras: origins [B, 3] of the cameras, unit dirs [B, R, 3]; near, far [B], world units along the rays."""

    origins: Tensor
    dirs: Tensor
    near: Tensor
    far: Tensor

    @property
    def count(self) -> int:
        return self.dirs.shape[1]

    def points(self, t: Tensor) -> Tensor:
        """t [B, R, S] → world points [B, R, S, 3]."""
        return self.origins[:, None, None] + self.dirs[:, :, None] * t[..., None]

    def take(self, index: Tensor) -> "BatchRays":
        """Rays index [B, M] of each camera."""
        return BatchRays(self.origins, self.dirs.gather(1, index[..., None].expand(-1, -1, 3)), self.near, self.far)

    def slice(self, start: int, stop: int) -> "BatchRays":
        return BatchRays(self.origins, self.dirs[:, start:stop], self.near, self.far)


@dataclass(frozen=True)
class Window:
    """Pixels rows y to y + size and columns x to x + size of a full² picture."""

    full: int
    y: int
    x: int
    size: int


def label_rays(labels: Tensor, window: Window, conv: Conventions) -> BatchRays:
    """Rays through the pixel centres of `window`, row-major; labels [B, 25].

    The rule is `camera_rays` and `ray_bounds` of core_model.geometry, for many cameras at once; a test holds them against each other.
    """
    pose, k = labels[:, :16].reshape(-1, 4, 4), labels[:, 16:].reshape(-1, 3, 3)
    place = torch.arange(window.size, device=labels.device, dtype=torch.float32) + 0.5
    v, u = torch.meshgrid((place + window.y) / window.full, (place + window.x) / window.full, indexing="ij")
    u, v = u.reshape(1, -1), v.reshape(1, -1)
    y = (v - k[:, 1, 2, None]) / k[:, 1, 1, None]
    x = (u - k[:, 0, 2, None] - k[:, 0, 1, None] * y) / k[:, 0, 0, None]
    cam = torch.nn.functional.normalize(torch.stack([x, y, torch.ones_like(x)], dim=-1), dim=-1)
    dirs = cam @ pose[:, :3, :3].transpose(1, 2)
    origins = pose[:, :3, 3]
    if conv.near is not None and conv.far is not None:
        near, far = torch.full_like(origins[:, 0], conv.near), torch.full_like(origins[:, 0], conv.far)
    else:
        radius, distance = conv.scene_radius or conv.box, origins.norm(dim=-1)
        near, far = (distance - radius).clamp_min(1e-3), (distance + radius).clamp_min(2e-3)
    return BatchRays(origins, dirs, near, far)


def uniform_t(rays: BatchRays, samples: int) -> tuple[Tensor, Tensor]:
    """t and δ [B, R, S]: equal steps from near to far, both included (δ of the last is 0); the same on all rays of a camera."""
    s = torch.linspace(0.0, 1.0, samples, device=rays.dirs.device)
    return _with_deltas(rays, s.expand(*rays.dirs.shape[:2], samples))


def stratified_t(rays: BatchRays, u: Tensor) -> tuple[Tensor, Tensor]:
    """t and δ [B, R, S]: one sample in each of S equal strata at the place u [B, R, S] in [0, 1) within it."""
    samples = u.shape[-1]
    return _with_deltas(rays, (torch.arange(samples, device=u.device) + u) / samples)


def _with_deltas(rays: BatchRays, s: Tensor) -> tuple[Tensor, Tensor]:
    near, far = rays.near[:, None, None], rays.far[:, None, None]
    t = near + (far - near) * s
    return t, torch.diff(t, dim=-1, append=far.expand(*t.shape[:2], 1)).clamp_min(0.0)
