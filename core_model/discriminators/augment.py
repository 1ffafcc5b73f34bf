"""Random changes of the images that a discriminator sees.

The `bgc` pipeline of adaptive discriminator augmentation. StyleGAN2-ADA (arXiv 2006.06676), appendix B: blits
(x-flip, quarter turns, whole-pixel shifts), general geometry (scales, rotations, shifts by fractions) and
colour. Every change happens to each image on its own with probability p. All geometry of an image is one 3×3
matrix and one resampling: up by two with an orthonormal low-pass wavelet (SYM6), bilinear lookup with the
image continued by reflection, down again with the same filter. All colour is one 4×4 matrix. An image to
which nothing happens comes out bit for bit, and so does every image at p = 0.

Conventions here: images [B, C, H, W] in [-1, 1], sRGB, C a multiple of 3 (each group of three is one view of
the same image and gets the same change) or 1. A geometry matrix maps places of the result to places of the
image, in pixels from the image centre, x right and y down. The result can be differentiated with respect to
the images twice (R1 goes through it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Scaling coefficients of the symlet with six vanishing moments (Daubechies, Ten Lectures on Wavelets, table
# 6.3): orthonormal to its own shifts by two, so going up and down again gives the image back exactly. Σ h =
# √2, Σ h² = 1.
SYM6 = (
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466, 0.787641141030194,
    0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148,
)  # fmt: skip
TAPS = len(SYM6)
CENTRE = sum(k * h for k, h in enumerate(SYM6)) / sum(SYM6)
"""Where the filter's mass lies: sample k of the doubled image shows place (k - CENTRE) / 2 of the image."""
_BORDER = 4  # pixels beyond the edge that are looked up directly; farther places are reflected first
_FIXED_SEED = 0


PIPES = {
    "b": ("xflip", "quarter_turns", "whole_shift"),
    "g": ("scale", "rotation", "anisotropy", "part_shift"),
    "c": ("brightness", "contrast", "luma_flip", "hue", "saturation"),
}
"""Changes by the letters of StyleGAN2-ADA's pipelines: blits, general geometry, colour."""


@dataclass(frozen=True)
class AugmentSpec:
    """Strength of each change: 1 = as published, 0 = off.

    The probability of a change is p times its strength.
    """

    xflip: float = 1.0
    quarter_turns: float = 1.0
    whole_shift: float = 1.0
    scale: float = 1.0
    rotation: float = 1.0
    anisotropy: float = 1.0
    part_shift: float = 1.0
    brightness: float = 1.0
    contrast: float = 1.0
    luma_flip: float = 1.0
    hue: float = 1.0
    saturation: float = 1.0

    @classmethod
    def of(cls, pipe: str, **others: float) -> AugmentSpec:
        """The changes of `bgc` or some of its letters; `others` are strengths that differ."""
        on = {name: 1.0 for letter in pipe for name in PIPES[letter]}
        return cls(**{**dict.fromkeys(cls.__dataclass_fields__, 0.0), **on, **others})


WHOLE_SHIFT = 0.125  # of the edge, at most
SCALE_STD = 0.2  # octaves
PART_SHIFT_STD = 0.125  # of the edge
BRIGHTNESS_STD = 0.2
CONTRAST_STD = 0.5  # octaves
SATURATION_STD = 1.0  # octaves


class AdaAugment(nn.Module):
    """Augments images with probability p.

    Draws depend on the generator alone, in the same number for every p.
    """

    def __init__(self, spec: AugmentSpec = AugmentSpec()) -> None:
        super().__init__()
        self.spec = spec

    def forward(self, images: Tensor, p: Tensor | float, rng: torch.Generator | None = None) -> Tensor:
        """images [B, C, H, W] in [-1, 1] → the same shape and type; p in [0, 1], a scalar.

        rng: where the changes are drawn; None draws the same ones at each call. Values may leave [-1, 1].
        """
        if images.ndim != 4 or (images.shape[1] != 1 and images.shape[1] % 3):
            raise ValueError(f"images [B, 3 n or 1, H, W] expected, got {list(images.shape)}")
        probability = (
            torch.as_tensor(p, dtype=torch.float32, device=images.device).reshape(()).clamp(0.0, 1.0)
        )
        draws = _Draws(images.shape[0], probability, images.device, rng)
        height, width = images.shape[2:]
        geometry, moved = geometry_matrices(self.spec, draws, width, height)
        colours, tinted = colour_matrices(self.spec, draws)
        with torch.autocast(images.device.type, enabled=False):
            x = images if images.dtype == torch.float64 else images.float()
            # Asking a GPU whether there is anything to do would make it wait.
            if moved.device.type != "cpu" or bool(moved.any()):
                x = torch.where(moved[:, None, None, None], resample(x, geometry.to(x.dtype)), x)
            if tinted.device.type != "cpu" or bool(tinted.any()):
                x = torch.where(tinted[:, None, None, None], recolour(x, colours.to(x.dtype)), x)
        return x.to(images.dtype)


