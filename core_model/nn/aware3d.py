"""Mimic3D's blocks over plane triples (Chen et al. 2023).

Each plane sees the other two along the coordinate that they share. A triple is [3B, F, H, W], sample by
sample: A[y, x], B[z, y], C[x, z] as [rows, columns] of the planes xy, yz, zx.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from core_model.nn.layers import EqualLinear, StyleConv, ToRGB

PlaneView = Literal["mean", "attention", "separate"]


def see_means(x: Tensor) -> Tensor:
    """[3B, F, H, W] → [3B, 3F, H, W] as [from xy, from yz, from zx].

    What a plane gets of another is the mean over the axis that the two do not share.
    """
    a, b, c = x.unflatten(0, (-1, 3)).unbind(1)
    row = lambda v: v[..., :, None].expand_as(a)
    column = lambda v: v[..., None, :].expand_as(a)
    over_rows, over_columns = (lambda p: p.mean(dim=-2)), (lambda p: p.mean(dim=-1))
    xy = torch.cat([a, row(over_rows(b)), column(over_columns(c))], dim=1)
    yz = torch.cat([column(over_columns(a)), b, row(over_rows(c))], dim=1)
    zx = torch.cat([row(over_rows(a)), column(over_columns(b)), c], dim=1)
    return torch.stack([xy, yz, zx], dim=1).flatten(0, 1)


def see_attention(x: Tensor) -> Tensor:
    """As `see_means` with attention along the shared coordinate.

    Each plane comes first, then the next two in cyclic order.
    """
    a, b, c = x.unflatten(0, (-1, 3)).unbind(1)
    xy = torch.cat([a, _rows_to_columns(a, b), _columns_to_rows(a, c)], dim=1)
    yz = torch.cat([b, _rows_to_columns(b, c), _columns_to_rows(b, a)], dim=1)
    zx = torch.cat([c, _rows_to_columns(c, a), _columns_to_rows(c, b)], dim=1)
    return torch.stack([xy, yz, zx], dim=1).flatten(0, 1)


def _rows_to_columns(query: Tensor, other: Tensor) -> Tensor:
    """The shared coordinate runs along query's rows and other's columns."""
    q = query.permute(0, 2, 3, 1)  # [B, shared, own, F]
    k = other.permute(0, 3, 2, 1)  # [B, shared, free, F]
    return _attend(q, k).permute(0, 3, 1, 2)


def _columns_to_rows(query: Tensor, other: Tensor) -> Tensor:
    """The shared coordinate runs along query's columns and other's rows."""
    q = query.permute(0, 3, 2, 1)
    k = other.permute(0, 2, 3, 1)
    return _attend(q, k).permute(0, 3, 2, 1)


def _attend(q: Tensor, k: Tensor) -> Tensor:
    """Dot-product attention without scaling, keys as values."""
    return torch.softmax(q @ k.transpose(-1, -2), dim=-1) @ k


class PlaneBlock(nn.Module):
    """conv0 → conv1 → torgb over a plane triple, all with one w; only torgb's output leaves the block.

    Planes have styles of their own and share weights and noise. view: what a layer sees beside its own plane.
    """

    def __init__(
        self,
        features: int,
        w_dim: int,
        resolution: int,
        *,
        view: PlaneView,
        up: int,
        use_noise: bool = True,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.view: PlaneView = view
        seen = features if view == "separate" else 3 * features
        self.conv0 = StyleConv(seen, features, w_dim, resolution, up=up, use_noise=use_noise, clamp=clamp)
        self.conv1 = StyleConv(seen, features, w_dim, resolution, use_noise=use_noise, clamp=clamp)
        self.torgb = ToRGB(seen, features, w_dim, clamp=clamp)
        self.torgb.style_gain = 1.0 / math.sqrt(
            features
        )  # of the plane's own width, although three times as much comes in
        for layer in (self.conv0, self.conv1, self.torgb):
            layer.affine = EqualLinear(w_dim, 3 * seen, bias_init=1.0)

    def forward(
        self, x: Tensor, w: Tensor, noise: str = "const", rng: torch.Generator | None = None
    ) -> Tensor:
        """x [3B, F, H, W], w [B, D] → [3B, F, up·H, up·W]."""
        x = self.conv0.modulate(self._seen(x), self._styles(self.conv0, w), noise, rng)
        x = self.conv1.modulate(self._seen(x), self._styles(self.conv1, w), noise, rng)
        return self.torgb.modulate(self._seen(x), self._styles(self.torgb, w))

    def _seen(self, x: Tensor) -> Tensor:
        if self.view == "separate":
            return x
        return see_means(x) if self.view == "mean" else see_attention(x)

    @staticmethod
    def _styles(layer: StyleConv | ToRGB, w: Tensor) -> Tensor:
        return layer.affine(w).unflatten(-1, (3, -1)).flatten(0, 1)
