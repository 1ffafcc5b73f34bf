"""EG3D's own picture: rays at the stored neural resolution, two passes, super-resolution."""

from __future__ import annotations

import numpy as np
from torch import Tensor

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
    """rgb (and raw_rgb) before any clamp; depth, opacity, samples … at the neural resolution."""
    assert ws is not None and planes is not None
    check_size(request, model.sizes.image_size)
    return render_native(model, request, ws, planes, model.volumetric.neural_size, guide=guide)
