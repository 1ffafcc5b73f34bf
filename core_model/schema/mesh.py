"""Meshes as plain data: what is asked for, what it will cost, how far it is, what came out.

No torch, no numpy.
"""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import Literal

from pydantic import Field, field_validator, model_validator

from core_model.schema.camera import Vec3
from core_model.schema.extras import install_line
from core_model.schema.frozen import Frozen
from core_model.schema.latent import LatentSpec

MESH_SUFFIXES = (".ply", ".obj", ".glb", ".stl")
TEXTURED_SUFFIXES = (".obj", ".glb")
TURNED_SUFFIXES = (".ply", ".obj", ".stl")
"""Files whose up axis is free; glTF has y up by its standard, and every reader turns it by itself."""
TEXTURE_FACES = (
    40_000  # faces of a textured mesh when no target is given; the atlas takes about 20 s for 60 000
)
MAX_TEXTURE_FACES = 300_000
DEFAULT_LEVELS = {"sdf": 0.0, "epigraf": 25.0}
DEFAULT_RAW_LEVEL = 10.0
FLOAT32 = 3.4e38
"""The field's values are no larger."""

NO_ATLAS = f"textures need the package xatlas: {install_line('mesh')} (it has no wheel for Python 3.14 and Linux on ARM)"

Quantity = Literal["sdf", "raw", "density"]
Up = Literal["y", "z"]


def texture_problem(suffix: str) -> str:
    """Why a file of this kind cannot get a texture on this machine; empty where it can."""
    if suffix not in TEXTURED_SUFFIXES:
        return f"{suffix} files hold no texture: choose {' or '.join(TEXTURED_SUFFIXES)}"
    return "" if find_spec("xatlas") is not None else NO_ATLAS


def up_problem(suffix: str) -> str:
    """Why a file of this kind cannot have z up; empty where it can."""
    if suffix in TURNED_SUFFIXES:
        return ""
    free = ", ".join(TURNED_SUFFIXES)
    return f"{suffix} files have y up by their standard, and programs with z up turn them by themselves: z is for {free}"


class MeshRequest(Frozen):
    """One mesh, completely described; the same request gives the same mesh.

    resolution: grid nodes along an edge of the checkpoint's box (1024 = 1.07 billion nodes), also under a
        crop.
    level: value of `quantity` on the surface; None = 0 for distances, 10 for raw densities (EpiGRAF 25), as
        the original programs.
    crop: (lowest corner, highest corner) [world units]; snapped inwards to grid nodes, so a cropped mesh is a
        part of the whole.
    min_share: components with a smaller share of the faces of the largest one are left out.
    faces: target of the decimation; None = every triangle (textured meshes: 40 000).
    direction: unit vector from the camera to the scene that conditions the radiance; `normal` looks along
        minus the normal.
    up: up axis of the file: y = the world's axes (subject faces +z); z = turned by 90° about x (subject faces -y).
        Only the file is turned: crop, direction and report are in world axes.
    """

    checkpoint: str
    latent: LatentSpec = LatentSpec()
    resolution: int = Field(default=1024, ge=8, le=16384)
    level: float | None = Field(default=None, allow_inf_nan=False, ge=-FLOAT32, le=FLOAT32)
    quantity: Quantity | None = Field(default=None, description="none = sdf, else raw density, else density")
    crop: tuple[Vec3, Vec3] | None = None
    keep: Literal["all", "largest"] = "all"
    min_share: float = Field(default=0.0, ge=0.0, le=1.0)
    faces: int | None = Field(default=None, ge=4)
    colour: Literal["vertex", "texture", "none"] = "vertex"
    direction: Literal["frontal", "normal"] | Vec3 = "frontal"
    normals: bool = True
    texture_size: int = Field(default=2048, ge=64, le=8192, description="edge of the baked texture [pixels]")
    up: Up = "y"
    memory_gb: float | None = Field(
        default=None, gt=0, description="largest memory to use [10⁹ bytes]; none = what is free"
    )

    @field_validator("crop")
    @classmethod
    def _box(cls, v: tuple[Vec3, Vec3] | None) -> tuple[Vec3, Vec3] | None:
        if v is not None and not all(
            math.isfinite(a) and math.isfinite(b) and a < b for a, b in zip(*v, strict=True)
        ):
            raise ValueError("the lowest corner must lie below the highest one on every axis")
        return v

    @field_validator("direction")
    @classmethod
    def _unit(cls, v: str | Vec3) -> str | Vec3:
        if isinstance(v, str):
            return v
        length = math.sqrt(sum(x * x for x in v))
        if not math.isfinite(length) or length < 1e-9:
            raise ValueError("a direction needs a finite length above zero")
        return (v[0] / length, v[1] / length, v[2] / length)

    @model_validator(mode="after")
    def _texture(self) -> "MeshRequest":
        if self.colour == "texture" and self.faces is not None and self.faces > MAX_TEXTURE_FACES:
            raise ValueError(
                f"a textured mesh may have {MAX_TEXTURE_FACES} faces, got {self.faces}: its atlas would take hours"
            )
        return self

    @property
    def target_faces(self) -> int | None:
        """Faces to reduce to; None = keep all."""
        return TEXTURE_FACES if self.faces is None and self.colour == "texture" else self.faces


