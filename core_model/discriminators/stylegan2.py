"""The discriminators of StyleGAN2's descendants as EG3D and Mimic3D train them.

Karras et al. 2020; EG3D (Chan et al. 2022), section 4.2. They differ from `network.Discriminator`: outputs of
convolutions are bounded, the label's embedding is as wide as the features at 4², groups of the minibatch
standard deviation are never shrunk. Modules have the names of the published program, so that its weights
load as they are.
"""

from __future__ import annotations

import math
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.discriminators.network import HALF_POWER, LABEL_LR, minibatch_std
from core_model.nn.layers import SQRT2, EqualLinear, fresh_normal, second_moment_norm
from core_model.nn.synthesis import channels_at
from core_model.ops.resample import downsample2, fir
from core_model.schema.errors import InputError

CLAMP = 256.0
"""Bound of convolution outputs wherever the program's discriminator has half-precision layers (its default)."""


class ClampedConv(nn.Module):
    """k×k convolution with equalised rate, √2·lrelu and a bound on the output.

    down = 2 filters with [1, 3, 3, 1] before it strides. Without activation there are no bias and no bound
    (the skip of a residual block). gain scales output and bound.
    """

    def __init__(
        self,
        in_ch: int,
        out_ch: int,
        kernel: int,
        *,
        down: int = 1,
        activate: bool = True,
        gain: float = 1.0,
        clamp: float | None = CLAMP,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(fresh_normal(out_ch, in_ch, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_ch)) if activate else None
        self.weight_gain = 1.0 / math.sqrt(in_ch * kernel * kernel)
        self.kernel, self.down, self.gain = kernel, down, gain
        self.clamp = clamp * gain if clamp is not None and activate else None

    def forward(self, x: Tensor) -> Tensor:
        """[B, I, H, W] → [B, O, H / down, W / down]."""
        own = self.weight_gain if self.bias is not None else self.weight_gain * self.gain
        w = (self.weight * own).to(x.dtype)
        bias = None if self.bias is None else self.bias.to(x.dtype)
        if self.down == 1:
            y = F.conv2d(x, w, bias, padding=self.kernel // 2)
        elif self.kernel == 1:
            y = F.conv2d(downsample2(x), w, bias)
        else:
            y = F.conv2d(fir(x, 2, 2), w, bias, stride=2)
        if bias is None:
            return y
        y = F.leaky_relu(y, 0.2) * (SQRT2 * self.gain)
        return y if self.clamp is None else y.clamp(-self.clamp, self.clamp)


class Block(nn.Module):
    """fromrgb in the first block, then (3×3, 3×3 down) + (1×1 down), each scaled by √½."""

    def __init__(
        self, in_ch: int, out_ch: int, image_channels: int, *, first: bool, clamp: float | None
    ) -> None:
        super().__init__()
        self.fromrgb = ClampedConv(image_channels, in_ch, 1, clamp=clamp) if first else None
        self.conv0 = ClampedConv(in_ch, in_ch, 3, clamp=clamp)
        self.conv1 = ClampedConv(in_ch, out_ch, 3, down=2, gain=HALF_POWER, clamp=clamp)
        self.skip = ClampedConv(in_ch, out_ch, 1, down=2, activate=False, gain=HALF_POWER)

    def forward(self, x: Tensor) -> Tensor:
        if self.fromrgb is not None:
            x = self.fromrgb(x)
        return self.skip(x) + self.conv1(self.conv0(x))


class Epilogue(nn.Module):
    """Features at 4² with their minibatch standard deviation → `out_dim` numbers."""

    def __init__(
        self,
        channels: int,
        out_dim: int,
        *,
        std_group: int | None = 4,
        std_channels: int = 1,
        clamp: float | None = CLAMP,
    ) -> None:
        super().__init__()
        self.std_group, self.std_channels = std_group, std_channels
        self.conv = ClampedConv(channels + std_channels, channels, 3, clamp=clamp)
        self.fc = EqualLinear(channels * 16, channels, activate=True)
        self.out = EqualLinear(channels, out_dim)

    def forward(self, x: Tensor) -> Tensor:
        if self.std_channels:
            group = strided_group(x.shape[0], self.std_group)
            x = minibatch_std(x, group, self.std_channels)
        return self.out(self.fc(self.conv(x).flatten(1)))


def strided_group(batch: int, group: int | None) -> int:
    """Samples in each group of the minibatch standard deviation: at most `group`, which must divide the batch."""
    size = batch if group is None else min(group, batch)
    if batch % size:
        raise InputError(
            what="micro-batch that the groups of the minibatch standard deviation do not divide",
            where="discriminator",
            expected=f"a multiple of {size}",
            got=str(batch),
        )
    return size


class ConditionMapping(nn.Module):
    """Label [B, L] → embedding [B, D]: embedding, normalisation, `layers` layers with the rate × 0.01."""

    def __init__(self, label_dim: int, dim: int, layers: int, lr_mul: float = LABEL_LR) -> None:
        super().__init__()
        self.embed = EqualLinear(label_dim, dim)
        self.depth = layers
        for k in range(layers):
            self.add_module(f"fc{k}", EqualLinear(dim, dim, lr_mul=lr_mul, activate=True))

    def forward(self, label: Tensor) -> Tensor:
        x = second_moment_norm(self.embed(label if label.dtype == torch.float64 else label.float()))
        for k in range(self.depth):
            x = self.get_submodule(f"fc{k}")(x)
        return x


class ImageDiscriminator(nn.Module):
    """Images [B, image_channels, R, R] and, where label_dim is not 0, labels [B, L] → logits [B, 1].

    clamp: bound of convolution outputs; None = none.
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
        label_width: int | None = None,
        std_group: int | None = 4,
        std_channels: int = 1,
        clamp: float | None = CLAMP,
    ) -> None:
        super().__init__()
        levels = round(math.log2(resolution))
        if resolution < 8 or 2**levels != resolution:
            raise InputError(
                what="bad size of what a discriminator sees",
                expected="a power of two from 8",
                got=str(resolution),
            )
        width = lambda k: channels_at(2**k, channel_base, channel_max)
        self.resolution, self.image_channels, self.label_dim = resolution, image_channels, label_dim
        self.sizes = [2**k for k in range(levels, 2, -1)]
        for k in range(levels, 2, -1):
            first = k == levels
            block = Block(width(k), width(k - 1), image_channels, first=first, clamp=clamp)
            self.add_module(f"b{2**k}", block)
        embedding = (width(2) if label_width is None else label_width) if label_dim else 0
        self.b4 = Epilogue(
            width(2), embedding or 1, std_group=std_group, std_channels=std_channels, clamp=clamp
        )
        self.mapping = ConditionMapping(label_dim, embedding, label_layers) if label_dim else None

    def forward(self, images: Tensor, label: Tensor | None = None) -> Tensor:
        x = images
        for size in self.sizes:
            x = self.get_submodule(f"b{size}")(x)
        # the last layers are cheap and their sums decide: never in half precision
        kind = images.device.type
        with nullcontext() if kind == "meta" else torch.autocast(kind, enabled=False):
            x = self.b4(x if x.dtype == torch.float64 else x.float())
            return x if self.mapping is None else projected(x, self.embedding(label))

    def embedding(self, label: Tensor | None) -> Tensor:
        """The label as the logits are projected on it [B, D]."""
        if label is None or self.mapping is None:
            raise ValueError(f"discriminator: expected labels [B, {self.label_dim}], got none")
        return self.mapping(label)


def projected(x: Tensor, embedding: Tensor) -> Tensor:
    """Logits [B, 1]: the dot product of the image's and the label's embeddings / √D."""
    return (x * embedding).sum(dim=1, keepdim=True) / math.sqrt(embedding.shape[1])


class DualDiscriminator(ImageDiscriminator):
    """Sees a picture and, stretched to its size, the raw render of the same scene: 6 channels."""

    def __init__(self, resolution: int, *, colours: int = 3, **settings: object) -> None:
        super().__init__(resolution, image_channels=2 * colours, **settings)  # type: ignore[arg-type]

    def judge(self, image: Tensor, raw: Tensor, label: Tensor | None) -> Tensor:
        """image [B, 3, R, R] and raw [B, 3, r, r] → logits [B, 1]."""
        return self(torch.cat([image, resized(raw, image.shape[-1])], dim=1), label)


def resized(images: Tensor, size: int) -> Tensor:
    """Bilinear with low-pass filter to [B, C, size, size], as raw renders are brought to the picture's size
    and pictures to theirs. Also where the size stays, as in the program (the same numbers to rounding).
    """
    return F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False, antialias=True)


def noisy_label(label: Tensor, strength: float, noise: Tensor) -> Tensor:
    """label [B, L] + noise · std over the batch · strength (EG3D's `disc_c_noise`); noise [B, L] is N(0, 1).

    The program changes the caller's labels in place, so that noise adds up where labels are used again: keep
    what is returned for that.
    """
    return label + noise * label.std(dim=0) * strength
