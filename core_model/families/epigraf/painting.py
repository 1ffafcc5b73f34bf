"""EpiGRAF's own picture with gradients to latent, camera and weights."""

from __future__ import annotations

from torch import Tensor

from core_model.families.base import Painted
from core_model.families.epigraf.decoder import EpigrafField
from core_model.families.epigraf.generator import EpigrafGenerator
from core_model.families.epigraf.native import matrix_dirs, picture


class EpigrafPainter:
    """`Painter` of the epigraf family: its two passes, with its background. Nothing is kept between pictures."""

    def __init__(self, module: EpigrafGenerator) -> None:
        self.module = module

    def paint(self, ws: Tensor, label: Tensor, size: int, *, fresh: bool, edge: float = 0.0) -> Painted:
        planes = self.module.synthesize(ws, "const")
        origins, dirs = matrix_dirs(label[0, :16].reshape(4, 4), label[0, 16:].reshape(3, 3), size)
        colours, front = picture(self.module, origins, dirs, ws, planes, size)
        field = EpigrafField(planes, self.module.decoder, fast=False)
        image = (colours.transpose(1, 2).reshape(1, 3, size, size) + 1.0) * 0.5
        return Painted(image, front.opacity.detach().reshape(1, 1, size, size), field)
