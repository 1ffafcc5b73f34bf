"""What differs between families, as data: one renderer reads this record instead of having four copies."""

from __future__ import annotations

from typing import Literal

from core_model.schema.camera import Vec3
from core_model.schema.frozen import Frozen

Axis = Literal["x", "y", "z"]


class Conventions(Frozen):
    """Geometry, lookup, density and quadrature rules of one checkpoint.

    plane_axes: world axes that run along the width and the height of each plane (plane row 0 is the axis' minimum).
    box: half edge of the cube that the planes span, world units.
    reduction: how the three plane features become one (WYSIWYG: product, EG3D: mean).
    near, far: fixed ray bounds [world units].
    density_rule: how the raw output becomes density; the renderer asks the field, which applies it.
    quadrature: rule of the original program; triscope's own samplers use the left rule.
    quirks: peculiarities of the original program that `--native` reproduces, by the names of its family's modules.
    scene_radius: without fixed bounds, rays run from this far before to this far behind the box centre, so that the bins of
        neighbouring rays (and of the proposal network) line up; None takes the box's half edge.
    """

    plane_axes: tuple[tuple[Axis, Axis], ...] = (("x", "y"), ("x", "z"), ("y", "z"))
    align_corners: bool = False
    padding: Literal["zeros", "border"] = "border"
    box: float = 0.5
    reduction: Literal["product", "mean", "sum"] = "product"
    field: Literal["sdf", "density"] = "sdf"
    density_rule: Literal["volsdf", "density", "softplus_minus_one", "softplus", "relu"] = "volsdf"
    quadrature: Literal["left", "midpoint"] = "left"
    quirks: tuple[str, ...] = ()
    near: float | None = None
    far: float | None = None
    scene_radius: float | None = None
    background: Vec3 | None = (0.0, 0.0, 0.0)
    camera_label: Literal["eg3d25", "angles", "none"] = "eg3d25"
    up: Vec3 = (0.0, 1.0, 0.0)
