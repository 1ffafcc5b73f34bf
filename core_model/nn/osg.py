"""EG3D's decoder ("OSG", Chan et al. 2022): mean plane features → raw density and colour features."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.nn.layers import EqualLinear


class OsgDecoder(nn.Module):
    """Two equalised-rate layers with a plain softplus between them.

    Channel 0 is raw density, the others are colours.
    """

    def __init__(self, channels: int, hidden: int, colours: int, lr_mul: float) -> None:
        super().__init__()
        self.fc0 = EqualLinear(channels, hidden, lr_mul=lr_mul)
        self.fc1 = EqualLinear(hidden, 1 + colours, lr_mul=lr_mul)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """features [..., C] → (raw density [...], colour features [..., O] = 1.002·sigmoid - 0.001)."""
        x = self.fc1(self.hidden(features))
        return x[..., 0], torch.sigmoid(x[..., 1:]) * 1.002 - 0.001

    def hidden(self, features: Tensor) -> Tensor:
        """features [..., C] → hidden units [..., H], from which `raw` and `colours` read."""
        return F.softplus(self.fc0(features))

    def raw(self, hidden: Tensor) -> Tensor:
        """Raw density [...] alone."""
        return hidden @ (self.fc1.weight[0] * self.fc1.weight_gain) + self.fc1.bias[0] * self.fc1.bias_gain

    def colours(self, hidden: Tensor) -> Tensor:
        """Colour features [..., O] alone."""
        x = F.linear(
            hidden, self.fc1.weight[1:] * self.fc1.weight_gain, self.fc1.bias[1:] * self.fc1.bias_gain
        )
        return torch.sigmoid(x) * 1.002 - 0.001
