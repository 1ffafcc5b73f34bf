"""Settings of the Mesh panel: the next export and how the mesh is shown. Part of the document, so that undo
covers them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from core_model.schema.camera import Vec3
from core_model.schema.frozen import Frozen
from core_model.schema.mesh import Quantity, Up

PREVIEW = "preview"
PREVIEW_EDGES = (128, 96, 64, 48)
"""Nodes along an edge of a preview; the next one is taken where the one before took too long."""
PREVIEW_MS = 1500.0
RESOLUTIONS = (128, 192, 256, 384, 512, 768, 1024)
Mode = Literal["off", "mesh", "overlay", "side", "error"]


class MeshSettings(Frozen):
    """mode: how the mesh is shown beside the render. source: `preview`, or the id of the displayed export.

    blend: opacity of the mesh over the render. The rest is the MeshRequest of the next export; faces None =
    all triangles.
    """

    mode: Mode = "off"
    source: str = PREVIEW
    shading: Literal["lit", "matcap", "colour", "normals"] = "lit"
    wire: bool = False
    blend: float = Field(default=0.6, ge=0.0, le=1.0)
    resolution: int = Field(default=1024, ge=8, le=4096)
    quantity: Quantity | None = None
    level: float | None = Field(default=None, allow_inf_nan=False)
    keep: Literal["all", "largest"] = "all"
    faces: int | None = Field(default=None, ge=4)
    colour: Literal["vertex", "texture", "none"] = "vertex"
    texture_size: int = Field(default=2048, ge=64, le=8192)
    normals: bool = True
    up: Up = "y"
    crop: tuple[Vec3, Vec3] | None = None

    @field_validator("crop")
    @classmethod
    def _box(cls, v: tuple[Vec3, Vec3] | None) -> tuple[Vec3, Vec3] | None:
        if v is not None and not all(a < b for a, b in zip(*v, strict=True)):
            raise ValueError("the lowest corner must lie below the highest one on every axis")
        return v

    def with_quantity(self, quantity: Quantity | None) -> MeshSettings:
        """Another quantity has another default level."""
        return self if quantity == self.quantity else self.replace(quantity=quantity, level=None)