class _Draws:
    """Random numbers [B] for one batch, always drawn, and whether each change happens to each image."""

    def __init__(self, batch: int, p: Tensor, device: torch.device, rng: torch.Generator | None) -> None:
        self.batch, self.p, self.device = batch, p, device
        self._rng = rng if rng is not None else torch.Generator(device=device).manual_seed(_FIXED_SEED)

    def uniform(self, low: float, high: float) -> Tensor:
        return (torch.rand(self.batch, generator=self._rng, device=self._rng.device) * (high - low) + low).to(
            self.device
        )

    def normal(self, std: float) -> Tensor:
        return (torch.randn(self.batch, generator=self._rng, device=self._rng.device) * std).to(self.device)

    def happens(self, probability: Tensor) -> Tensor:
        """[B] bool."""
        return self.uniform(0.0, 1.0) < probability


def geometry_matrices(spec: AugmentSpec, draws: _Draws, width: int, height: int) -> tuple[Tensor, Tensor]:
    """(matrices [B, 3, 3] from result to image, [B] bool: something happens).

    The paper builds the matrix that moves the image, each change applied after the ones before; here its
    inverse grows, so each change is inverted and multiplied from the right.
    """
    n, like = draws.batch, draws.p
    to_image = torch.eye(3, device=like.device).expand(n, 3, 3)
    moved = torch.zeros(n, dtype=torch.bool, device=like.device)

    def then(inverse: Tensor, happens: Tensor) -> None:
        nonlocal to_image, moved
        unchanged = torch.eye(3, device=like.device).expand(n, 3, 3)
        to_image = to_image @ torch.where(happens[:, None, None], inverse, unchanged)
        moved = moved | happens

    flip = draws.uniform(0.0, 1.0) < 0.5
    then(
        scaling(torch.where(flip, -1.0, 1.0), torch.ones_like(flip, dtype=torch.float32)),
        draws.happens(like * spec.xflip) & flip,
    )
    turns = draws.uniform(0.0, 4.0).floor().clamp(max=3.0)
    # A turned rectangle would not fit its frame.
    turning = spec.quarter_turns if width == height else 0.0
    then(_quarter_turns(turns), draws.happens(like * turning) & (turns > 0))
    shift_x = (draws.uniform(-WHOLE_SHIFT, WHOLE_SHIFT) * width).round()
    shift_y = (draws.uniform(-WHOLE_SHIFT, WHOLE_SHIFT) * height).round()
    then(shift(-shift_x, -shift_y), draws.happens(like * spec.whole_shift))
    size = torch.exp2(-draws.normal(SCALE_STD))
    then(scaling(size, size), draws.happens(like * spec.scale))
    # Rotations before and after the uneven scaling; together they happen with probability p.
    once = 1.0 - (1.0 - (like * spec.rotation).clamp(0.0, 1.0)).sqrt()
    then(rotation(draws.uniform(-math.pi, math.pi)), draws.happens(once))
    uneven = torch.exp2(-draws.normal(SCALE_STD))
    then(scaling(uneven, 1.0 / uneven), draws.happens(like * spec.anisotropy))
    then(rotation(draws.uniform(-math.pi, math.pi)), draws.happens(once))
    part_x, part_y = draws.normal(PART_SHIFT_STD) * width, draws.normal(PART_SHIFT_STD) * height
    then(shift(-part_x, -part_y), draws.happens(like * spec.part_shift))
    return to_image, moved


