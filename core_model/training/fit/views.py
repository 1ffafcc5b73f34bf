"""A head seen along the three axes from both sides, without perspective: what its three planes are taught first.

A plane spanned by two axes can hold, for every point of it, how far the surface lies to either side along the third axis, what colour it
has there, and how far the point lies from the outline of the head. From these maps of the three planes a small network tells signed
distance and colour almost everywhere, and maps, unlike points, teach every texel at every step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from core_model.data.headpack.truth import Closest, HeadTruth
from core_model.schema.conventions import Conventions

CHANNELS = 9
"""Per plane: depth and RGB from the positive side, depth and RGB from the negative side, distance to the outline."""
SIDES = (1.0, -1.0)
FAR_OUTLINE = 0.12
"""Distances to the outline are cut here, world units."""
_SCALE = torch.tensor([2.0, 1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0, 6.0])
_MIDDLE = torch.tensor([0.0, 0.5, 0.5, 0.5, 0.0, 0.5, 0.5, 0.5, 0.0])
BEYOND = 0.5
"""How far outside the box the views are taken from: shoulders go on there."""
_UNSEEN = 0.15
"""Weight of depth and colour beside the head."""
_FACE = (
    (((-0.14, 0.14), (-0.21, 0.15)), 3.0),
    (((-0.10, 0.10), (-0.03, 0.045)), 2.0),
    (((-0.065, 0.065), (-0.155, -0.08)), 1.6),
)
"""Where face, eyes and mouth are in the first plane (x and y, world units), and the weights from the front, which multiply."""


@dataclass(frozen=True)
class PlaneAxes:
    """Numbers of the axes along width and height of a plane, and of its normal."""

    width: int
    height: int
    normal: int

    @staticmethod
    def of(names: tuple[str, str]) -> PlaneAxes:
        a, b = ("xyz".index(n) for n in names)
        return PlaneAxes(a, b, 3 - a - b)


def head_views(
    truth: HeadTruth, axes: tuple[tuple[str, str], ...], size: int, box: float
) -> dict[str, np.ndarray]:
    """view_depth [3, 2, R, R] float16, view_rgb [3, 2, R, R, 3] uint8, view_outline [3, R, R] float16 and view_seen [3, R, R] bool.

    Row 0 is the minimum of the height axis, as in planes. Beside the head depth and colour go on as at its nearest edge. Planes
    from above are taken at half the size and doubled: little is seen from there.
    """
    found: dict[str, list[np.ndarray]] = {}
    for names in axes:
        plane = PlaneAxes.of((names[0], names[1]))
        step = 2 if plane.normal == 1 else 1
        for name, value in _plane(truth, plane, size // step, box).items():
            axis = 1 if value.ndim > 2 else 0
            found.setdefault(name, []).append(value.repeat(step, axis=axis).repeat(step, axis=axis + 1))
    return {name: np.stack(values) for name, values in found.items()}


def _plane(truth: HeadTruth, plane: PlaneAxes, size: int, box: float) -> dict[str, np.ndarray]:
    at = ((np.arange(size) + 0.5) / size * 2.0 - 1.0) * box
    start = box + BEYOND
    across, up = np.meshgrid(at, at)
    depth, rgb, seen = [], [], np.zeros((size, size), bool)
    for side in SIDES:
        origins, dirs = np.zeros((size * size, 3)), np.zeros((size * size, 3))
        origins[:, plane.width], origins[:, plane.height] = across.ravel(), up.ravel()
        origins[:, plane.normal], dirs[:, plane.normal] = side * start, -side
        t, hit = truth.first_hit(origins, dirs)
        on = np.flatnonzero(t < start + box)
        colour = np.zeros((size * size, 3), np.uint8)
        shown = truth.colour(Closest(hit.distance[on], hit.triangle[on], hit.share[on]))
        colour[on] = np.rint(255.0 * shown.clip(0, 1))
        found = (t < start + box).reshape(size, size)
        row, column = np.asarray(distance_transform_edt(~found, return_distances=False, return_indices=True))
        place = (start - np.where(np.isfinite(t), t, 0.0)).clip(
            -box, 1.05 * box
        )  # cut by the box: just outside
        depth.append((side * place).reshape(size, size)[row, column])
        rgb.append(colour.reshape(size, size, 3)[row, column])
        seen |= found
    outline = np.asarray(distance_transform_edt(~seen)) - np.asarray(distance_transform_edt(seen))
    outline = outline * (2.0 * box / size)
    return {
        "view_depth": np.stack(depth).astype(np.float16),
        "view_rgb": np.stack(rgb),
        "view_outline": outline.clip(-FAR_OUTLINE, FAR_OUTLINE).astype(np.float16),
        "view_seen": seen,
    }


def taught_planes(example: dict[str, Tensor], size: int, box: float) -> tuple[Tensor, Tensor]:
    """Targets [3, CHANNELS, R, R] of each plane's own channels, less one, at resolution `size`, and their weights."""
    depth, rgb = example["view_depth"].float(), example["view_rgb"].float() / 255.0
    sides = torch.cat([depth[:, :, None], rgb.permute(0, 1, 4, 2, 3)], dim=2).flatten(1, 2)
    maps = torch.cat([sides, example["view_outline"].float()[:, None]], dim=1)
    maps = (maps - _MIDDLE[:, None, None]) * _SCALE[:, None, None]
    weight = torch.where(example["view_seen"], 1.0, _UNSEEN)[:, None].expand(-1, CHANNELS, -1, -1).clone()
    weight[:, -1] = 1.0
    for region, more in _FACE:
        (left, right), (low, high) = (
            [round((edge / box + 1.0) / 2.0 * maps.shape[-1]) for edge in edges] for edges in region
        )
        weight[0, : CHANNELS // 2, low:high, left:right] *= more
    factor = maps.shape[-1] // size
    if factor > 1:
        maps, weight = F.avg_pool2d(maps, factor), F.avg_pool2d(weight, factor)
    return maps, weight


def features_at(example: dict[str, Tensor], points: Tensor, conv: Conventions, channels: int) -> Tensor:
    """Features [N, channels] at points [N, 3] of planes that hold the views: their channels, bilinear, less the zero and plus 1."""
    size = example["view_outline"].shape[-1]
    found = []
    for k, names in enumerate(conv.plane_axes):
        plane = PlaneAxes.of(names)
        at = (points[:, [plane.width, plane.height]] * (0.5 / conv.box) + 0.5) * size - 0.5
        first = at.floor().clamp(0, size - 2)
        x, y = first.long().unbind(-1)
        fx, fy = (at - first).clamp(0, 1).unbind(-1)
        total = None
        for i, j, share in (
            (0, 0, (1 - fx) * (1 - fy)),
            (1, 0, fx * (1 - fy)),
            (0, 1, (1 - fx) * fy),
            (1, 1, fx * fy),
        ):
            texel = _texel(example, k, y + j, x + i) * share[:, None]
            total = texel if total is None else total + texel
        found.append(total)
    features = points.new_ones(len(points), channels)
    features[:, : 3 * CHANNELS] += torch.cat(found, dim=-1)
    return features


def _texel(example: dict[str, Tensor], k: int, row: Tensor, column: Tensor) -> Tensor:
    """The channels [N, CHANNELS] of texels of plane k, scaled as in `taught_planes`."""
    depth = example["view_depth"][k][:, row, column].float()
    rgb = example["view_rgb"][k][:, row, column].float() / 255.0
    outline = example["view_outline"][k][row, column].float()
    sides = [torch.cat([depth[i][:, None], rgb[i]], dim=-1) for i in (0, 1)]
    return (torch.cat([*sides, outline[:, None]], dim=-1) - _MIDDLE) * _SCALE
