"""Questions of the mesh panel.

How the field's values are spread, what a mesh will cost, and a coarse mesh to look at.
"""

from __future__ import annotations

from pydantic import Field

from core_model.schema.camera import Vec3
from core_model.schema.latent import LatentSpec
from core_model.schema.mesh import MeshRequest, Quantity
from core_model.schema.question import Question

HISTOGRAM_BINS = 96


class FieldHistogramQuestion(Question):
    """Values of the field on a grid of nodes³ over the box or its crop.

    No level in it: a level that is dragged asks nothing.

    Answer: arrays `counts` [96], `edges` [97]; values `quantity`, `quantities` (those that the field has),
    `level` (the default), `low`, `high` (extremes), `box` (half edge of the box [world units]).
    """

    latent: LatentSpec = LatentSpec()
    quantity: Quantity | None = None
    nodes: int = Field(default=56, ge=8, le=128)
    crop: tuple[Vec3, Vec3] | None = None


class MeshForecastQuestion(Question):
    """What a mesh will cost. Answer: values of a MeshForecast. `suffix`: kind of file, as `.ply`."""

    request: MeshRequest
    suffix: str = ".ply"


class MeshPreviewQuestion(Question):
    """The mesh of a request at its (coarse) resolution, to be drawn at once.

    Answer: arrays `vertices` [V, 3], `normals` [V, 3] (unit, outward), `colours` [V, 3] sRGB in [0, 1]
    (absent without colours), all float32, and `faces` [F, 3] uint32, counter-clockwise seen from outside;
    values `quantity`, `level`, `voxel` [world units], `components` (kept), `removed`, `cut_by` (sides of the
    box), `low`, `high` (range of the field), `ms` (what it took). A level without a surface is an answer
    without faces.
    """

    request: MeshRequest