def colour_matrices(spec: AugmentSpec, draws: _Draws) -> tuple[Tensor, Tensor]:
    """(matrices [B, 4, 4] on (r, g, b, 1), [B] bool: something happens)."""
    n, device = draws.batch, draws.device
    unit = torch.eye(4, device=device)
    matrix = unit.expand(n, 4, 4)
    tinted = torch.zeros(n, dtype=torch.bool, device=device)
    luma = torch.tensor([1.0, 1.0, 1.0, 0.0], device=device) / math.sqrt(3.0)
    along = torch.outer(luma, luma)
    across = torch.diag(torch.tensor([1.0, 1.0, 1.0, 0.0], device=device)) - along
    last = torch.diag(torch.tensor([0.0, 0.0, 0.0, 1.0], device=device))

    def then(change: Tensor, happens: Tensor) -> None:
        nonlocal matrix, tinted
        matrix = torch.where(happens[:, None, None], change, unit) @ matrix
        tinted = tinted | happens

    brightness = draws.normal(BRIGHTNESS_STD)[:, None, None] * torch.outer(unit[:, :3].sum(1), unit[3])
    then(unit + brightness, draws.happens(draws.p * spec.brightness))
    contrast = torch.exp2(draws.normal(CONTRAST_STD))[:, None, None]
    then(contrast * (along + across) + last, draws.happens(draws.p * spec.contrast))
    flip = draws.uniform(0.0, 1.0) < 0.5
    then((unit - 2.0 * along).expand(n, 4, 4), draws.happens(draws.p * spec.luma_flip) & flip)
    then(_hue(draws.uniform(-math.pi, math.pi), along, across, last), draws.happens(draws.p * spec.hue))
    saturation = torch.exp2(draws.normal(SATURATION_STD))[:, None, None]
    then(along + saturation * across + last, draws.happens(draws.p * spec.saturation))
    return matrix, tinted


def _hue(angle: Tensor, along: Tensor, across: Tensor, last: Tensor) -> Tensor:
    """Turns by `angle` [B] about the grey axis."""
    third = 1.0 / math.sqrt(3.0)
    turn = angle.new_tensor(
        [
            [0.0, -third, third, 0.0],
            [third, 0.0, -third, 0.0],
            [-third, third, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0],
        ]
    )
    return along + torch.cos(angle)[:, None, None] * across + torch.sin(angle)[:, None, None] * turn + last


def recolour(x: Tensor, matrix: Tensor) -> Tensor:
    """x [B, C, H, W] through colour matrices [B, 4, 4].

    One channel takes the mean of the rows and columns.
    """
    b, c, h, w = x.shape
    linear, offset = matrix[:, :3, :3], matrix[:, :3, 3]
    if c == 1:
        linear, offset = linear.sum(dim=(1, 2), keepdim=True) / 3.0, offset.mean(dim=1, keepdim=True)
    flat = x.reshape(b, -1, linear.shape[-1], h * w)
    return (linear[:, None] @ flat + offset[:, None, :, None]).reshape(b, c, h, w)


def resample(x: Tensor, to_image: Tensor) -> Tensor:
    """x [B, C, H, W] resampled through matrices [B, 3, 3].

    The matrices map places of the result to places of x (pixels from the centre).
    """
    h, w = x.shape[2:]
    margin = _BORDER + TAPS // 2
    rows, columns = _mirrored(h, margin, x.device), _mirrored(w, margin, x.device)
    wide = x.index_select(2, rows).index_select(3, columns)
    kernel = torch.tensor(SYM6, dtype=x.dtype, device=x.device)
    doubled = _filter(wide, kernel, up=True)
    # Places of the samples from which the result's pixels are made, and of the same samples in `doubled`.
    k_x = torch.arange(2 * w + TAPS - 2, device=x.device, dtype=x.dtype)
    k_y = torch.arange(2 * h + TAPS - 2, device=x.device, dtype=x.dtype)
    place_y, place_x = torch.meshgrid(
        (k_y - CENTRE) / 2 - (h - 1) / 2, (k_x - CENTRE) / 2 - (w - 1) / 2, indexing="ij"
    )
    places = torch.stack([place_x, place_y, torch.ones_like(place_x)], dim=-1).reshape(-1, 3)
    seen = places @ to_image[:, :2].transpose(1, 2)
    seen_x = 2.0 * (_inside(seen[..., 0] + (w - 1) / 2, w) + margin) + CENTRE
    seen_y = 2.0 * (_inside(seen[..., 1] + (h - 1) / 2, h) + margin) + CENTRE
    size = seen.new_tensor([doubled.shape[3] - 1.0, doubled.shape[2] - 1.0])
    grid = torch.stack([seen_x, seen_y], dim=-1) * (2.0 / size) - 1.0
    looked_up = bilinear(doubled, grid.reshape(-1, k_y.numel(), k_x.numel(), 2))
    return _filter(looked_up, kernel, up=False)


