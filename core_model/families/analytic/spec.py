"""The analytic family without file or latents: `analytic:sphere`, `analytic:torus`, `analytic:shell`,
`analytic:slab`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.families.analytic.description import DESCRIPTION, describe
from core_model.families.analytic.shapes import AnalyticField
from core_model.families.base import FAMILIES, FamilySpec
from core_model.fields.triplane import Planes
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.latent import LatentSpec


class AnalyticModel:
    """A closed-form shape as a `Model`."""

    module = None

    def __init__(self, header: CheckpointHeader) -> None:
        self.conventions = header.conventions
        self.shape = str(header.config["shape"])
        self.sizes = describe(header, header.name)

    def map(self, latent: LatentSpec) -> None:
        return None

    def planes(self, ws: Tensor | None, noise: str) -> Planes | None:
        return None

    def field(self, planes: Planes | None, precision: torch.dtype) -> AnalyticField:
        return AnalyticField(self.shape)

    def propose(self, weights: Tensor, image: Tensor, dirs: Tensor) -> Tensor:
        """The probe itself, spread to its neighbours: what a perfect low-resolution network would predict."""
        spread = torch.nn.functional.max_pool3d(weights[:, None], 3, stride=1, padding=1)[:, 0]
        spread = torch.nn.functional.interpolate(spread, scale_factor=2, mode="bilinear", align_corners=False)
        p = spread + 1e-7
        return torch.log(p / p.sum(dim=1, keepdim=True))


def _build(header: CheckpointHeader, where: str) -> AnalyticModel:
    return AnalyticModel(header)


FAMILIES.add("analytic", FamilySpec(DESCRIPTION, _build))
