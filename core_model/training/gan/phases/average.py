"""What the programs do with a phase's gradients before Adam, and with the generator's running average."""

from __future__ import annotations

import torch
from torch import nn

LARGEST = 1e5


@torch.no_grad()
def repair_gradients(module: nn.Module) -> None:
    """NaN → 0, ±∞ → ±1e5, as in StyleGAN2-ADA; parameters without a gradient stay without."""
    for p in module.parameters():
        if p.grad is not None:
            torch.nan_to_num(p.grad, nan=0.0, posinf=LARGEST, neginf=-LARGEST, out=p.grad)


@torch.no_grad()
def average_into(average: nn.Module, module: nn.Module, keep: float) -> None:
    """average ← lerp(module, average, keep) for parameters; buffers (w_avg, noise) are copied."""
    for target, value in zip(average.parameters(), module.parameters(), strict=True):
        target.copy_(torch.lerp(value, target, keep))
    for target, value in zip(average.buffers(), module.buffers(), strict=True):
        target.copy_(value)
