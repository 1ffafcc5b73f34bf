"""EG3D's generator: mapping, StyleGAN2 backbone, planes, OSG decoder, super-resolution."""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.families.osg.model import VolumetricGenerator
from core_model.fields.triplane import Planes


class Eg3dGenerator(VolumetricGenerator):
    """Channels 32·p … 32·p + 31 of the backbone's picture are plane p, without an activation."""

    def synthesize(
        self, ws: Tensor, noise: str = "const", rng: torch.Generator | None = None, levels: int | None = None
    ) -> Planes:
        """ws [B, L, D] → the one level [B, 3, C, H, W] that there is."""
        del levels
        flat = self.backbone(ws, noise, rng)
        return Planes((flat.unflatten(1, (3, self.cfg.plane_channels)),), self.conventions)
