"""Super-resolution of EG3D and its descendants: a few style blocks that lift a rendered feature image to the final picture.

The variants differ in widths, in whether the first block doubles, and in which input sizes are resized first; all blocks take the last
w slot and (in the original programs) always 512 style numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.nn.synthesis import SynthesisBlock
from core_model.schema.errors import InputError


@dataclass(frozen=True)
class SuperResVariant:
    """in_size: edge of the input [pixels]; ups: 1 or 2 a block; grow_only: larger inputs than in_size cannot be taken."""

    in_size: int
    ups: tuple[int, ...]
    widths: tuple[int, ...]
    grow_only: bool = False
    may_antialias: bool = True

    @property
    def out_size(self) -> int:
        size = self.in_size
        for up in self.ups:
            size *= up
        return size


VARIANTS: dict[str, SuperResVariant] = {
    "SuperresolutionHybrid8XDC": SuperResVariant(128, (2, 2), (256, 128)),
    "SuperresolutionHybrid8X": SuperResVariant(128, (2, 2), (128, 64)),
    "SuperresolutionHybrid4X": SuperResVariant(128, (1, 2), (128, 64), grow_only=True),
    "SuperresolutionHybridDeepfp32": SuperResVariant(128, (1, 2), (128, 64), grow_only=True, may_antialias=False),
    "SuperresolutionHybrid2X": SuperResVariant(64, (1, 2), (128, 64)),
    "SuperresolutionHybrid16XDC": SuperResVariant(128, (2, 2, 2), (256, 128, 64)),
}


class SuperResolution(nn.Module):
    """rgb [B, 3, h, w] and features [B, C, h, w] → picture [B, 3, R, R]."""

    def __init__(self, name: str, channels: int, w_dim: int, *, clamp: float | None, antialias: bool, use_noise: bool = True) -> None:
        super().__init__()
        self.variant = VARIANTS[name]
        self.antialias = antialias and self.variant.may_antialias
        self.blocks = nn.ModuleList()
        size, width = self.variant.in_size, channels
        for up, out in zip(self.variant.ups, self.variant.widths, strict=True):
            size *= up
            self.blocks.append(SynthesisBlock(width, out, w_dim, size, 3, use_noise=use_noise, clamp=clamp, up=up))
            width = out

    def forward(
        self, rgb: Tensor, features: Tensor, w: Tensor, noise: str = "none", rng: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """w [B, D] → (picture, what the original program leaves in its `image_raw`).

        Quirk `image_raw_in_place`: where the first block neither doubles nor resizes, the original adds that block's colour into the
        raw image that it later returns. The picture itself is the same.
        """
        v = self.variant
        img, x = self._resized(rgb), self._resized(features)
        left = rgb
        for number, block in enumerate(self.blocks):
            x, img = block(x, img, (w, w, w), noise, rng)
            if number == 0 and v.ups[0] == 1 and rgb.shape[-1] == v.in_size:
                left = img
        return img, left

    def _resized(self, x: Tensor) -> Tensor:
        size, edge = x.shape[-1], self.variant.in_size
        if size == edge:
            return x
        if self.variant.grow_only and size > edge:
            raise InputError(what="super-resolution input too large", expected=f"at most {edge} pixels", got=f"{size}")
        return F.interpolate(x, size=(edge, edge), mode="bilinear", align_corners=False, antialias=self.antialias)
