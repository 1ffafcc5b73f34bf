"""EG3D's decoder ("OSG", Chan et al. 2022): mean plane features → raw density and colour features."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.nn.layers import EqualLinear


class OsgDecoder(nn.Module):
    """Two equalised-rate layers with a plain softplus between them; channel 0 is raw density, the others are colours."""

    def __init__(self, channels: int, hidden: int, colours: int, lr_mul: float) -> None:
        super().__init__()
        self.fc0 = EqualLinear(channels, hidden, lr_mul=lr_mul)
        self.fc1 = EqualLinear(hidden, 1 + colours, lr_mul=lr_mul)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """features [..., C] → (raw density [...], colour features [..., O] = 1.002·sigmoid - 0.001)."""
        x = self.fc1(F.softplus(self.fc0(features)))
        return x[..., 0], torch.sigmoid(x[..., 1:]) * 1.002 - 0.001
