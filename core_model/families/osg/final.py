"""The super-resolved picture of EG3D and Mimic3D for any camera: features on a square grid of rays, then
super-resolution.

Same marches and network as `osg.native`, with triscope's faster plane lookup, and with a sampler that the
session chooses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from core_model.families.base import FinalPicture, NeuralRender
from core_model.families.osg.guided_march import render_guided, render_likened
from core_model.families.osg.model import VolumetricModel
from core_model.families.osg.native import depth_limits, label_rays, lifted
from core_model.families.osg.twopass import render_two_pass
from core_model.fields.base import Field
from core_model.fields.osg import OsgField
from core_model.fields.triplane import Planes
from core_model.sampling.occupancy import Guide
from core_model.schema.camera import CameraSpec, label25


def march(
    model: VolumetricModel,
    field: Field,
    camera: CameraSpec,
    size: int,
    guide: Guide | None,
    spp: float | None,
) -> NeuralRender:
    """size² rays of a perspective camera; see `FinalPicture.march`."""
    assert isinstance(field, OsgField)
    origins, dirs = label_rays(torch.from_numpy(label25(camera)).to(model.device)[None], size)
    rule, limits = model.volumetric.rule(), None
    if spp is not None and guide is None:
        coarse = max(4, round(0.5 * spp)) if rule.fine else max(4, round(spp))
        rule = replace(rule, coarse=coarse, fine=max(4, round(spp) - coarse) if rule.fine else 0)
    if model.depth_guide > 0:
        first = OsgField(Planes(field.planes.levels[:1], field.planes.conventions), model.module.decoder)
        limits = depth_limits(first, origins, dirs, rule, model.depth_guide)
    counts = torch.full((size, size), float(rule.coarse + rule.fine), device=model.device)
    if guide is None:
        marched = render_two_pass(field.query, origins, dirs, rule, near_far=limits, keep=False)
    else:
        if spp is None:
            marched, evaluated = render_likened(field, origins, dirs, rule, guide.grid, limits)
        else:
            marched, evaluated = render_guided(
                field, origins, dirs, rule, guide.grid, max(2, round(spp)), limits
            )
        counts = evaluated.reshape(size, size)
    grid = lambda x: x.reshape(size, size)
    features = (marched.features[0].T.reshape(-1, size, size) + 1.0) * 0.5
    return NeuralRender(features, grid(marched.depth), grid(marched.weight_sum), counts)


def lift(
    model: VolumetricModel, features: Tensor, ws: Tensor, dtype: torch.dtype | None, pause: Callable[[], None]
) -> Tensor:
    """The super-resolved picture; see `FinalPicture.lift`."""
    return (lifted(model, (features * 2.0 - 1.0)[None], ws, dtype, pause)[0][0] + 1.0) * 0.5


def _features(field: Field) -> Field:
    assert isinstance(field, OsgField)
    return field.whole()


FINAL = FinalPicture(
    features=_features,
    background=lambda model: 1.0 if model.volumetric.white_back else 0.0,
    march=march,
    lift=lift,
)
