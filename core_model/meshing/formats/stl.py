"""Binary STL: triangles with their normals; no colours, no shared vertices, 80 bytes of text.

What restores the view does not fit into 80 bytes: it goes to NAME.stl.json beside the file, and its SHA-256
into the header, so that nobody takes the record of another mesh for this one's.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from core_model.meshing.formats.base import FORMATS, FileSet, MeshFormat, Tell
from core_model.meshing.formats.embedded import MESH_KEY
from core_model.meshing.mesh import Mesh, Stamp
from core_model.schema.errors import InputError
from core_model.schema.record import NPZ_KEY
from core_model.schema.record_stl import beside, mark_of

ROWS = 1 << 17
FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def write_stl(mesh: Mesh, stamp: Stamp, files: FileSet, path: Path, tell: Tell) -> None:
    """The count is a 32-bit number; a larger mesh is refused."""
    count = len(mesh.faces)
    if count >= 2**32:
        raise InputError(
            what="too many triangles", where=str(path), expected="fewer than 2³² in an .stl", got=str(count)
        )
    mark = b""
    if stamp.record:
        record = json.loads(stamp.record)
        mark = mark_of(record)
        with files.open(beside(path)) as stream:
            stream.write(
                json.dumps({NPZ_KEY: record, MESH_KEY: json.loads(stamp.mesh or "null")}, indent=1).encode()
            )
    with files.open(path) as stream:
        # a header that starts with "solid" would be taken for the text form
        line = stamp.line.encode("ascii", "replace")[: 80 - len(mark)]
        stream.write((line + mark).ljust(80, b" ") + struct.pack("<I", count))
        for start in range(0, count, ROWS):
            corners = mesh.vertices[mesh.faces[start : start + ROWS]]
            cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).astype(np.float64)
            length = np.linalg.norm(cross, axis=1, keepdims=True)
            facets = np.zeros(len(corners), dtype=FACET)
            facets["normal"] = np.divide(cross, length, out=np.zeros_like(cross), where=length > 0)
            facets["corners"] = corners
            stream.write(facets.tobytes())
            tell(start / max(1, count))


FORMATS.add(
    ".stl",
    MeshFormat(".stl", "STL, binary", write_stl, lambda v, f: 84 + 50 * f, coloured=False, normals=False),
)
