"""EpiGRAF's discriminator of patches, which knows their scale, place, class and camera.

Skorokhodov et al. 2022, section 3.3. A small network makes of scale and place what every block multiplies the
inputs of its second convolution with; the label of the head holds them once more. (The paper multiplies the
outputs of every layer; the released program is followed.) Modules have the program's names, so that its
weights load as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core_model.discriminators.network import HALF_POWER
from core_model.discriminators.stylegan2 import CLAMP, ClampedConv, ConditionMapping, Epilogue, projected
from core_model.geometry.patches import Windows
from core_model.nn.layers import EqualLinear, fresh_normal
from core_model.nn.synthesis import channels_at
from core_model.ops.draw_source import DrawSource
from core_model.schema.errors import InputError

UNITS = 1000.0  # scale and offsets are told in thousandths
OCTAVES, TABLE = 10, 256
HYPER_DIM = 512
CAMERA_PERIOD, CAMERA_OCTAVES = 64.0, 6


def fourier_code(x: Tensor, octaves: int) -> Tensor:
    """x [B, N] → [B, N, 2·octaves]: sines, then cosines, of π·2^k·x / 2^octaves."""
    angles = x[..., None] * (math.pi * 2.0 ** torch.arange(octaves, device=x.device) / 2.0**octaves).to(x)
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=-1)


def wrapped(angles: Tensor) -> Tensor:
    """Yaw and pitch [B, 2] of angles [B, 3] as parts of a turn, sign kept."""
    a = angles[:, :2]
    return a.sign() * (a.abs() % (2 * math.pi)) / (2 * math.pi)


@dataclass(frozen=True)
class CameraCode:
    """How a network is told the camera. raw: two numbers instead of 24 sines and cosines. drop: probability
    with which each number is dropped while learning (the others grow by 1/(1 - drop)). noise: std that is
    added before, in stds of the batch.
    """

    raw: bool = False
    drop: float = 0.0
    noise: float = 0.0

    @property
    def width(self) -> int:
        return 2 if self.raw else 4 * CAMERA_OCTAVES

    def __call__(self, angles: Tensor, draws: DrawSource | None) -> Tensor:
        """angles [B, 3] → [B, width]; draws None: neither noise nor dropping."""
        if self.noise and draws is not None:
            seen = angles[:, :2]
            noise = draws.normal(*seen.shape) * seen.std(dim=0) * self.noise
            angles = torch.cat([seen + noise, angles[:, 2:]], dim=1)
        code = wrapped(angles)
        if not self.raw:
            code = fourier_code(code * CAMERA_PERIOD, CAMERA_OCTAVES).flatten(1)
        if self.drop and draws is not None:
            code = code * draws.keep(1.0 - self.drop, *code.shape) / (1.0 - self.drop)
        return code


class PlaceCode(nn.Module):
    """Windows → 828 numbers: per number of (scale, offsets) ten sines, ten cosines and a row of a learned table."""

    def __init__(self) -> None:
        super().__init__()
        self.const_embed = nn.Module()
        self.const_embed.weight = nn.Parameter(fresh_normal(int(UNITS) + 1, TABLE))

    @property
    def width(self) -> int:
        return 3 * (2 * OCTAVES + TABLE)

    def forward(self, windows: Windows) -> Tensor:
        """[B, 828]; the scale is the horizontal one."""
        x = torch.cat([windows.scales[:, :1], windows.offsets], dim=1) * UNITS
        table = self.const_embed.weight
        assert isinstance(table, Tensor)
        rows = table[x.round().long().clamp(0, len(table) - 1)]
        return torch.cat([fourier_code(x.to(table.dtype), OCTAVES), rows], dim=-1).flatten(1)


class HyperConv(ClampedConv):
    """A convolution whose input channels are first multiplied by 1 + tanh of an affine map of h."""

    def __init__(self, in_ch: int, out_ch: int, *, down: int, clamp: float | None) -> None:
        super().__init__(in_ch, out_ch, 3, down=down, gain=HALF_POWER, clamp=clamp)
        self.affine = EqualLinear(HYPER_DIM, in_ch)

    def factors(self, h: Tensor) -> Tensor:
        """h [B, 512] → [B, I] in (0, 2)."""
        return 1.0 + torch.tanh(self.affine(h))

    def hyper(self, x: Tensor, h: Tensor) -> Tensor:
        return self(x * self.factors(h).to(x.dtype)[:, :, None, None])


class PatchBlock(nn.Module):
    """A residual block; down = 1 keeps the size. Every block has a fromrgb; only the first one's is used."""

    def __init__(
        self, in_ch: int, out_ch: int, colours: int, *, down: int, hyper: bool, clamp: float | None
    ) -> None:
        super().__init__()
        self.fromrgb = ClampedConv(colours, in_ch, 1, clamp=clamp)
        self.conv0 = ClampedConv(in_ch, in_ch, 3, clamp=clamp)
        self.conv1: ClampedConv = (
            HyperConv(in_ch, out_ch, down=down, clamp=clamp)
            if hyper
            else ClampedConv(in_ch, out_ch, 3, down=down, gain=HALF_POWER, clamp=clamp)
        )
        self.skip = ClampedConv(in_ch, out_ch, 1, down=down, activate=False, gain=HALF_POWER)

    def forward(self, x: Tensor, h: Tensor | None) -> Tensor:
        y = self.conv0(x)
        z = self.conv1.hyper(y, h) if isinstance(self.conv1, HyperConv) and h is not None else self.conv1(y)
        return self.skip(x) + z


