"""The super-resolution of EG3D by the plain path: every operation makes a new feature map.

What `core_model.nn` is compared with.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.nn.layers import StyleConv, ToRGB
from core_model.nn.superres import SuperResolution
from core_model.nn.synthesis import SynthesisBlock
from core_model.ops.resample import fir, upsample2


def plain_superres(network: SuperResolution, rgb: Tensor, features: Tensor, w: Tensor) -> Tensor:
    """The picture [1, 3, R, R] of one sample without noise; input at the network's own size."""
    img, x = rgb, features
    for block in network.blocks:
        assert isinstance(block, SynthesisBlock)
        x = _conv(block.conv1, _conv(block.conv0, x, w), w)
        img = (upsample2(img) if block.up == 2 else img) + _to_rgb(block.torgb, x, w)
    return img


def _conv(layer: StyleConv, x: Tensor, w: Tensor) -> Tensor:
    kernel = layer.weight * layer.affine(w)[0][None, :, None, None]
    kernel = kernel * torch.rsqrt(kernel.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8)
    if layer.up == 2:
        y = fir(F.conv_transpose2d(x, kernel.transpose(0, 1), stride=2), 1, 1, gain=4.0)
    else:
        y = F.conv2d(x, kernel, padding=1)
    y = F.leaky_relu(y + layer.bias[None, :, None, None], 0.2) * math.sqrt(2.0)
    return y if layer.clamp is None else y.clamp(-layer.clamp, layer.clamp)


def _to_rgb(layer: ToRGB, x: Tensor, w: Tensor) -> Tensor:
    styles = layer.affine(w)[0] * layer.style_gain
    y = F.conv2d(x, layer.weight * styles[None, :, None, None]) + layer.bias[None, :, None, None]
    return y if layer.clamp is None else y.clamp(-layer.clamp, layer.clamp)
