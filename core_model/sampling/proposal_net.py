"""The proposal network of WYSIWYG (supplement, Table A5): low-resolution ray distributions → high-resolution
ones.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ProposalNetwork(nn.Module):
    """Input: probe weights P [B, K, h, w], probe image I [B, 3, h, w], view directions φ [B, 3, h, w].

    Output: log-probabilities over K bins [B, K, H, W] with H = h·2^ups. Table A5 has K = 191, 256 channels
    and two doublings.
    """

    def __init__(self, bins: int, channels: int, ups: int = 2) -> None:
        super().__init__()
        self.bins, self.ups = bins, ups
        conv = lambda i, o: nn.Conv2d(i, o, 3, padding=1)
        self.trunk = nn.ModuleList(
            [conv(bins + 6, channels)] + [conv(channels, channels) for _ in range(3)]
        )  # rows 2 to 5
        # rows 6 to 8 and 9: a convolution, doubling, two more; the last doubling goes straight to row 10
        self.up_first = conv(channels, channels) if ups >= 1 else None
        self.mid = (
            nn.ModuleList([conv(channels, channels) for _ in range(2)]) if ups >= 2 else nn.ModuleList()
        )
        self.up_second = conv(channels, channels) if ups >= 2 else None
        self.to_bins = conv(channels, bins)  # row 10
        self.tail = nn.ModuleList(
            [conv(bins, channels)] + [conv(channels, channels) for _ in range(2)]
        )  # rows 12 to 14
        self.head = conv(channels, bins)  # row 15

    def forward(self, weights: Tensor, image: Tensor, dirs: Tensor) -> Tensor:
        """Log p̂; `exp` of it sums to 1 over the bins."""
        x = torch.cat([weights, image, dirs], dim=1)
        for layer in self.trunk:
            x = F.relu(layer(x))
        if self.up_first is not None:
            x = _double(F.relu(self.up_first(x)))
        for layer in self.mid:
            x = F.relu(layer(x))
        if self.up_second is not None:
            x = _double(F.relu(self.up_second(x)))
        x = self.to_bins(x)
        x = x + F.interpolate(
            weights, size=x.shape[-2:], mode="bilinear", align_corners=False
        )  # rows 11 and 12
        for layer in self.tail:
            x = F.relu(layer(x))
        # bins last while they are summed over: several times faster on CPUs, and what the samplers read
        # afterwards
        last = self.head(x).permute(0, 2, 3, 1).contiguous()
        return F.log_softmax(last, dim=-1).permute(0, 3, 1, 2)


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