def _inside(place: Tensor, size: int) -> Tensor:
    """Places in pixels, those beyond the border reflected into it.

    Mirrors stand at the image's edges, -½ and size - ½; a place is reflected as often as it takes.
    """
    folded = torch.remainder(place + 0.5, 2.0 * size)
    folded = torch.minimum(folded, 2.0 * size - folded) - 0.5
    near = (place >= -_BORDER) & (place <= size - 1 + _BORDER)
    return torch.where(near, place, folded)


def _mirrored(size: int, margin: int, device: torch.device) -> Tensor:
    """Indices [size + 2 margin] that continue a row of pixels by its mirror image."""
    place = torch.remainder(torch.arange(-margin, size + margin, device=device), 2 * size)
    return torch.where(place < size, place, 2 * size - 1 - place)


def _filter(x: Tensor, kernel: Tensor, *, up: bool) -> Tensor:
    """Up: n → 2 n + TAPS - 2 samples along both axes; down: its adjoint. The kernel is separable."""
    c = x.shape[1]
    for axis in (2, 3):
        shape = (c, 1, TAPS, 1) if axis == 2 else (c, 1, 1, TAPS)
        stride = (2, 1) if axis == 2 else (1, 2)
        weight = kernel.reshape(1, 1, *shape[2:]).expand(shape)
        run = F.conv_transpose2d if up else F.conv2d
        x = run(x, weight, stride=stride, groups=c)
    return x


def bilinear(x: Tensor, grid: Tensor, *, zeros: bool = False, align_corners: bool = True) -> Tensor:
    """x [B, C, H, W] at grid [B, h, w, 2], as `grid_sample` (bilinear; beyond the border its pixels, or zeros).

    Has derivatives of any order with respect to x, none with respect to the grid; torch's own has no second
    derivative.
    """
    return _Lookup.apply(x, grid, zeros, align_corners)  # type: ignore[no-any-return]


class _Lookup(torch.autograd.Function):
    """A linear map of x; its backward is the adjoint map, whose backward is this again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, grid: Tensor, zeros: bool, align_corners: bool) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.size, ctx.how = x.shape, (zeros, align_corners)
        padding = "zeros" if zeros else "border"
        return F.grid_sample(x, grid, mode="bilinear", padding_mode=padding, align_corners=align_corners)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, None, None, None]:
        (grid,) = ctx.saved_tensors
        back = _Scatter.apply(grads[0], grid, ctx.size, *ctx.how) if ctx.needs_input_grad[0] else None
        return back, None, None, None


class _Scatter(torch.autograd.Function):
    """The adjoint of `_Lookup`: values at the grid's places back onto the pixels that they came from."""

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, grid: Tensor, size: torch.Size, zeros: bool, align_corners: bool
    ) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.how = (zeros, align_corners)
        # Only the shape of the image matters to the gradient with respect to it.
        image = values.new_zeros(()).expand(size)
        out, _ = torch.ops.aten.grid_sampler_2d_backward(
            values.contiguous(), image, grid, 0, 0 if zeros else 1, align_corners, [True, False]
        )
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, None, None, None, None]:
        (grid,) = ctx.saved_tensors
        back = _Lookup.apply(grads[0], grid, *ctx.how) if ctx.needs_input_grad[0] else None
        return back, None, None, None, None


def matrix_of(rows: list[list[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def scaling(x: Tensor, y: Tensor) -> Tensor:
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return matrix_of([[x, zero, zero], [zero, y, zero], [zero, zero, one]])


def shift(x: Tensor, y: Tensor) -> Tensor:
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return matrix_of([[one, zero, x], [zero, one, y], [zero, zero, one]])


def rotation(angle: Tensor) -> Tensor:
    return _turn(torch.cos(angle), torch.sin(angle))


def _quarter_turns(count: Tensor) -> Tensor:
    """Exact: sines of 0, 1, 2, 3 quarter turns are whole numbers."""
    cosine = torch.where(count == 0, 1.0, torch.where(count == 2, -1.0, 0.0))
    sine = torch.where(count == 1, 1.0, torch.where(count == 3, -1.0, 0.0))
    return _turn(cosine, sine)


def _turn(cosine: Tensor, sine: Tensor) -> Tensor:
    zero, one = torch.zeros_like(cosine), torch.ones_like(cosine)
    return matrix_of([[cosine, -sine, zero], [sine, cosine, zero], [zero, zero, one]])
