"""EpiGRAF's sphere background: a style-modulated MLP on inverse-sphere coordinates (NeRF++, Zhang et al.
2020).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.families.epigraf.config import SphereConfig, octaves_of
from core_model.families.epigraf.decoder import periodic_features
from core_model.nn.layers import EqualLinear, fresh_normal, scaled_lrelu

COORDINATES = 4


class ModulatedLinear(nn.Module):
    """Linear layer on [B, N, I] with styles: demodulated and activated, or (`out`) plain with style / √in."""

    def __init__(self, in_dim: int, out_dim: int, w_dim: int, *, out: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(fresh_normal(out_dim, in_dim))
        self.bias = nn.Parameter(torch.zeros(out_dim))
        self.affine = EqualLinear(w_dim, in_dim, bias_init=1.0)
        self.out = out

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x [B, N, I], w [B, D] → [B, N, O]."""
        styles = self.affine(w)
        if self.out:
            styles = styles / math.sqrt(self.weight.shape[1])
        weight = self.weight * styles[:, None]
        if not self.out:
            weight = weight * torch.rsqrt(weight.square().sum(dim=-1, keepdim=True) + 1e-8)
        y = torch.baddbmm(self.bias.expand(x.shape[0], 1, -1), x, weight.transpose(1, 2))
        return y if self.out else scaled_lrelu(y)


class SphereBlock(nn.Module):
    """conv0 (all but the first block) → conv1, and to_out, which is summed over the blocks."""

    def __init__(self, in_dim: int, width: int, outputs: int, w_dim: int, *, first: bool) -> None:
        super().__init__()
        self.conv0 = None if first else ModulatedLinear(in_dim, width, w_dim)
        self.conv1 = ModulatedLinear(in_dim if first else width, width, w_dim)
        self.to_out = ModulatedLinear(width, outputs, w_dim, out=True)


class SphereBackground(nn.Module):
    """Rays and ws → colours of what lies beyond the unit sphere."""

    def __init__(self, cfg: SphereConfig, w_dim: int) -> None:
        super().__init__()
        self.cfg = cfg
        self.blocks = nn.ModuleList()
        dim = COORDINATES * 2 * octaves_of(cfg.period)
        for k, width in enumerate(cfg.widths):
            self.blocks.append(SphereBlock(dim, width, cfg.outputs, w_dim, first=k == 0))
            dim = width

    def field(self, x: Tensor, ws: Tensor) -> Tensor:
        """x [B, N, 4] (point of the unit sphere, inverse depth), ws [B, 2·blocks, D] → [B, N, O], density
        last.
        """
        h = periodic_features(x, octaves_of(self.cfg.period), self.cfg.period)
        total: Tensor | None = None
        for k, block in enumerate(self.blocks):
            assert isinstance(block, SphereBlock)
            if block.conv0 is not None:
                h = block.conv0(h, ws[:, 2 * k - 1])
            h = block.conv1(h, ws[:, 2 * k])
            out = block.to_out(h, ws[:, 2 * k + 1])
            total = out if total is None else total + out
        assert total is not None
        return total

    def depths(self, device: torch.device, jitter: Tensor | None = None) -> Tensor:
        """Inverse depths [S], from `start` to 0.

        jitter [B, R, S] in [0, 1): while learning, places in the cells between the midpoints, [B, R, S].
        """
        even = torch.linspace(self.cfg.start, 0.0, self.cfg.steps, device=device)
        if jitter is None:
            return even
        middle = 0.5 * (even[1:] + even[:-1])
        first, last = torch.cat([even[:1], middle]), torch.cat([middle, even[-1:]])
        return first + (last - first) * jitter


def inverse_sphere_points(origins: Tensor, dirs: Tensor, inverse: Tensor) -> Tensor:
    """origins, dirs [B, R, 3] (origin inside the unit sphere), inverse [S] or [B, R, S] → [B, R, S, 4].

    In double precision: cameras stand on the sphere, where its angles lose half their digits, and the network
    sees the points at high frequencies.
    """
    given, (origins, dirs, inverse) = dirs.dtype, (x.double() for x in (origins, dirs, inverse))
    along = -(dirs * origins).sum(dim=-1, keepdim=True)
    nearest = origins + along * dirs  # the ray's closest point to the centre
    radius = nearest.norm(dim=-1, keepdim=True).clamp_max(
        1.0
    )  # rays that miss the sphere use its nearest point
    exit_point = origins + (along + torch.sqrt((1.0 - radius.square()).clamp_min(0.0))) * dirs
    axis = F.normalize(torch.cross(origins, exit_point, dim=-1), dim=-1)[:, :, None]
    angle = (torch.asin(radius) - torch.asin(radius * inverse))[..., None]
    s, count = exit_point[:, :, None], inverse.shape[-1]
    turned = (
        s * torch.cos(angle)
        + torch.cross(axis.expand(*axis.shape[:2], count, 3), s.expand(*s.shape[:2], count, 3), dim=-1)
        * torch.sin(angle)
        + axis * (axis * s).sum(dim=-1, keepdim=True) * (1.0 - torch.cos(angle))
    )
    unit = F.normalize(turned, dim=-1)
    last = inverse.expand(unit.shape[:-1])[..., None]
    return torch.cat([unit, last], dim=-1).to(given)
