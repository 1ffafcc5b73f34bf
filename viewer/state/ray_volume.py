"""The slice or level set of a picture's ray distributions (probe and prediction) that is looked at. Pure."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import Field

from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.frozen import Frozen
from core_model.schema.question_volume import RayVolumeQuestion, VolumeForm
from core_model.schema.render import RenderRequest

IMAGE = ChannelInfo(name="volume.image", title="Picture of the probe", kind="colour")
QUANTITIES: dict[VolumeForm, ChannelInfo] = {
    "slice": ChannelInfo(
        name="volume.slice", title="Share of the ray's light", kind="scalar", colormap="inferno", decimals=4, low=0.0, high=1.0,
    ),
    "level": ChannelInfo(
        name="volume.level", title="Distance of the level", unit="world units", kind="scalar", colormap="viridis", decimals=3,
    ),
}  # fmt: skip


class VolumeView(Frozen):
    """opened: the view is in sight.

    depth, thickness: of the slice, as shares of the way from near to far; level: share in one bin.
    """

    opened: bool = False
    form: Literal["slice", "level"] = "slice"
    depth: float = Field(default=0.45, ge=0.0, le=1.0)
    thickness: float = Field(default=0.03, gt=0.0, le=1.0)
    level: float = Field(default=0.1, gt=0.0, le=1.0)


def question_of(view: VolumeView, info: CheckpointInfo, shown: RenderRequest) -> RayVolumeQuestion:
    """The question for the camera and latent of the shown picture, at the checkpoint's own size.

    What the form does not use stays default.
    """
    own = (
        {"depth": view.depth, "thickness": view.thickness} if view.form == "slice" else {"level": view.level}
    )
    return RayVolumeQuestion.model_validate(
        {"checkpoint": info.path, "latent": shown.latent, "camera": shown.camera, "precision": shown.precision,
         "skip_empty": shown.skip_empty, "size": info.image_size, "form": view.form} | own
    )  # fmt: skip


def shown_range(form: VolumeForm, pictures: tuple[np.ndarray, ...]) -> tuple[float, float]:
    """Range of the colours: shares from 0 to the largest, rounded up to a tenth; distances from the nearest
    to the farthest.
    """
    finite = [a[np.isfinite(a)] for a in pictures]
    finite = [a for a in finite if a.size]
    if form == "slice":
        top = max((float(np.percentile(a, 99.9)) for a in finite), default=1.0)
        return 0.0, min(1.0, max(0.1, math.ceil(10.0 * top - 1e-6) / 10.0))
    if not finite:
        return 0.0, 1.0
    low, high = min(float(a.min()) for a in finite), max(float(a.max()) for a in finite)
    return low, max(high, low + 1e-3)
