"""What the Mesh panel asks for and how the mesh is shown: part of the document, so that undo brings it back."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from core_model.schema.camera import Vec3
from core_model.schema.frozen import Frozen
from core_model.schema.latent import LatentSpec
from core_model.schema.mesh import MAX_TEXTURE_FACES, TEXTURE_FACES, MeshRequest, Quantity, texture_problem
from core_model.schema.question_mesh import FieldHistogramQuestion, MeshForecastQuestion, MeshPreviewQuestion

PREVIEW = "preview"
PREVIEW_EDGES = (128, 96, 64, 48)
"""Nodes along an edge of a preview; the next one is taken where the one before took too long."""
PREVIEW_MS = 1500.0
RESOLUTIONS = (128, 192, 256, 384, 512, 768, 1024)
Mode = Literal["off", "mesh", "overlay", "side", "error"]


class MeshSettings(Frozen):
    """mode: how the mesh stands beside the render. source: `preview`, or the id of the export that is shown.

    blend: opacity of the mesh over the render. The rest is the MeshRequest of the next export; faces None = every triangle.
    """

    mode: Mode = "off"
    source: str = PREVIEW
    shading: Literal["lit", "matcap", "colour", "normals"] = "lit"
    wire: bool = False
    blend: float = Field(default=0.6, ge=0.0, le=1.0)
    resolution: int = Field(default=512, ge=8, le=4096)
    quantity: Quantity | None = None
    level: float | None = Field(default=None, allow_inf_nan=False)
    keep: Literal["all", "largest"] = "all"
    faces: int | None = Field(default=None, ge=4)
    colour: Literal["vertex", "texture", "none"] = "vertex"
    texture_size: int = Field(default=2048, ge=64, le=8192)
    normals: bool = True
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


def mesh_request(settings: MeshSettings, checkpoint: str, latent: LatentSpec, suffix: str = ".glb") -> MeshRequest:
    """The export's request. Colours fall back to the vertices' where the file cannot get a texture."""
    colour = settings.colour if settings.colour != "texture" or not texture_problem(suffix) else "vertex"
    faces = settings.faces
    if colour == "texture":
        faces = min(faces or TEXTURE_FACES, MAX_TEXTURE_FACES)
    return MeshRequest(
        checkpoint=checkpoint, latent=latent, resolution=settings.resolution, level=settings.level, quantity=settings.quantity,
        crop=settings.crop, keep=settings.keep, faces=faces, colour=colour, normals=settings.normals, texture_size=settings.texture_size,
    )  # fmt: skip


def histogram_question(settings: MeshSettings, checkpoint: str, latent: LatentSpec) -> FieldHistogramQuestion:
    return FieldHistogramQuestion(checkpoint=checkpoint, latent=latent, quantity=settings.quantity, crop=settings.crop)


def forecast_question(settings: MeshSettings, checkpoint: str, latent: LatentSpec, suffix: str) -> MeshForecastQuestion:
    request = mesh_request(settings, checkpoint, latent, suffix)
    return MeshForecastQuestion(checkpoint=checkpoint, request=request, suffix=suffix)


def preview_question(settings: MeshSettings, checkpoint: str, latent: LatentSpec, edge: int) -> MeshPreviewQuestion:
    """Only what changes the surface is in it, so that other settings ask for nothing new."""
    request = MeshRequest(
        checkpoint=checkpoint, latent=latent, resolution=edge, level=settings.level, quantity=settings.quantity, crop=settings.crop,
        keep=settings.keep,
    )  # fmt: skip
    return MeshPreviewQuestion(checkpoint=checkpoint, request=request)


def for_another_process(checkpoint: str) -> str:
    """A checkpoint's name that does not depend on the working folder."""
    return checkpoint if checkpoint.startswith("analytic:") or checkpoint == "demo" else str(Path(checkpoint).absolute())
