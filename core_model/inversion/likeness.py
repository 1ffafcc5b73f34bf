"""How far a render is from the photograph, everywhere or inside a mask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from core_model.losses.perceptual import PerceptualDistance, PixelPyramid
from core_model.losses.terms import LossTerm
from core_model.schema.inversion import InvertConfig

EDGES = 1.0
"""Weight of gradients beside colours, where no published weights are named."""


@dataclass(frozen=True)
class Likeness:
    """target [1, 3, S, S] in [0, 1]. mask [1, 1, S, S] in [0, 1], or None for the whole picture.

    distance: of pictures [1, 3, S, S] in [-1, 1] → [1]; name: what it is called in the records.
    """

    target: Tensor
    mask: Tensor | None
    distance: Callable[[Tensor, Tensor], Tensor]
    name: str
    mse: float
    perceptual: float

    @classmethod
    def of(
        cls, cfg: InvertConfig, target: Tensor, mask: Tensor | None, weights: Mapping[str, Tensor]
    ) -> Likeness:
        """weights: of VGG16 and LPIPS; empty = colours and gradients at several scales."""
        if weights:
            network = PerceptualDistance(weights, cfg.vgg).to(target.device)
            return cls(target, mask, network, "lpips", cfg.mse, cfg.perceptual)
        return cls(target, mask, PixelPyramid(gradients=EDGES), "edges", cfg.mse, cfg.perceptual)

    def terms(self, image: Tensor, mask: Tensor | None = None) -> list[LossTerm]:
        """The losses of image [1, 3, S, S]; mask replaces the photograph's. Outside it the picture is its target."""
        mask, target = self.mask if mask is None else mask, self.target * 2.0 - 1.0
        image = image * 2.0 - 1.0
        share = torch.ones((), device=image.device)
        if mask is not None:
            image = target + (image - target) * mask
            share = mask.mean().clamp_min(1e-3)
        found = [LossTerm("mse", (image - target).square().mean() / share, self.mse)]
        if self.perceptual:
            value = self.distance(image, target).mean() / share
            found.append(LossTerm(self.name, value, self.perceptual))
        return found

    @torch.no_grad()
    def psnr(self, image: Tensor) -> float:
        """Of the clamped image against the target, inside the mask, dB."""
        off = (image.clamp(0.0, 1.0) - self.target).square()
        if self.mask is not None:
            mean = (off * self.mask).sum() / (3.0 * self.mask.sum().clamp_min(1e-6))
        else:
            mean = off.mean()
        return float(-10.0 * torch.log10(mean.clamp_min(1e-10)))
