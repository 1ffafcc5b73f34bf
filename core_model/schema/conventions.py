"""What differs between families, as data: one renderer reads this record instead of having four copies."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from core_model.schema.camera import Vec3
from core_model.schema.frozen import Frozen

Axis = Literal["x", "y", "z"]
DensityRule = Literal["volsdf", "density", "softplus_minus_one", "softplus", "relu"]
HEADS_BACKGROUND: Vec3 = (0.86, 0.87, 0.88)
"""sRGB behind the heads of the head pack, in pictures, trainings and fits."""
HEAD_HEIGHT = 0.42
"""Chin to crown of the mean head of the head pack and of the demo, world units: what "percent of head height" means. It leaves
room for hair and hats in a box of side 1."""
RETIRED = frozenset({"quadrature", "quirks", "up"})
"""Fields of older checkpoints that described the original program to people and that no code read."""


class Conventions(Frozen):
    """Geometry, lookup and density rules of one checkpoint.

    plane_axes: world axes along the width and the height of each plane (plane row 0 is the axis' minimum).
    box: half edge of the cube that the planes span, world units.
    reduction: how the three plane features become one (WYSIWYG: product, EG3D: mean).
    near, far: fixed ray bounds [world units].
    density_rule: how the raw output becomes density: `density_of` in core_model.fields.density for density
        fields, VolSDF for distances.
    scene_radius: without fixed bounds, rays run from this far before to this far behind the box centre, so
        that the bins of neighbouring rays (and of the proposal network) line up; None takes the box's half
        edge.
    """

    plane_axes: tuple[tuple[Axis, Axis], ...] = (("x", "y"), ("x", "z"), ("y", "z"))
    align_corners: bool = False
    padding: Literal["zeros", "border"] = "border"
    box: float = 0.5
    reduction: Literal["product", "mean", "sum"] = "product"
    field: Literal["sdf", "density"] = "sdf"
    density_rule: DensityRule = "volsdf"
    near: float | None = None
    far: float | None = None
    scene_radius: float | None = None
    background: Vec3 | None = (0.0, 0.0, 0.0)
    camera_label: Literal["eg3d25", "angles", "none"] = "eg3d25"

    @model_validator(mode="before")
    @classmethod
    def _without_retired(cls, data: Any) -> Any:
        """Older checkpoints hold fields that this record no longer has."""
        return {k: v for k, v in data.items() if k not in RETIRED} if isinstance(data, dict) else data
