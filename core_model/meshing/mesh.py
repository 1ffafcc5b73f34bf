"""A finished mesh: what the file formats write."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core_model.schema.mesh import Up

FILE_AXES: dict[Up, str] = {
    "y": "+x right, +y up, subject faces +z; world units",
    "z": "+x right, +z up, subject faces -y; world units",
}
"""What a mesh file says of its axes."""


@dataclass(frozen=True)
class Texture:
    """uv [V, 2] float32 in [0, 1], v downwards as image rows are; image [T, T, 3] uint8 sRGB."""

    uv: np.ndarray
    image: np.ndarray


@dataclass(frozen=True)
class Mesh:
    """vertices [V, 3] float32 world units; faces [F, 3] counter-clockwise seen from outside.

    normals [V, 3] float32; colours [V, 3] uint8 sRGB. closed: watertight (open surfaces are drawn from both
    sides).
    """

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray | None = None
    colours: np.ndarray | None = None
    texture: Texture | None = None
    closed: bool = True


def turned(mesh: Mesh, up: Up) -> Mesh:
    """The mesh (y up) in the axes of a file: for z up, x y z becomes x -z y, which keeps the winding."""
    if up == "y":
        return mesh

    def turn(rows: np.ndarray) -> np.ndarray:
        return np.stack([rows[:, 0], -rows[:, 2], rows[:, 1]], axis=1)

    normals = None if mesh.normals is None else turn(mesh.normals)
    return replace(mesh, vertices=turn(mesh.vertices), normals=normals)


@dataclass(frozen=True)
class Stamp:
    """Provenance as JSON texts.

    `record` restores the view (RenderRecord), `mesh` is the MeshRequest and its figures; `line` is a short
    ASCII summary for files that have no room.
    """

    record: str
    mesh: str
    line: str
