"""What every recipe's networks have in common: the running average, counts and names of their tensors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core_model.training.gan.recipes.interface import Networks


@torch.no_grad()
def update_average(networks: Networks, images_step: int, half_life: float) -> None:
    """average ← generator with the given half-life in images; buffers (w_avg, noise) are copied."""
    keep = 0.5 ** (images_step / max(half_life, 1e-8))
    for target, value in zip(networks.average.parameters(), networks.generator.parameters(), strict=True):
        target.lerp_(value, 1.0 - keep)
    for target, value in zip(networks.average.buffers(), networks.generator.buffers(), strict=True):
        target.copy_(value)


def parameter_counts(module: nn.Module) -> dict[str, int]:
    """Values by child module."""
    counts = {name: sum(p.numel() for p in child.parameters()) for name, child in module.named_children()}
    return {name: n for name, n in counts.items() if n}


def named_tensors(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in module.state_dict().items()}
