"""StyleGAN2's residual discriminator with minibatch standard deviation and label projection.

Karras et al. 2020; EG3D (Chan et al. 2022), section 4.2. Images [B, C, R, R] in [-1, 1]; the camera label
[B, 25] enters by projection: the logit is the dot product of the image's and the label's embedding. All
operations have second derivatives, which R1 needs.
"""

from __future__ import annotations

import math
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.nn.layers import SQRT2, EqualLinear, second_moment_norm
from core_model.nn.synthesis import channels_at
from core_model.ops.resample import downsample2, fir

HALF_POWER = math.sqrt(0.5)
LABEL_LR = 0.01


class EqualConv(nn.Module):
    """k×k convolution with equalised rate; down = 2 filters with [1, 3, 3, 1] before it strides.

    activate: bias and √2·lrelu. gain scales the output. Without activation there is no bias (the skip of a
    residual block).
    """

    def __init__(
        self, in_ch: int, out_ch: int, kernel: int, *, down: int = 1, activate: bool = True, gain: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_ch, in_ch, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_ch)) if activate else None
        self.weight_gain = 1.0 / math.sqrt(in_ch * kernel * kernel)
        self.kernel, self.down, self.gain = kernel, down, gain

    def forward(self, x: Tensor) -> Tensor:
        """[B, I, H, W] → [B, O, H / down, W / down]."""
        w = (self.weight * (self.weight_gain if self.bias is not None else self.weight_gain * self.gain)).to(
            x.dtype
        )
        if self.down == 1:
            y = F.conv2d(x, w, None if self.bias is None else self.bias.to(x.dtype), padding=self.kernel // 2)
        elif self.kernel == 1:
            y = F.conv2d(downsample2(x), w, None if self.bias is None else self.bias.to(x.dtype))
        else:
            y = F.conv2d(fir(x, 2, 2), w, None if self.bias is None else self.bias.to(x.dtype), stride=2)
        if self.bias is None:
            return y
        return F.leaky_relu(y, 0.2) * (SQRT2 * self.gain)


class ResidualBlock(nn.Module):
    """(3×3, 3×3 down) + (1×1 down), each scaled by √½ so that the sum keeps its variance."""

    def __init__(self, in_ch: int, out_ch: int) -> None:
        super().__init__()
        self.conv0 = EqualConv(in_ch, in_ch, 3)
        self.conv1 = EqualConv(in_ch, out_ch, 3, down=2, gain=HALF_POWER)
        self.skip = EqualConv(in_ch, out_ch, 1, down=2, activate=False, gain=HALF_POWER)

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.conv1(self.conv0(x))


def minibatch_std(x: Tensor, group: int, channels: int) -> Tensor:
    """x [B, C, H, W] → [B, C + channels, H, W]: appends the standard deviation over groups of images.

    Karras et al. 2018. Image i belongs to group i mod (B / group), as in StyleGAN2, so ranks that take every
    w-th image make the groups of one rank. Groups shrink to a divisor of B.
    """
    b, c, h, w = x.shape
    size = math.gcd(group, b)
    wide = x if x.dtype == torch.float64 else x.float()
    y = wide.reshape(size, -1, channels, c // channels, h, w)
    y = (y - y.mean(dim=0)).square().mean(dim=0)
    y = (y + 1e-8).sqrt().mean(dim=(2, 3, 4))
    y = y.reshape(-1, channels, 1, 1).repeat(size, 1, h, w)
    return torch.cat([x, y.to(x.dtype)], dim=1)


class LabelEmbedding(nn.Module):
    """Camera label [B, L] → embedding [B, D].

    Embedding, normalisation, fully connected layers with learning-rate multiplier 0.01.
    """

    def __init__(self, label_dim: int, dim: int, layers: int) -> None:
        super().__init__()
        self.embed = EqualLinear(label_dim, dim)
        self.layers = nn.ModuleList(
            EqualLinear(dim, dim, lr_mul=LABEL_LR, activate=True) for _ in range(layers)
        )

    def forward(self, label: Tensor) -> Tensor:
        x = second_moment_norm(self.embed(label.float()))
        for layer in self.layers:
            x = layer(x)
        return x


class Discriminator(nn.Module):
    """Images [B, image_channels, R, R] and labels [B, L] → logits [B].

    resolution: R, a power of two from 8. label_dim 0 = images are judged alone. std_group, std_channels: of
    `minibatch_std`.
    """

    def __init__(
        self,
        resolution: int,
        *,
        image_channels: int = 3,
        label_dim: int = 25,
        channel_base: int = 32768,
        channel_max: int = 512,
        label_layers: int = 8,
        std_group: int = 4,
        std_channels: int = 1,
    ) -> None:
        super().__init__()
        levels = int(math.log2(resolution))
        if resolution < 8 or 2**levels != resolution:
            raise ValueError(
                f"discriminator: expected a resolution that is a power of two ≥ 8, got {resolution}"
            )
        width = lambda k: channels_at(2**k, channel_base, channel_max)
        self.resolution, self.image_channels = resolution, image_channels
        self.std_group, self.std_channels = std_group, std_channels
        self.from_image = EqualConv(image_channels, width(levels), 1)
        self.blocks = nn.ModuleList(ResidualBlock(width(k), width(k - 1)) for k in range(levels, 2, -1))
        top = width(2)
        if std_channels and top % std_channels:
            raise ValueError(f"discriminator: std_channels must divide {top}, got {std_channels}")
        embedding = channel_max if label_dim else 1
        self.conv = EqualConv(top + std_channels, top, 3)
        self.fc = EqualLinear(top * 16, top, activate=True)
        self.out = EqualLinear(top, embedding)
        self.label = LabelEmbedding(label_dim, embedding, label_layers) if label_dim else None

    def forward(self, images: Tensor, label: Tensor | None = None) -> Tensor:
        """Logits [B] float32."""
        if images.shape[1:] != (self.image_channels, self.resolution, self.resolution):
            expected = f"[B, {self.image_channels}, {self.resolution}, {self.resolution}]"
            raise ValueError(f"discriminator: expected images {expected}, got {list(images.shape)}")
        x = self.from_image(images)
        for block in self.blocks:
            x = block(x)
        # the last layers are cheap and their sums decide: never in half precision
        kind = images.device.type
        with nullcontext() if kind == "meta" else torch.autocast(kind, enabled=False):
            return self._logits(x.float() if x.dtype != torch.float64 else x, label)

    def _logits(self, x: Tensor, label: Tensor | None) -> Tensor:
        if self.std_channels:
            x = minibatch_std(x, self.std_group, self.std_channels)
        x = self.out(self.fc(self.conv(x).flatten(1)))
        if self.label is None:
            return x[:, 0]
        if label is None:
            raise ValueError("discriminator: expected camera labels, got none")
        return (x * self.label(label)).sum(dim=1) / math.sqrt(x.shape[1])
