"""A baked volume drawn slowly and exactly: what every quicker drawing of it is held against.

Rays run through the cube in steps of a fraction of a cell. Between two steps a signed distance is taken as linear and
the light lost is the integral of VolSDF's density, which has a closed form; of a density it is the trapezoid rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core_model.geometry.rays import box_span, camera_rays
from core_model.rendering.composite import OPACITY_FLOOR
from core_model.schema.baked import BakedArrays, BakedSpec
from core_model.schema.camera import CameraSpec

RAYS = 2048
"""Rays drawn at once."""
STEPS_PER_CELL = 4


class BakedVolume:
    """The arrays as tensors, and lookups at world points."""

    def __init__(self, spec: BakedSpec, arrays: BakedArrays) -> None:
        self.spec = spec
        self._index = torch.from_numpy(arrays.index).reshape(-1, 4).long()
        self._value = torch.from_numpy(arrays.value).reshape(-1, 1)
        self._colour = torch.from_numpy(arrays.colour).reshape(-1, 4)
        self._width, self._height = arrays.value.shape[2], arrays.value.shape[1]

    def at(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """points [N, 3] → whether a brick is there [N], value [N], colour and alpha [N, 4] in [0, 1]; zeros where there is none."""
        brick, m = self.spec.brick, self.spec.bricks
        cell = ((points / self.spec.box + 1.0) * (0.5 * self.spec.level)).clamp(0.0, self.spec.level)
        home = (cell / brick).floor().clamp_max(m - 1).long()
        entry = self._index[(home[:, 2] * m + home[:, 1]) * m + home[:, 0]]
        there = entry[:, 3] > 0
        value, colour = torch.zeros(len(points)), torch.zeros(len(points), 4)
        local = cell[there] - home[there] * brick
        first = local.floor().clamp_max(brick - 1).long()
        share = local - first
        corner = entry[there, :3] * (brick + 1) + first
        for number in range(8):
            offset = torch.tensor([number & 1, number >> 1 & 1, number >> 2])
            weight = torch.where(offset.bool(), share, 1.0 - share).prod(dim=-1)
            x, y, z = (corner + offset).unbind(-1)
            row = (z * self._height + y) * self._width + x
            value[there] += weight * self._value[row, 0].float()
            colour[there] += weight[:, None] * (self._colour[row].float() / 255.0)
        return there, value, colour

    def beta(self, alpha: Tensor) -> Tensor:
        """Width of the surface [world units] of interpolated alpha."""
        low, high = self.spec.log_beta or (0.0, 0.0)
        return torch.exp(low + alpha * (high - low))


@dataclass(frozen=True)
class BakedPicture:
    """rgb [3, H, W] in [0, 1] over the background; opacity, depth [H, W] (world units along unit rays, NaN = background)."""

    rgb: Tensor
    opacity: Tensor
    depth: Tensor


@torch.no_grad()
def draw_baked(
    spec: BakedSpec, arrays: BakedArrays, camera: CameraSpec, width: int, height: int
) -> BakedPicture:
    """The picture of a camera."""
    volume = BakedVolume(spec, arrays)
    origins, dirs = camera_rays(camera, width, height)
    near, far = _bounds(spec, camera, origins, dirs)
    rgb, opacity, depth = (
        torch.zeros(len(dirs), 3),
        torch.zeros(len(dirs)),
        torch.full((len(dirs),), torch.nan),
    )
    for rays in torch.nonzero(far > near).flatten().split(RAYS):
        rgb[rays], opacity[rays], depth[rays] = _marched(
            volume, origins[rays], dirs[rays], near[rays], far[rays]
        )
    if spec.background is not None:
        rgb += (1.0 - opacity)[:, None] * torch.tensor(spec.background)
    grid = lambda x: x.reshape(height, width)
    return BakedPicture(rgb.clamp(0.0, 1.0).T.reshape(3, height, width), grid(opacity), grid(depth))


def _bounds(spec: BakedSpec, camera: CameraSpec, origins: Tensor, dirs: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays enter and leave what the checkpoint's own pictures show of the cube."""
    near, far = box_span(origins, dirs, spec.box)
    near = near.clamp_min(1e-3)
    if spec.near is not None and spec.far is not None and not camera.orthographic:
        near, far = near.clamp_min(spec.near), far.clamp_max(spec.far)
    return near, far


def _marched(
    volume: BakedVolume, origins: Tensor, dirs: Tensor, near: Tensor, far: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """(colour [R, 3] without background, opacity, depth [R])."""
    spec = volume.spec
    step = 2.0 * spec.box / spec.level / STEPS_PER_CELL
    count = int(torch.ceil((far - near).max() / step)) + 1
    t = near[:, None] + step * torch.arange(count)
    at = (origins[:, None] + dirs[:, None] * t[..., None]).reshape(-1, 3)
    there, value, colour = volume.at(at)
    there = there.view_as(t) & (t <= far[:, None])
    value, colour = value.view_as(t), colour.view(*t.shape, 4)
    both = there[:, 1:] & there[:, :-1]
    if spec.field == "sdf":
        lost = _volsdf_depth(
            value[:, :-1], value[:, 1:], volume.beta(0.5 * (colour[:, 1:, 3] + colour[:, :-1, 3])), step
        )
    else:
        lost = 0.5 * step * (value[:, :-1] + value[:, 1:])
    lost = torch.where(both, lost, 0.0)
    before = torch.cumsum(lost, dim=-1) - lost
    weights = torch.exp(-before) * -torch.expm1(-lost)
    middle = 0.5 * (colour[:, 1:, :3] + colour[:, :-1, :3])
    opacity = weights.sum(dim=-1)
    mean = (weights * (t[:, :-1] + 0.5 * step)).sum(dim=-1) / opacity.clamp_min(1e-6)
    return (
        (weights[..., None] * middle).sum(dim=1),
        opacity,
        torch.where(opacity > OPACITY_FLOOR, mean, torch.nan),
    )


def _volsdf_depth(a: Tensor, b: Tensor, beta: Tensor, step: float) -> Tensor:
    """Optical depth of a step over which the signed distance goes linearly from a to b, by VolSDF's density.

    The density is Φ(-d)/beta with Φ the distribution function of the Laplace distribution; its integral over d is
    G(d) = -½ exp(-d/beta) outside, d/beta - ½ exp(d/beta) inside, and the step's depth is (G(b) - G(a)) / (b - a) · step.
    """
    span = b - a
    small = span.abs() < 1e-4 * beta
    middle = 0.5 * (a + b)
    half = 0.5 * torch.exp(-middle.abs() / beta)
    flat = torch.where(middle >= 0, half, 1.0 - half) / beta
    mean = (_primitive(b / beta) - _primitive(a / beta)) / torch.where(small, torch.ones_like(span), span)
    return torch.where(small, flat, mean) * step


def _primitive(d: Tensor) -> Tensor:
    """G of `_volsdf_depth`, d in units of beta."""
    half = 0.5 * torch.exp(-d.abs())
    return torch.where(d >= 0, -half, d - half)
