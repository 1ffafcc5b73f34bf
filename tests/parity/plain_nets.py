"""The networks of EG3D, EpiGRAF and Mimic3D evaluated plainly, in double precision, from their written
description alone.

Second opinion for the parity tests: nothing of `core_model` is used. Weights are scaled sample by sample,
upsampling inserts zeros and filters; whatever the product does to be fast is not done here. `sd` is the state
dict under the original names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

State = Mapping[str, Tensor]
# in size, whether each block doubles, whether only smaller inputs are resized, whether the resize may be
# antialiased
SUPERRES: dict[str, tuple[int, tuple[bool, ...], bool, bool]] = {
    "SuperresolutionHybrid8XDC": (128, (True, True), False, True),
    "SuperresolutionHybrid8X": (128, (True, True), False, True),
    "SuperresolutionHybrid4X": (128, (False, True), True, True),
    "SuperresolutionHybridDeepfp32": (128, (False, True), True, False),
    "SuperresolutionHybrid2X": (64, (False, True), False, True),
    "SuperresolutionHybrid16XDC": (128, (True, True, True), False, True),
}


def lrelu(x: Tensor, slope: float = 0.2) -> Tensor:
    return torch.where(x >= 0, x, slope * x)


def fc(sd: State, name: str, x: Tensor, *, m: float = 1.0, active: bool = False) -> Tensor:
    """Equalised linear layer; m: learning-rate multiplier."""
    w = sd[f"{name}.weight"]
    y = x @ (w * (m / math.sqrt(w.shape[1]))).T + m * sd[f"{name}.bias"]
    return math.sqrt(2) * lrelu(y) if active else y


def second_moment(x: Tensor) -> Tensor:
    return x / torch.sqrt((x * x).mean(dim=-1, keepdim=True) + 1e-8)


def mapped(sd: State, prefix: str, z: Tensor, c: Tensor | None) -> Tensor:
    """z [1, Z], label [1, C] or None → w [1, W]."""
    x = second_moment(z)
    if c is not None:
        x = torch.cat([x, second_moment(fc(sd, f"{prefix}embed", c))], dim=1)
    layer = 0
    while f"{prefix}fc{layer}.weight" in sd:
        x = fc(sd, f"{prefix}fc{layer}", x, m=0.01, active=True)
        layer += 1
    return x


def truncated(w: Tensor, centre: Tensor, slots: int, psi: float, cutoff: int | None) -> Tensor:
    """w [1, W] → ws [1, slots, W]."""
    ws = torch.stack([w] * slots, dim=1)
    for k in range(slots if cutoff is None else min(cutoff, slots)):
        ws[:, k] = centre + psi * (w - centre)
    return ws


def filtered(x: Tensor, before: int, after: int, gain: float) -> Tensor:
    """Zero padding, then the [1, 3, 3, 1] filter on both axes."""
    k = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype) / 8
    x = F.pad(x, (before, after, before, after))
    rows = sum(k[i] * x[:, :, i : x.shape[2] - 3 + i] for i in range(4))
    assert isinstance(rows, Tensor)
    out = sum(k[i] * rows[..., i : x.shape[3] - 3 + i] for i in range(4))
    assert isinstance(out, Tensor)
    return gain * out


def doubled(x: Tensor) -> Tensor:
    """Twice the size: a zero after every pixel, then the filter."""
    b, c, h, w = x.shape
    out = x.new_zeros(b, c, 2 * h, 2 * w)
    out[:, :, ::2, ::2] = x
    return filtered(out, 2, 1, 4.0)


def modulated(x: Tensor, weight: Tensor, styles: Tensor, *, up: bool, demodulate: bool) -> Tensor:
    """Each sample with a kernel of its own."""
    out = []
    for sample, style in zip(x, styles, strict=True):
        w = weight * style[None, :, None, None]
        if demodulate:
            w = w / torch.sqrt((w * w).sum(dim=(1, 2, 3), keepdim=True) + 1e-8)
        if not up:
            out.append(F.conv2d(sample[None], w, padding=w.shape[-1] // 2))
            continue
        c, h, width = sample.shape
        spread = sample.new_zeros(1, c, 2 * h - 1, 2 * width - 1)
        spread[0, :, ::2, ::2] = sample
        full = F.conv2d(F.pad(spread, (2, 2, 2, 2)), w.flip(2, 3))  # a true convolution, all of it
        out.append(filtered(full, 1, 1, 4.0))
    return torch.cat(out)


def style_conv(
    sd: State, name: str, x: Tensor, styles: Tensor, *, up: bool, noise: str, clamp: float | None
) -> Tensor:
    y = modulated(x, sd[f"{name}.weight"], styles, up=up, demodulate=True)
    if noise == "const" and f"{name}.noise_const" in sd:
        y = y + sd[f"{name}.noise_const"] * sd[f"{name}.noise_strength"]
    y = math.sqrt(2) * lrelu(y + sd[f"{name}.bias"][None, :, None, None])
    return y if clamp is None else y.clamp(-clamp, clamp)


def to_rgb(sd: State, name: str, x: Tensor, styles: Tensor, *, width: int, clamp: float | None) -> Tensor:
    y = modulated(x, sd[f"{name}.weight"], styles / math.sqrt(width), up=False, demodulate=False)
    y = y + sd[f"{name}.bias"][None, :, None, None]
    return y if clamp is None else y.clamp(-clamp, clamp)


def block(
    sd: State,
    name: str,
    x: Tensor | None,
    img: Tensor | None,
    ws: tuple[Tensor, ...],
    *,
    up: bool,
    noise: str,
    clamp: float | None,
) -> tuple[Tensor, Tensor]:
    """ws: styles of conv0, conv1, torgb, each [1, W]."""
    if x is None:
        const = sd[f"{name}.const"]
        x = const.reshape(1, *const.shape[-3:])
    else:
        x = style_conv(
            sd, f"{name}.conv0", x, fc(sd, f"{name}.conv0.affine", ws[0]), up=up, noise=noise, clamp=clamp
        )
    x = style_conv(
        sd, f"{name}.conv1", x, fc(sd, f"{name}.conv1.affine", ws[1]), up=False, noise=noise, clamp=clamp
    )
    rgb = to_rgb(sd, f"{name}.torgb", x, fc(sd, f"{name}.torgb.affine", ws[2]), width=x.shape[1], clamp=clamp)
    if img is None:
        return x, rgb
    return x, (doubled(img) if up else img) + rgb


def synthesis(
    sd: State, prefix: str, ws: Tensor, size: int, *, noise: str = "const", clamp: float | None = None
) -> Tensor:
    """ws [1, L, W] → picture [1, C, size, size]."""
    x = img = None
    for k, r in enumerate(4 << i for i in range(int(math.log2(size)) - 1)):
        styles = (ws[:, max(2 * k - 1, 0)], ws[:, 2 * k], ws[:, 2 * k + 1])
        x, img = block(sd, f"{prefix}b{r}", x, img, styles, up=True, noise=noise, clamp=clamp)
    assert img is not None
    return img


def superres(
    sd: State,
    name: str,
    rgb: Tensor,
    features: Tensor,
    w: Tensor,
    *,
    antialias: bool,
    noise: str,
    clamp: float | None,
) -> Tensor:
    """The final picture of one of the super-resolution networks; w [1, 512]."""
    size, ups, grow_only, may = SUPERRES[name]
    if rgb.shape[-1] < size or (not grow_only and rgb.shape[-1] != size):
        rgb, features = (
            F.interpolate(
                v, size=(size, size), mode="bilinear", align_corners=False, antialias=antialias and may
            )
            for v in (rgb, features)
        )
    img, x = rgb, features
    for k, up in enumerate(ups):
        x, img = block(sd, f"superresolution.block{k}", x, img, (w, w, w), up=up, noise=noise, clamp=clamp)
    return img


def seen_by(planes: Tensor, view: str) -> Tensor:
    """[3, F, H, W] in the order xy [y, x], yz [z, y], zx [x, z] → [3, 3F, H, W] with what each plane sees of
    the others.
    """
    a, b, c = planes
    if view == "separate":
        return planes
    if view == "mean":
        # value of plane P over the coordinate that it shares, spread along the other axis of the plane that
        # looks
        rows = lambda v: v[:, :, None].expand_as(a)
        cols = lambda v: v[:, None, :].expand_as(a)
        xy = torch.cat([a, rows(b.mean(dim=1)), cols(c.mean(dim=2))])
        yz = torch.cat([cols(a.mean(dim=2)), b, rows(c.mean(dim=1))])
        zx = torch.cat([rows(a.mean(dim=1)), cols(b.mean(dim=2)), c])
        return torch.stack([xy, yz, zx])

    def attended(own: Tensor, other: Tensor) -> Tensor:
        """own, other [shared, free, F]: softmax of dot products, values = keys."""
        out = torch.empty_like(own)
        for s in range(own.shape[0]):
            out[s] = torch.softmax(own[s] @ other[s].T, dim=1) @ other[s]
        return out

    def looked(own: Tensor, own_axis: str, other: Tensor, other_axis: str) -> Tensor:
        """Planes [F, rows, columns] and the axis of each that is the shared coordinate."""
        first = own.permute(1, 2, 0) if own_axis == "row" else own.permute(2, 1, 0)
        second = other.permute(1, 2, 0) if other_axis == "row" else other.permute(2, 1, 0)
        got = attended(first, second)
        return got.permute(2, 0, 1) if own_axis == "row" else got.permute(2, 1, 0)

    xy = torch.cat([a, looked(a, "row", b, "column"), looked(a, "column", c, "row")])
    yz = torch.cat([b, looked(b, "row", c, "column"), looked(b, "column", a, "row")])
    zx = torch.cat([c, looked(c, "row", a, "column"), looked(c, "column", b, "row")])
    return torch.stack([xy, yz, zx])


def plane_block(
    sd: State, name: str, planes: Tensor, w: Tensor, *, view: str, up: bool, noise: str, clamp: float | None
) -> Tensor:
    """One 3D-aware or separate block; planes [3, F, H, W], w [1, W]."""
    features = planes.shape[1]
    styles = lambda layer: fc(sd, f"{name}.{layer}.affine", w).reshape(3, -1)
    x = style_conv(
        sd, f"{name}.conv0", seen_by(planes, view), styles("conv0"), up=up, noise=noise, clamp=clamp
    )
    x = style_conv(sd, f"{name}.conv1", seen_by(x, view), styles("conv1"), up=False, noise=noise, clamp=clamp)
    return to_rgb(sd, f"{name}.torgb", seen_by(x, view), styles("torgb"), width=features, clamp=clamp)


def mimic3d_results(
    sd: State, ws: Tensor, size: int, aware: tuple[int, ...], tail: list[dict[str, Any]], view: str
) -> list[Tensor]:
    """Plane results [3, F, H, W] of Mimic3D's backbone.

    tail: name, view, up of the blocks after the branch.
    """
    prefix, x, img, own = "backbone.synthesis.", None, None, None
    results: list[Tensor] = []
    for k, r in enumerate(4 << i for i in range(int(math.log2(size)) - 1)):
        if own is not None and r not in aware:
            img = own.reshape(1, -1, *own.shape[2:])
            own = None
        styles = (ws[:, max(2 * k - 1, 0)], ws[:, 2 * k], ws[:, 2 * k + 1])
        x, img = block(sd, f"{prefix}b{r}", x, img, styles, up=True, noise="const", clamp=None)
        split = img.reshape(3, -1, *img.shape[2:])
        if r in aware:
            last = r == aware[-1]
            own = plane_block(
                sd, f"{prefix}b3d{r}.block", split if own is None else split + own, ws[:, 2 * k + 1], view=view, up=not last,
                noise="const", clamp=None,
            )  # fmt: skip
            results.append(own)
        elif r == size:
            results.append(split)
    for one in tail:
        results.append(
            plane_block(
                sd,
                prefix + one["name"],
                results[-1],
                ws[:, -1],
                view=one["view"],
                up=one["up"],
                noise="const",
                clamp=None,
            )
        )
    return results
