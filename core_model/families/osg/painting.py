"""EG3D's and Mimic3D's super-resolved pictures with gradients to latent, camera and weights."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.families.base import Painted
from core_model.families.osg.learning import field_of
from core_model.families.osg.model import VolumetricModel
from core_model.families.osg.native import depth_limits, finish, label_rays
from core_model.families.osg.twopass import render_two_pass
from core_model.fields.osg import OsgField
from core_model.fields.triplane import Planes


class VolumetricPainter:
    """`Painter` of both families: the program's own two passes and super-resolution, scaled to the size asked for.

    Fewer rays than the program's are marched only where the picture asked for has fewer pixels than those.
    """

    def __init__(self, model: VolumetricModel) -> None:
        self.model = model

    def paint(self, ws: Tensor, label: Tensor, size: int, *, fresh: bool, edge: float = 0.0) -> Painted:
        model, g = self.model, self.model.module
        planes = g.synthesize(ws, "const" if g.cfg.noise else "none")
        edge = min(size, model.volumetric.neural_size)
        origins, dirs = label_rays(label, edge)
        rule, limits = model.volumetric.rule(), None
        if model.depth_guide > 0:
            with torch.no_grad():
                first = OsgField(Planes(planes.levels[:1], planes.conventions), g.decoder, fast=False)
                limits = depth_limits(first, origins, dirs, rule, model.depth_guide)
        field = field_of(g, planes)
        marched = render_two_pass(field.query, origins, dirs, rule, near_far=limits, keep=False)
        image, _ = finish(model, marched, ws, edge)
        opacity = marched.weight_sum.detach().reshape(1, 1, edge, edge)
        return Painted(_scaled((image + 1.0) * 0.5, size), _scaled(opacity, size), field)


def _scaled(x: Tensor, size: int) -> Tensor:
    """x [1, C, n, n] at size²."""
    if x.shape[-1] == size:
        return x
    return F.interpolate(
        x, size=(size, size), mode="bilinear", align_corners=False, antialias=x.shape[-1] > size
    )
