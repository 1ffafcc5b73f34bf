"""Wavefront OBJ (text).

Vertex colours follow the position (as MeshLab and Blender read them), or a material has a texture.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from core_model.meshing.formats.base import FORMATS, FileSet, MeshFormat, Tell
from core_model.meshing.formats.embedded import lines, png_bytes
from core_model.meshing.mesh import Mesh, Stamp

ROWS = 1 << 15


def write_obj(mesh: Mesh, stamp: Stamp, files: FileSet, path: Path, tell: Tell) -> None:
    """Writes the .obj; with a texture also NAME.mtl and NAME.png. Image rows run down, OBJ's v up."""
    total = (2 if mesh.normals is None else 3) * len(mesh.vertices) + 2 * len(mesh.faces)
    done = 0

    def rows(stream: BinaryIO, pattern: str, values: np.ndarray) -> None:
        nonlocal done
        for start in range(0, len(values), ROWS):
            part = values[start : start + ROWS]
            stream.write(((pattern * len(part)) % tuple(part.reshape(-1).tolist())).encode("ascii"))
            done += len(part)
            tell(min(1.0, done / max(1, total)))

    texture = mesh.texture
    if texture is not None:
        with files.open(path.with_suffix(".png")) as stream:
            stream.write(png_bytes(texture.image, stamp))
        with files.open(path.with_suffix(".mtl")) as stream:
            stream.write(_material(path, stamp).encode())
    with files.open(path) as stream:
        head = [f"# {stamp.line}", *lines(stamp, "#")]
        if texture is not None:
            head += [f"mtllib {path.with_suffix('.mtl').name}"]
        stream.write(("\n".join(head) + "\no mesh\n").encode())
        if mesh.colours is not None and texture is None:
            coloured = np.concatenate([mesh.vertices.astype(np.float64), mesh.colours / 255.0], axis=1)
            rows(stream, "v %.8g %.8g %.8g %.4g %.4g %.4g\n", coloured)
        else:
            rows(stream, "v %.8g %.8g %.8g\n", mesh.vertices)
        if texture is not None:
            rows(stream, "vt %.7g %.7g\n", np.stack([texture.uv[:, 0], 1.0 - texture.uv[:, 1]], axis=1))
        if mesh.normals is not None:
            rows(stream, "vn %.5g %.5g %.5g\n", mesh.normals)
        if texture is not None:
            stream.write(b"usemtl surface\n")
        stream.write(b"s 1\n")
        pattern, repeats = _face_pattern(texture is not None, mesh.normals is not None)
        for start in range(0, len(mesh.faces), ROWS):
            rows(
                stream,
                pattern,
                np.repeat(mesh.faces[start : start + ROWS].astype(np.int64) + 1, repeats, axis=1),
            )


def _face_pattern(textured: bool, normals: bool) -> tuple[str, int]:
    """(line of a face, how often each index is named)."""
    if textured and normals:
        return "f %d/%d/%d %d/%d/%d %d/%d/%d\n", 3
    if normals:
        return "f %d//%d %d//%d %d//%d\n", 2
    if textured:
        return "f %d/%d %d/%d %d/%d\n", 2
    return "f %d %d %d\n", 1


def _material(path: Path, stamp: Stamp) -> str:
    return "\n".join(
        [
            f"# {stamp.line}",
            "newmtl surface",
            "Ka 0 0 0",
            "Kd 1 1 1",
            "Ks 0 0 0",
            "d 1",
            "illum 1",
            f"map_Kd {path.with_suffix('.png').name}",
            "",
        ]
    )


FORMATS.add(
    ".obj",
    MeshFormat(".obj", "Wavefront OBJ, text", write_obj, lambda v, f: 85 * v + 42 * f + 8192, textured=True),
)