class PatchDiscriminator(nn.Module):
    """Patches [B, C, r, r] with windows, class labels and cameras → logits [B].

    resolution: of the whole pictures, R. patch: r. The first log2(R / r) blocks keep the size; widths go by
    the nominal resolutions R … 4. placed: the head's label holds scale and place. hyper: blocks are modulated
    by them. classes: width of the class label. camera: how the head is told the camera; None = not at all.
    """

    def __init__(
        self,
        resolution: int,
        patch: int,
        *,
        colours: int = 3,
        classes: int = 0,
        camera: CameraCode | None = None,
        placed: bool = True,
        hyper: bool = True,
        channel_base: int = 16384,
        channel_max: int = 512,
        label_layers: int = 2,
        std_group: int | None = 4,
        std_channels: int = 1,
        clamp: float | None = CLAMP,
    ) -> None:
        super().__init__()
        levels, kept = round(math.log2(resolution)), round(math.log2(resolution / patch))
        if 2**levels != resolution or patch * 2**kept != resolution or patch < 8 or kept < 0:
            raise InputError(
                what="bad sizes of a patch discriminator",
                expected="powers of two, patches of 8 pixels or more",
                got=f"patches of {patch} in pictures of {resolution}",
            )
        width = lambda k: channels_at(2**k, channel_base, channel_max)
        self.patch, self.classes, self.camera = patch, classes, camera
        self.sizes = [2**k for k in range(levels, 2, -1)]
        self.scalar_enc = PlaceCode() if placed or hyper else None
        self.placed = placed
        self.hyper_mod_mapping = (
            ConditionMapping(self.scalar_enc.width, HYPER_DIM, 2)
            if hyper and self.scalar_enc is not None
            else None
        )
        for number, k in enumerate(range(levels, 2, -1)):
            down = 1 if number < kept else 2
            block = PatchBlock(width(k), width(k - 1), colours, down=down, hyper=hyper, clamp=clamp)
            self.add_module(f"b{2**k}", block)
        label = classes + (camera.width if camera is not None else 0)
        label += self.scalar_enc.width if placed and self.scalar_enc is not None else 0
        self.head_mapping = ConditionMapping(label, width(2), label_layers) if label else None
        # the last block leaves patch / 2^(levels - 2 - kept) = 4 pixels
        self.b4 = Epilogue(
            width(2), width(2) if label else 1, std_group=std_group, std_channels=std_channels, clamp=clamp
        )

    def forward(
        self,
        patches: Tensor,
        windows: Windows,
        *,
        classes: Tensor | None = None,
        angles: Tensor | None = None,
        draws: DrawSource | None = None,
    ) -> Tensor:
        """classes [B, classes]; angles [B, 3]; draws: of the camera's noise and dropping, None = evaluation."""
        code = None if self.scalar_enc is None else self.scalar_enc(windows)
        h = None
        if self.hyper_mod_mapping is not None:
            assert code is not None
            h = self.hyper_mod_mapping(code)
        first = self.get_submodule(f"b{self.sizes[0]}")
        assert isinstance(first, PatchBlock)
        x = first.fromrgb(patches)
        for size in self.sizes:
            x = self.get_submodule(f"b{size}")(x, h)
        kind = patches.device.type
        with nullcontext() if kind == "meta" else torch.autocast(kind, enabled=False):
            x = self.b4(x if x.dtype == torch.float64 else x.float())
            if self.head_mapping is None:
                return x[:, 0]
            parts = [] if classes is None or not self.classes else [classes.to(x.dtype)]
            if self.placed and code is not None:
                parts.append(code)
            if self.camera is not None:
                assert angles is not None
                parts.append(self.camera(angles, draws).to(x.dtype))
            return projected(x, self.head_mapping(torch.cat(parts, dim=1)))[:, 0]


class BandedDiscriminator(nn.Module):
    """Several patch discriminators, each for an equal part of the scales from `smallest` to `largest`.

    The paper's ablation of table 2 (there by grouped convolutions): every network computes every patch, and a patch
    has the logit of the one whose part its scale lies in.
    """

    def __init__(self, each: Sequence[PatchDiscriminator], smallest: float, largest: float) -> None:
        super().__init__()
        self.each = nn.ModuleList(each)
        self.smallest, self.span = smallest, largest - smallest

    def band(self, windows: Windows) -> Tensor:
        """Which network judges [B], int64."""
        share = (windows.scales[:, 0] - self.smallest) / max(self.span, 1e-9)
        return (share * len(self.each)).long().clamp(0, len(self.each) - 1)

    def forward(
        self,
        patches: Tensor,
        windows: Windows,
        *,
        classes: Tensor | None = None,
        angles: Tensor | None = None,
        draws: DrawSource | None = None,
    ) -> Tensor:
        """As `PatchDiscriminator`: logits [B]."""
        told = {"classes": classes, "angles": angles, "draws": draws}
        logits = torch.stack([network(patches, windows, **told) for network in self.each])
        return logits.gather(0, self.band(windows)[None])[0]
