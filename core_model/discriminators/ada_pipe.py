"""Adaptive discriminator augmentation as EG3D, EpiGRAF and Mimic3D run it.

The `bgc` pipeline of StyleGAN2-ADA (Karras et al. 2020, arXiv 2006.06676, appendix B) with that program's order
of draws, padding and resampling. `augment.AdaAugment` is triscope's own reading of the paper: it leaves
untouched images bit for bit as they are and continues pictures by reflection as far as it takes. Here every
image goes through the resampling, also at p = 0, and what lies beyond one reflection is zero.

Images [B, C, H, W] in [-1, 1]; C a multiple of 3: each group of three is a view of the same image and gets the
same change. A geometry matrix takes places of the result to places of the image, in pixels from the centre.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.discriminators.augment import (
    SYM6,
    TAPS,
    AugmentSpec,
    bilinear,
    matrix_of,
    recolour,
    rotation,
    scaling,
    shift,
)
from core_model.ops.draw_source import DrawSource

MARGIN = TAPS // 4  # pixels around the result that its low-pass filter reaches
SHIFT = 0.125
SCALE_STD, BRIGHTNESS_STD, CONTRAST_STD, SATURATION_STD = 0.2, 0.2, 0.5, 1.0


class AdaPipe:
    """Changes images with probability p, which may exceed 1. spec: a change of strength 0 is not drawn."""

    def __init__(self, spec: AugmentSpec = AugmentSpec()) -> None:
        self.spec = spec

    def __call__(self, images: Tensor, p: float, draws: DrawSource) -> Tensor:
        """The same shape; values may leave [-1, 1]. Differentiable twice with respect to the images."""
        x = images if images.dtype == torch.float64 else images.float()
        geometry = self.geometry(x, p, draws)
        if geometry is not None:
            x = warp(x, geometry)
        colours = self.colours(x, p, draws)
        return x if colours is None else recolour(x, colours)

    def geometry(self, x: Tensor, p: float, draws: DrawSource) -> Tensor | None:
        """[B, 3, 3]; None where no such change is on."""
        spec, b, (height, width) = self.spec, x.shape[0], x.shape[2:]
        one = torch.ones(b, device=x.device)
        steps: list[Tensor] = []
        if spec.xflip:
            turn = (draws.uniform(b) * 2).floor()
            turn = _gated(turn, draws.uniform(b), spec.xflip * p)
            steps.append(scaling(1 - 2 * turn, one))
        if spec.quarter_turns:
            turn = (draws.uniform(b) * 4).floor()
            steps.append(rotation(_gated(turn, draws.uniform(b), spec.quarter_turns * p) * (math.pi / 2)))
        if spec.whole_shift:
            t = (draws.uniform(b, 2) * 2 - 1) * SHIFT
            t = _gated(t, draws.uniform(b, 1), spec.whole_shift * p)
            steps.append(shift(-(t[:, 0] * width).round(), -(t[:, 1] * height).round()))
        if spec.scale:
            size = _gated(draws.normal(b) * SCALE_STD, draws.uniform(b), spec.scale * p).exp2()
            steps.append(scaling(1 / size, 1 / size))
        # a rotation before and one after the uneven scaling; one of them happens with probability p
        once = 1.0 - math.sqrt(min(max(1.0 - spec.rotation * p, 0.0), 1.0))
        if spec.rotation:
            steps.append(self._turned(b, once, draws))
        if spec.anisotropy:
            size = _gated(draws.normal(b) * SCALE_STD, draws.uniform(b), spec.anisotropy * p).exp2()
            steps.append(scaling(1 / size, size))
        if spec.rotation:
            steps.append(self._turned(b, once, draws))
        if spec.part_shift:
            t = _gated(draws.normal(b, 2) * SHIFT, draws.uniform(b, 1), spec.part_shift * p)
            steps.append(shift(-t[:, 0] * width, -t[:, 1] * height))
        if not steps:
            return None
        to_image = torch.eye(3, device=x.device)
        for step in steps:
            to_image = to_image @ step.float()
        return to_image

    @staticmethod
    def _turned(b: int, probability: float, draws: DrawSource) -> Tensor:
        angle = (draws.uniform(b) * 2 - 1) * math.pi
        return rotation(_gated(angle, draws.uniform(b), probability))

    def colours(self, x: Tensor, p: float, draws: DrawSource) -> Tensor | None:
        """[B, 4, 4] on (r, g, b, 1); None where no such change is on."""
        spec, b = self.spec, x.shape[0]
        unit = torch.eye(4, device=x.device)
        grey = torch.tensor([1.0, 1.0, 1.0, 0.0], device=x.device) / math.sqrt(3.0)
        along = torch.outer(grey, grey)
        steps: list[Tensor] = []
        if spec.brightness:
            shift = _gated(draws.normal(b) * BRIGHTNESS_STD, draws.uniform(b), spec.brightness * p)
            steps.append(unit + shift[:, None, None] * torch.outer(unit[:, :3].sum(dim=1), unit[3]))
        if spec.contrast:
            factor = _gated(draws.normal(b) * CONTRAST_STD, draws.uniform(b), spec.contrast * p).exp2()
            steps.append(torch.diag_embed(torch.stack([factor, factor, factor, torch.ones_like(factor)], -1)))
        if spec.luma_flip:
            flip = (draws.uniform(b, 1, 1) * 2).floor()
            steps.append(unit - 2 * along * _gated(flip, draws.uniform(b, 1, 1), spec.luma_flip * p))
        if spec.hue:
            angle = (draws.uniform(b) * 2 - 1) * math.pi
            steps.append(_turn_about_grey(_gated(angle, draws.uniform(b), spec.hue * p)))
        if spec.saturation:
            factor = _gated(
                draws.normal(b, 1, 1) * SATURATION_STD, draws.uniform(b, 1, 1), spec.saturation * p
            ).exp2()
            steps.append(along + (unit - along) * factor)
        if not steps:
            return None
        matrix = unit.expand(b, 4, 4)
        for step in steps:
            matrix = step.float() @ matrix
        return matrix.to(x.dtype)


def _gated(value: Tensor, gate: Tensor, probability: float) -> Tensor:
    """The value where the gate's uniform number lies below the probability, else 0."""
    return torch.where(gate < probability, value, torch.zeros_like(value))


