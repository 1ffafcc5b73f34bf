"""StyleGAN2 skip-style synthesis network: blocks b4, b8, …, bR and their ToRGB branches."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from core_model.nn.layers import StyleConv, ToRGB, fresh_normal
from core_model.ops.resample import upsample2


def channels_at(resolution: int, base: int, cap: int) -> int:
    """StyleGAN2's channel law: min(base // resolution, cap)."""
    return min(base // resolution, cap)


class SynthesisBlock(nn.Module):
    """conv0 (up 2, or 1) → conv1 → torgb.

    The first block starts from a learned constant and has conv1 only. up = 1 leaves the running image at its
    size too (the first block of some super-resolution networks).
    """

    def __init__(
        self,
        in_ch: int,
        out_ch: int,
        w_dim: int,
        resolution: int,
        img_ch: int,
        *,
        use_noise: bool = True,
        clamp: float | None = None,
        up: int = 2,
    ) -> None:
        super().__init__()
        self.in_ch, self.resolution, self.up = in_ch, resolution, up
        if in_ch == 0:
            self.const = nn.Parameter(fresh_normal(out_ch, resolution, resolution))
        else:
            self.conv0 = StyleConv(in_ch, out_ch, w_dim, resolution, up=up, use_noise=use_noise, clamp=clamp)
        self.conv1 = StyleConv(out_ch, out_ch, w_dim, resolution, use_noise=use_noise, clamp=clamp)
        self.torgb = ToRGB(out_ch, img_ch, w_dim, clamp=clamp)

    def forward(
        self,
        x: Tensor | None,
        img: Tensor | None,
        ws: tuple[Tensor, Tensor, Tensor],
        noise: str = "const",
        rng: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """ws: style of conv0, conv1 and torgb, each [B, D]; returns features and the running image."""
        if self.in_ch == 0:
            x = self.const.unsqueeze(0).expand(ws[1].shape[0], -1, -1, -1)
        else:
            assert x is not None
            x = self.conv0(x, ws[0], noise, rng)
        features: Tensor = self.conv1(x, ws[1], noise, rng)
        rgb: Tensor = self.torgb(features, ws[2])
        if img is None:
            return features, rgb
        return features, (upsample2(img) if self.up == 2 else img) + rgb


class SynthesisNetwork(nn.Module):
    """ws [B, L, D] → image or planes [B, img_ch, R, R].

    Slot k of a block as in StyleGAN2 (torgb shares the next conv0's).

    channels: widths of the blocks b4, b8, … where they follow another law than channel_base and channel_max.
    start: resolution of the learned constant. StyleGAN2 has 4; a larger one gives a shallow network that
        carries its fine spatial detail in the constant, which small fitted generators need (without noise
        maps nothing else there is sharp).
    """

    def __init__(
        self,
        w_dim: int,
        resolution: int,
        img_ch: int,
        *,
        channel_base: int = 32768,
        channel_max: int = 512,
        use_noise: bool = True,
        clamp: float | None = None,
        channels: Sequence[int] | None = None,
        start: int = 4,
    ) -> None:
        super().__init__()
        levels, first = int(math.log2(resolution)), int(math.log2(start))
        if resolution < 2 * start or 2**levels != resolution:
            raise ValueError(
                f"synthesis: expected a resolution that is a power of two ≥ {2 * start}, got {resolution}"
            )
        self.num_ws = 2 * (levels - first + 1)
        self.blocks = nn.ModuleList()
        in_ch = 0
        for k in range(first, levels + 1):
            out_ch = channels_at(2**k, channel_base, channel_max) if channels is None else channels[k - first]
            self.blocks.append(
                SynthesisBlock(in_ch, out_ch, w_dim, 2**k, img_ch, use_noise=use_noise, clamp=clamp)
            )
            in_ch = out_ch

    def forward(
        self,
        ws: Tensor,
        noise: str = "const",
        rng: torch.Generator | None = None,
        *,
        up_to: int | None = None,
    ) -> Tensor:
        """up_to: stop at the block of this resolution (progressive growing); None = all blocks."""
        x = img = None
        for k, block in enumerate(self.blocks):
            # block k uses slots 2k-1, 2k and 2k+1; the first block has no conv0
            styles = (ws[:, max(2 * k - 1, 0)], ws[:, 2 * k], ws[:, 2 * k + 1])
            x, img = block(x, img, styles, noise, rng)
            if block.resolution == up_to:
                break
        assert img is not None
        return img
