"""Perceptual distance of pictures: LPIPS version 0.1 with VGG16 (Zhang et al. 2018), as Mimic3D imitates with it.

Two files that others publish are needed: ImageNet weights of VGG16's convolutions (torchvision's names, or those
of the LPIPS package) and LPIPS's linear layers `vgg.pth`. Widths are read from the weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.schema.errors import InputError

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
LAYERS = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
"""Numbers of VGG16's convolutions in the five parts; a max-pool stands between parts."""
EPSILON = 1e-10


class PerceptualDistance(nn.Module):
    """Frozen network. pictures [B, 3, H, W] in [-1, 1] twice → distance [B]; gradients reach the pictures."""

    shift: Tensor
    scale: Tensor

    def __init__(self, weights: Mapping[str, Tensor], where: str = "perceptual weights") -> None:
        super().__init__()
        self.register_buffer("shift", torch.tensor(SHIFT).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).reshape(1, 3, 1, 1), persistent=False)
        self.parts, self.linear = nn.ModuleList(), nn.ParameterList()
        for k, numbers in enumerate(LAYERS):
            part = nn.ModuleList()
            for n in numbers:
                weight = _find(weights, rf"(net\.slice{k + 1}|features)\.{n}\.weight", where)
                bias = _find(weights, rf"(net\.slice{k + 1}|features)\.{n}\.bias", where)
                conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
                conv.load_state_dict({"weight": weight, "bias": bias})
                part.append(conv)
            self.parts.append(part)
            linear = _find(weights, rf"lin{k}\.model\.1\.weight|lins\.{k}\.model\.1\.weight", where)
            self.linear.append(nn.Parameter(linear))
        self.requires_grad_(False)

    def layers(self, first: Tensor, second: Tensor) -> list[Tensor]:
        """What each of the five layers adds to the distance [B]."""
        x = torch.cat([(v - self.shift.to(v)) / self.scale.to(v) for v in (first, second)])
        found = []
        for k, part in enumerate(self.parts):
            if k:
                x = F.max_pool2d(x, 2)
            assert isinstance(part, nn.ModuleList)
            for conv in part:
                x = F.relu(conv(x))
            unit = x / (torch.sqrt(x.square().sum(dim=1, keepdim=True) + EPSILON) + EPSILON)
            a, b = unit.chunk(2)
            found.append(F.conv2d((a - b).square(), self.linear[k]).mean(dim=(2, 3))[:, 0])
        return found

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return torch.stack(self.layers(first, second)).sum(dim=0)


def _find(weights: Mapping[str, Tensor], pattern: str, where: str) -> Tensor:
    for name, value in weights.items():
        if re.fullmatch(pattern, name):
            return value
    plain = re.sub(r"[\\()]", "", pattern)
    raise InputError(what="perceptual weights lack a tensor", where=where, expected=plain, got="none")


@dataclass(frozen=True)
class PixelPyramid:
    """What stands in where the published weights are not at hand: mean absolute difference of the pictures and
    of their halvings, [B]. It asks for the same colours at the same places, at several scales, and knows nothing
    of textures.

    gradients: weight of the differences of neighbouring pixels' differences, at every scale: the same edges at the
        same places, whatever the light. 0 = colours alone.
    """

    levels: int = 4
    gradients: float = 0.0

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        off = first - second
        total = self._level(off)
        for _ in range(self.levels - 1):
            if min(off.shape[-2:]) < 2:
                break
            off = F.avg_pool2d(off, 2)
            total = total + self._level(off)
        return total

    def _level(self, off: Tensor) -> Tensor:
        total = off.abs().mean(dim=(1, 2, 3))
        if self.gradients:
            for d in (2, 3):
                if off.shape[d] > 1:
                    total = total + self.gradients * off.diff(dim=d).abs().mean(dim=(1, 2, 3))
        return total
