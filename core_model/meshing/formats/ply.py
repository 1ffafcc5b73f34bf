"""Binary little-endian PLY: positions, normals, colours (8-bit sRGB), triangles."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core_model.meshing.formats.base import FORMATS, FileSet, MeshFormat, Tell
from core_model.meshing.formats.embedded import lines
from core_model.meshing.mesh import Mesh, Stamp
from core_model.schema.errors import InputError

ROWS = 1 << 18
MAX_VERTICES = 2**32


def write_ply(mesh: Mesh, stamp: Stamp, files: FileSet, path: Path, tell: Tell) -> None:
    """Vertex indices are `int`, beyond 2³¹ vertices `uint`; the format has nothing larger."""
    count = len(mesh.vertices)
    if count >= MAX_VERTICES:
        raise InputError(
            what="too many vertices", where=str(path), expected=f"fewer than {MAX_VERTICES}", got=str(count)
        )
    index = "int" if count < 2**31 else "uint"
    fields: list[tuple[str, str]] = [("x", "<f4"), ("y", "<f4"), ("z", "<f4")]
    if mesh.normals is not None:
        fields += [("nx", "<f4"), ("ny", "<f4"), ("nz", "<f4")]
    if mesh.colours is not None:
        fields += [("red", "u1"), ("green", "u1"), ("blue", "u1")]
    names = {"<f4": "float", "u1": "uchar"}
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment {stamp.line}",
        *lines(stamp, "comment"),
        f"element vertex {count}",
    ]
    header += [f"property {names[kind]} {name}" for name, kind in fields]
    header += [
        f"element face {len(mesh.faces)}",
        f"property list uchar {index} vertex_indices",
        "end_header",
        "",
    ]
    total = count + len(mesh.faces)
    with files.open(path) as stream:
        stream.write("\n".join(header).encode("ascii"))
        for start in range(0, count, ROWS):
            part = slice(start, start + ROWS)
            rows = np.empty(len(mesh.vertices[part]), dtype=fields)
            for k, name in enumerate("xyz"):
                rows[name] = mesh.vertices[part, k]
                if mesh.normals is not None:
                    rows[f"n{name}"] = mesh.normals[part, k]
            if mesh.colours is not None:
                for k, name in enumerate(("red", "green", "blue")):
                    rows[name] = mesh.colours[part, k]
            stream.write(rows.tobytes())
            tell(start / total)
        for start in range(0, len(mesh.faces), ROWS):
            part = mesh.faces[start : start + ROWS]
            faces = np.empty(len(part), dtype=[("n", "u1"), ("v", "<i4" if index == "int" else "<u4", 3)])
            faces["n"], faces["v"] = 3, part
            stream.write(faces.tobytes())
            tell((count + start) / total)


FORMATS.add(".ply", MeshFormat(".ply", "PLY, binary", write_ply, lambda v, f: 27 * v + 13 * f + 8192))
