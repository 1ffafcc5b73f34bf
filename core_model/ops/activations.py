"""Activations for inference."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK = 1 << 17  # values that stay in a core's cache between two operations


def leaky_clamped(x: Tensor, slope: float, bound: float | None) -> Tensor:
    """leaky_relu, then clamp to ±bound; x is overwritten where no gradient is asked for.

    A new feature map of 512 pixels costs more in fresh memory than in arithmetic, and two passes over it more
    than one by pieces.
    """
    if x.requires_grad or torch.is_grad_enabled():
        y = F.leaky_relu(x, slope)
        return y if bound is None else y.clamp(-bound, bound)
    flat = x.permute(0, 2, 3, 1) if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last) else x
    if bound is None or x.device.type != "cpu" or not flat.is_contiguous():
        F.leaky_relu_(x, slope)
        return x if bound is None else x.clamp_(-bound, bound)
    for part in flat.reshape(-1).split(CHUNK):
        F.leaky_relu_(part, slope).clamp_(-bound, bound)
    return x
