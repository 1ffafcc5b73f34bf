"""Mimic3D's own picture.

Both plane levels (`coarse` 0), the stored neural resolution, super-resolution where it applies.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from core_model.families.mimic3d.generator import Mimic3dGenerator
from core_model.families.osg.model import VolumetricModel
from core_model.families.osg.native import check_size, render_native
from core_model.fields.triplane import Planes
from core_model.sampling.occupancy import Guide
from core_model.schema.render import RenderRequest


def render(
    model: VolumetricModel,
    request: RenderRequest,
    ws: Tensor | None,
    planes: Planes | None,
    guide: Guide | None = None,
) -> dict[str, np.ndarray]:
    """rgb (and raw_rgb) before any clamp; depth, opacity, samples … at the resolution of the rays."""
    assert ws is not None and planes is not None and isinstance(model.module, Mimic3dGenerator)
    check_size(request, model.sizes.image_size)
    cfg = model.module.cfg
    return render_native(
        model, request, ws, planes, cfg.volumetric.neural_size, use_superres=cfg.uses_superres, guide=guide
    )


def at_mode(planes: Planes, coarse: int) -> Planes:
    """The levels of the program's `coarse` argument: 0 both, 1 the coarse one, 2 the detail one."""
    return planes if coarse == 0 else Planes((planes.levels[coarse - 1],), planes.conventions)