def _turn_about_grey(angle: Tensor) -> Tensor:
    """Rotations [B, 4, 4] by `angle` [B] about (1, 1, 1)."""
    n = 1.0 / math.sqrt(3.0)
    s, c = torch.sin(angle), torch.cos(angle)
    mixed = n * n * (1 - c)
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    return matrix_of(
        [
            [mixed + c, mixed - n * s, mixed + n * s, zero],
            [mixed + n * s, mixed + c, mixed - n * s, zero],
            [mixed - n * s, mixed + n * s, mixed + c, zero],
            [zero, zero, zero, one],
        ]
    )


def warp(x: Tensor, to_image: Tensor) -> Tensor:
    """x [B, C, H, W] through matrices [B, 3, 3] with the program's margins and filters."""
    b, c, h, w = x.shape
    cx, cy = (w - 1) / 2, (h - 1) / 2
    corners = to_image.new_tensor([[-cx, -cy, 1], [cx, -cy, 1], [cx, cy, 1], [-cx, cy, 1]])
    seen = (to_image @ corners.T)[:, :2].permute(1, 0, 2).flatten(1)  # [2, B·4]
    reach = torch.cat([-seen, seen]).amax(dim=1)
    reach = reach + reach.new_tensor([2 * MARGIN - cx, 2 * MARGIN - cy] * 2)
    left, top, right, bottom = (
        math.ceil(min(max(float(v), 0.0), most)) for v, most in zip(reach, (w - 1, h - 1) * 2, strict=True)
    )
    x = F.pad(x, (left, right, top, bottom), mode="reflect")
    scaled = lambda a, d: to_image.new_tensor([[a, 0, 0], [0, d, 0], [0, 0, 1]])
    moved = lambda a, d: to_image.new_tensor([[1, 0, a], [0, 1, d], [0, 0, 1]])
    g = moved((left - right) / 2, (top - bottom) / 2) @ to_image
    kernel = torch.tensor(SYM6, dtype=torch.float64)
    kernel = (kernel / kernel.sum()).to(x)
    x = _along_both(x, kernel * 2.0, up=True)
    g = scaled(2, 2) @ g @ scaled(0.5, 0.5)
    g = moved(-0.5, -0.5) @ g @ moved(0.5, 0.5)
    tall, wide = (h + 2 * MARGIN) * 2, (w + 2 * MARGIN) * 2
    g = scaled(2 / x.shape[3], 2 / x.shape[2]) @ g @ scaled(wide / 2, tall / 2)
    grid = F.affine_grid(g[:, :2].to(x.dtype), [b, c, tall, wide], align_corners=False)
    x = bilinear(x, grid, zeros=True, align_corners=False)
    return _along_both(x[:, :, 1:-1, 1:-1], kernel, up=False)


def _along_both(x: Tensor, kernel: Tensor, *, up: bool) -> Tensor:
    """Up: n → 2n pixels along both axes (zeros between, then filtered); down: filtered, every second kept."""
    c = x.shape[1]
    for axis in (2, 3):
        shape = (c, 1, TAPS, 1) if axis == 2 else (c, 1, 1, TAPS)
        stride = (2, 1) if axis == 2 else (1, 2)
        weight = kernel.reshape(1, 1, *shape[2:]).expand(shape)
        if up:
            padding = (TAPS // 2 - 1, 0) if axis == 2 else (0, TAPS // 2 - 1)
            x = F.conv_transpose2d(x, weight, stride=stride, padding=padding, groups=c)
        else:
            x = F.conv2d(x, weight, stride=stride, groups=c)
    return x
