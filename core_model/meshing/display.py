"""A mesh for a window to draw: an .npz of plain arrays beside the real file.

Reading a .glb or .obj back costs seconds and a parser for each kind; these arrays go to the graphics card as
they are. Above 2 million triangles a decimated version is left (the file that was exported is whole), and for
large meshes a coarse one for turning.

vertices [V, 3], normals [V, 3]   float32
faces [F, 3]                      uint32
colours [V, 3]                    uint8; absent without colours
coarse_vertices, coarse_normals,  likewise; absent for small meshes
coarse_faces, coarse_colours
triangles []                      of the exported mesh
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core_model.meshing.attributes import face_normals, surface_attributes
from core_model.meshing.decimate import decimate
from core_model.meshing.levelset import LevelSet
from core_model.meshing.mesh import Mesh, Texture
from core_model.meshing.polygonise import Surface
from core_model.schema.atomic import replacing, why_not_written
from core_model.schema.errors import InputError
from core_model.schema.mesh import MeshRequest

MOST_TRIANGLES = 2_000_000
REDUCED_TRIANGLES = 600_000
COARSE_ABOVE, COARSE_TRIANGLES = 200_000, 80_000
Arrays = dict[str, np.ndarray]


def display_arrays(mesh: Mesh, levelset: LevelSet, request: MeshRequest) -> Arrays:
    """The arrays of the module's docstring."""
    surface = Surface(mesh.vertices, mesh.faces)
    coloured = mesh.colours is not None or mesh.texture is not None
    if len(mesh.faces) > MOST_TRIANGLES:
        surface = decimate(surface, REDUCED_TRIANGLES)
        arrays = _asked(surface, levelset, request, coloured)
    else:
        colours = mesh.colours if mesh.texture is None else texture_at_vertices(mesh.texture)
        normals = mesh.normals if mesh.normals is not None else face_normals(surface)
        arrays = _named(surface, normals, colours)
    if len(surface.faces) > COARSE_ABOVE:
        coarse = _asked(decimate(surface, COARSE_TRIANGLES), levelset, request, coloured)
        arrays |= {f"coarse_{name}": array for name, array in coarse.items()}
    return arrays | {"triangles": np.array(len(mesh.faces), dtype=np.int64)}


def write_display(path: Path, mesh: Mesh, levelset: LevelSet, request: MeshRequest) -> None:
    """Write the arrays, whole or not at all; raises InputError when they cannot be written."""
    try:
        with replacing(path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, **display_arrays(mesh, levelset, request))  # pyright: ignore[reportArgumentType] - names of arrays only
    except OSError as error:
        raise InputError(what="cannot write", where=f"--display {path}", got=why_not_written(error)) from None


def texture_at_vertices(texture: Texture) -> np.ndarray:
    """[V, 3] uint8: the texel under each vertex."""
    size = np.array(texture.image.shape[1::-1])
    x, y = np.clip((texture.uv * size).astype(np.int64), 0, size - 1).T
    return texture.image[y, x]


def _asked(surface: Surface, levelset: LevelSet, request: MeshRequest, coloured: bool) -> Arrays:
    """A new surface: its normals and colours are asked of the field."""
    made = surface_attributes(levelset, surface, request.replace(colour="vertex" if coloured else "none"))
    return _named(surface, made.normals, made.colours)


def _named(surface: Surface, normals: np.ndarray, colours: np.ndarray | None) -> Arrays:
    arrays = {
        "vertices": np.ascontiguousarray(surface.vertices, dtype=np.float32), "normals": np.ascontiguousarray(normals, dtype=np.float32),
        "faces": np.ascontiguousarray(surface.faces, dtype=np.uint32),
    }  # fmt: skip
    return arrays if colours is None else arrays | {"colours": colours}
