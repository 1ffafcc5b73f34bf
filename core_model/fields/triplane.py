"""Tri-plane lookup (Chan et al. 2022, EG3D) under `Conventions`: axes, corners, padding and reduction.

Two paths: `sample_planes` (grid_sample; any padding, gradients of any order that torch has) and `PlaneTable`
(one embedding-bag gather over channel-last planes, about twice as fast on CPUs; inference and first-order
gradients). Tests compare one with the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.schema.conventions import Conventions

AXIS = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True)
class Planes:
    """The cached planes: levels × [B, 3, C, H, W] and the conventions that say how to read them."""

    levels: tuple[Tensor, ...]
    conventions: Conventions

    @property
    def nbytes(self) -> int:
        return sum(p.numel() * p.element_size() for p in self.levels)


def plane_coordinates(points: Tensor, conv: Conventions) -> Tensor:
    """points [B, N, 3] world → [B, 3, N, 2] plane coordinates in [-1, 1], (width, height)."""
    q = points / conv.box
    # not by a list as index: on an accelerator that is a copy that waits for it
    return torch.stack(
        [torch.stack([q[..., AXIS[a]], q[..., AXIS[b]]], dim=-1) for a, b in conv.plane_axes], dim=1
    )


def reduce_planes(features: Tensor, how: str) -> Tensor:
    """features [B, 3, N, C] → [B, N, C] by product (WYSIWYG), mean (EG3D) or sum."""
    if how == "product":
        return features[:, 0] * features[:, 1] * features[:, 2]
    total = features[:, 0] + features[:, 1] + features[:, 2]
    return total / 3.0 if how == "mean" else total


def sample_planes(level: Tensor, points: Tensor, conv: Conventions) -> Tensor:
    """Plain path. level [B, 3, C, H, W], points [B, N, 3] → [B, N, C]."""
    b, p, c, h, w = level.shape
    uv = plane_coordinates(points, conv).reshape(b * p, 1, -1, 2)
    out = F.grid_sample(
        level.reshape(b * p, c, h, w),
        uv,
        mode="bilinear",
        padding_mode=conv.padding,
        align_corners=conv.align_corners,
    )
    return reduce_planes(out.reshape(b, p, c, -1).transpose(2, 3), conv.reduction)


@dataclass(frozen=True)
class PlaneTable:
    """Channel-last copy of one level as one table of rows [.., C].

    A lookup is one weighted sum of rows per point. With zero padding the planes get a rim of zero texels, so
    that no row needs a mask. height, width: edges in the table.
    """

    table: Tensor
    batch: int
    height: int
    width: int
    conventions: Conventions

    @classmethod
    def build(cls, level: Tensor, conv: Conventions) -> "PlaneTable":
        b, p, _, h, w = level.shape
        last = level.permute(0, 1, 3, 4, 2)
        if conv.padding == "zeros":
            last, h, w = F.pad(last, (0, 0, 1, 1, 1, 1)), h + 2, w + 2
        return cls(last.reshape(b * p * h * w, -1).contiguous(), b, h, w, conv)

    def lookup(self, points: Tensor) -> Tensor:
        """points [B, N, 3] → [B, N, C]."""
        conv, h, w = self.conventions, self.height, self.width
        b, n, _ = points.shape
        # one coordinate after the other over all points: short inner axes cost more than the arithmetic
        q = (points * (1.0 / conv.box)).reshape(b * n, 3).t().contiguous()
        first, share = _cells(q, w, conv)
        across, down = ([AXIS[axes[i]] for axes in conv.plane_axes] for i in (0, 1))
        # not by a list as index: on an accelerator that is a copy that waits for it
        rows_of = lambda x, axes: torch.stack([x[axis] for axis in axes])
        ix, fx, iy, fy = (rows_of(x, axes) for axes in (across, down) for x in (first, share))
        if h != w:
            rows, shares = _cells(q, h, conv)
            iy, fy = rows_of(rows, down), rows_of(shares, down)
        start = torch.arange(b * 3, device=points.device, dtype=torch.int32).reshape(b, 3).t() * (h * w)
        corner = (
            torch.add(ix, iy, alpha=w) + start.repeat_interleave(n, dim=1)
            if b > 1
            else torch.add(ix, iy, alpha=w).add_(start)
        )
        index = torch.stack([corner, corner + 1, corner + w, corner + (w + 1)], dim=-1)
        both = fx * fy
        low = fy - both
        weights = torch.stack([1.0 - fx - low, fx - both, low, both], dim=-1).to(self.table.dtype)
        # [3, B·N, 4]: a bag of four rows per plane where planes are multiplied, of all twelve where they are
        # added
        if conv.reduction == "product":
            out = self._bag(index.view(-1, 4), weights.view(-1, 4)).view(1, 3, b * n, -1)
            return reduce_planes(out, conv.reduction).view(b, n, -1)
        out = self._bag(*(x.transpose(0, 1).reshape(-1, 12) for x in (index, weights))).view(b, n, -1)
        return out / 3.0 if conv.reduction == "mean" else out

    def _bag(self, index: Tensor, weights: Tensor) -> Tensor:
        """Sums [M, C] of table rows: index and weights [M, rows per bag]."""
        return F.embedding_bag(index, self.table, per_sample_weights=weights, mode="sum")


def _cells(q: Tensor, size: int, conv: Conventions) -> tuple[Tensor, Tensor]:
    """Box coordinates → (first of two neighbouring texels as int32, share of the second).

    `size` counts a rim of zeros if there is one. NaN points are sent to the middle rather than out of memory.
    """
    u = torch.nan_to_num(q, nan=0.0, posinf=4.0, neginf=-4.0)
    inner = size - 2 if conv.padding == "zeros" else size
    pos = (u + 1.0) * (0.5 * (inner - 1)) if conv.align_corners else (u + 1.0) * (0.5 * inner) - 0.5
    if conv.padding == "zeros":
        pos = pos + 1.0
    pos = pos.clamp(0.0, size - 1.0)
    first = pos.detach().floor().clamp_max(size - 2)
    return first.int(), pos - first
