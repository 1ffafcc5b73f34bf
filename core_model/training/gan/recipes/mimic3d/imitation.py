"""How alike a window of the 3D branch and of the super-resolved picture are: LPIPS where its weights are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from core_model.losses.perceptual import PerceptualDistance, PixelPyramid
from core_model.metrics.weights import read_weights
from core_model.schema.train_mimic3d import ImitationConfig

COLOURS_NOTE = "imitation compares colours at four scales, not LPIPS: mimic3d.imitation.vgg names no file of VGG16's weights"
VGG = "VGG16's weights for ImageNet (torchvision's vgg16-397923af.pth), or LPIPS whole"
LINEAR = "LPIPS's linear layers, version 0.1 (its vgg.pth)"


def distance_of(own: ImitationConfig, device: torch.device) -> tuple[str, Callable[[Tensor, Tensor], Tensor]]:
    """(its name, distance of two pictures [B, 3, H, W] in [-1, 1] → [B]). Raises InputError for files that are none."""
    if not own.vgg:
        return "imitation/colours", PixelPyramid()
    found: dict[str, Tensor] = {}
    for setting, name, expected in (("vgg", own.vgg, VGG), ("lpips", own.lpips, LINEAR)):
        if name:
            found |= read_weights(Path(name), "perceptual", f"mimic3d.imitation.{setting} {name}", expected)
    network = PerceptualDistance({n: t.float() for n, t in found.items()}, own.vgg)
    return "imitation/lpips", network.to(device)
