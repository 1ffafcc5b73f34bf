"""Super-resolution of EG3D and its descendants.

A few style blocks that lift a rendered feature image to the final picture. The variants differ in widths, in
whether the first block doubles, and in which input sizes are resized first; all blocks take the last w slot
and (in the original programs) always 512 style numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.nn.superres_variants import VARIANTS
from core_model.nn.synthesis import SynthesisBlock
from core_model.schema.errors import InputError


class SuperResolution(nn.Module):
    """rgb [B, 3, h, w] and features [B, C, h, w] → picture [B, 3, R, R]."""

    def __init__(
        self,
        name: str,
        channels: int,
        w_dim: int,
        *,
        clamp: float | None,
        antialias: bool,
        use_noise: bool = True,
    ) -> None:
        super().__init__()
        self.variant = VARIANTS[name]
        self.antialias = antialias and self.variant.may_antialias
        self.blocks = nn.ModuleList()
        size, width = self.variant.in_size, channels
        for up, out in zip(self.variant.ups, self.variant.widths, strict=True):
            size *= up
            self.blocks.append(
                SynthesisBlock(width, out, w_dim, size, 3, use_noise=use_noise, clamp=clamp, up=up)
            )
            width = out

    def forward(
        self,
        rgb: Tensor,
        features: Tensor,
        w: Tensor,
        noise: str = "none",
        rng: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
        pause: Callable[[], None] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """w [B, D] → (picture, what the original program leaves in its `image_raw`).

        dtype: of the feature maps, as the original has half precision here on GPUs; the pictures stay as
            `rgb` is. None = as given.
        pause: called before each block; what it raises ends the work.

        Quirk `image_raw_in_place`: where the first block neither doubles nor resizes, the original adds that
        block's colour into the raw image that it later returns. The picture itself is the same.
        """
        v = self.variant
        img, x = self._resized(rgb), self._resized(features)
        if dtype is not None:
            x = x.to(dtype)
        if x.device.type == "cpu":  # the layout that CPU convolutions want
            x = x.contiguous(memory_format=torch.channels_last)
        left = rgb
        for number, block in enumerate(self.blocks):
            if pause is not None:
                pause()
            x, img = block(x, img, (w, w, w), noise, rng)
            if number == 0 and v.ups[0] == 1 and rgb.shape[-1] == v.in_size:
                left = img
        return img, left

    def _resized(self, x: Tensor) -> Tensor:
        size, edge = x.shape[-1], self.variant.in_size
        if size == edge:
            return x
        if self.variant.grow_only and size > edge:
            raise InputError(
                what="super-resolution input too large", expected=f"at most {edge} pixels", got=f"{size}"
            )
        return F.interpolate(
            x, size=(edge, edge), mode="bilinear", align_corners=False, antialias=self.antialias
        )
