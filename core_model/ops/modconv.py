"""Modulated convolution (StyleGAN2, Karras et al. 2020, equations 1 to 3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.ops.resample import fir


def modulated_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    *,
    up: int = 1,
    demodulate: bool = True,
    bias: Tensor | None = None,
    gain: float = 1.0,
) -> Tensor:
    """gain · (convolution with weights scaled per sample) + bias.

    x [B, I, H, W], weight [O, I, k, k], styles [B, I] → [B, O, up·H, up·W].
    Scaling the input by the style and the output by the demodulation factor equals scaling the weights, and
    keeps one shared convolution for the batch (grouped convolutions are slow on CPUs) and second-order
    gradients.
    up = 2 applies the kernel as a true convolution (transposed, stride 2) followed by the binomial filter.
    """
    b, i = styles.shape
    k = weight.shape[-1]
    wide = torch.promote_types(
        weight.dtype, torch.float32
    )  # half precision is too coarse for the norm, double stays double
    scale = torch.full((b, weight.shape[0]), gain, device=x.device, dtype=wide)
    if demodulate:
        norm = torch.einsum("oi,bi->bo", weight.to(wide).square().sum(dim=(2, 3)), styles.to(wide).square())
        scale = scale * torch.rsqrt(norm + 1e-8)
    own = None  # what the last convolution adds itself: a pass over the feature map saved
    if b == 1:  # one sample: scaling the small kernel is cheaper than scaling two feature maps
        w = (weight * styles.reshape(1, i, 1, 1) * scale.reshape(-1, 1, 1, 1)).to(x.dtype)
        own = None if bias is None else bias.to(x.dtype)
    else:
        x, w = x * styles.to(x.dtype).reshape(b, i, 1, 1), weight.to(x.dtype)
    if k == 1 and up == 1 and torch.is_grad_enabled() and x.is_contiguous():
        # where gradients are asked for: oneDNN has no fast gradient of a 1x1 convolution
        y = torch.bmm(w.flatten(1).expand(b, -1, -1), x.flatten(2)).unflatten(2, x.shape[2:])
        y = y if own is None else y + own.reshape(1, -1, 1, 1)
    elif up == 1:
        y = F.conv2d(x, w, own, padding=k // 2)
    elif up == 2 and k == 3:
        y = F.conv_transpose2d(x, w.transpose(0, 1), stride=2)
        if own is not None and y.requires_grad:
            y = fir(y, 1, 1, gain=4.0) + own.reshape(1, -1, 1, 1)
        else:
            y = fir(y, 1, 1, gain=4.0, bias=own)
    else:
        raise ValueError(
            f"modulated_conv2d: expected up 1, or up 2 with a 3x3 kernel, got up {up}, kernel {k}"
        )
    if b == 1:
        return y
    shift = None if bias is None else bias.to(y.dtype).reshape(1, -1, 1, 1)
    factor = scale.to(y.dtype).reshape(b, -1, 1, 1)
    return y * factor if shift is None else torch.addcmul(shift, y, factor)