class MeshForecast(Frozen):
    """What a mesh will cost, from a coarse mesh of the same field made just now."""

    resolution: int
    quantity: Quantity
    level: float
    voxel: float = Field(description="distance of grid nodes [world units]")
    dense_points: int = Field(description="points that a dense evaluation needs")
    points: int = Field(description="points that will be evaluated")
    vertices: int
    triangles: int = Field(description="before the component filter and decimation")
    seconds: float
    memory_bytes: int = Field(description="largest memory of the process")
    file_bytes: int
    pilot_resolution: int
    pilot_triangles: int
    low: float = Field(description="smallest value of the field on the coarse grid")
    high: float
    histogram_edges: tuple[float, ...] = ()
    histogram_counts: tuple[int, ...] = ()


class MeshProgress(Frozen):
    """How far a mesh is. fraction of the whole; eta_s None = not known yet."""

    stage: str
    fraction: float
    elapsed_s: float
    eta_s: float | None = None


class MeshComponent(Frozen):
    """One connected part of the surface."""

    faces: int
    low: Vec3
    high: Vec3


class MeshTopology(Frozen):
    """What a mesh is made of.

    `holes` are boundary loops away from the box; `cut_by` names the sides of the box that cut it.
    """

    vertices: int = 0
    faces: int = 0
    edges: int = 0
    euler: int = 0
    components: int = 0
    boundary_edges: int = 0
    boundary_loops: int = 0
    holes: int = 0
    non_manifold_edges: int = 0
    degenerate_faces: int = 0
    watertight: bool = False
    oriented: bool = True
    cut_by: tuple[str, ...] = ()
    area: float = Field(default=0.0, description="world units²")
    volume: float | None = Field(default=None, description="world units³; none = the surface is open")
    low: Vec3 = (0.0, 0.0, 0.0)
    high: Vec3 = (0.0, 0.0, 0.0)
    largest: tuple[MeshComponent, ...] = Field(
        default=(), description="the largest components, largest first"
    )


class MeshReport(Frozen):
    """What came out."""

    request: MeshRequest
    files: tuple[str, ...] = ()
    file_bytes: int = 0
    quantity: Quantity = "sdf"
    level: float = 0.0
    voxel: float = 0.0
    dense_points: int = 0
    evaluated_points: int = 0
    evaluated_share: float = Field(default=0.0, description="evaluated / dense")
    grown_points: int = Field(default=0, description="evaluated because the surface reached a skipped block")
    audited_points: int = Field(default=0, description="skipped nodes that were checked afterwards")
    audit_misses: int = Field(
        default=0,
        description="checked nodes whose skipped block was wrong; the surface there was then followed",
    )
    slope: float = Field(default=0.0, description="largest slope measured near the surface")
    raw_triangles: int = 0
    removed_components: int = 0
    decimated: bool = False
    decimation_error: float | None = Field(
        default=None, description="RMS distance of decimated vertices to the surface [world units]"
    )
    topology: MeshTopology = MeshTopology()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    stage_seconds: dict[str, float] = {}
    peak_bytes: int = Field(default=0, description="largest resident memory of the process so far")
    device: str = ""
