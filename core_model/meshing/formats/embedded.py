"""Provenance inside mesh files, written and read back.

| file | place |
|---|---|
| .ply | header lines `comment triscope …`, pieces of one JSON text in their order |
| .obj | lines `# triscope …`, the same |
| .glb | asset.extras.triscope |
| .stl | none but a summary in the 80 bytes of the header |
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core_model.meshing.mesh import Stamp

KEY, MESH_KEY = "triscope", "triscope-mesh"
PIECE = 160  # some readers stop at lines of 256 characters
HEAD_BYTES = 1 << 20


def lines(stamp: Stamp, prefix: str) -> Iterator[str]:
    """Header lines that hold the record and the mesh's own figures; ASCII."""
    for key, text in ((KEY, stamp.record), (MESH_KEY, stamp.mesh)):
        ascii_text = json.dumps(json.loads(text), separators=(",", ":")) if text else ""
        for start in range(0, len(ascii_text), PIECE):
            # a piece in quotes keeps blanks at its ends
            yield f"{prefix} {key} |{ascii_text[start : start + PIECE]}|"


def extras(stamp: Stamp) -> dict[str, Any]:
    """The same as one JSON object."""
    return {key: json.loads(text) for key, text in ((KEY, stamp.record), (MESH_KEY, stamp.mesh)) if text}


def read_record(path: Path, key: str = KEY) -> str:
    """JSON text of the record (or, with MESH_KEY, of the mesh's figures) inside a mesh file; empty where there is none.

    Raises OSError and ValueError for files that cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix == ".glb":
        found = _glb_extras(path).get(key)
        return json.dumps(found) if found else ""
    prefix = {".ply": "comment", ".obj": "#"}.get(suffix)
    if prefix is None:
        return ""
    start, pieces = f"{prefix} {key} |", []
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    for raw in head.split(b"\n"):
        line = raw.decode("ascii", "replace").rstrip("\r")
        if line.startswith(start) and line.endswith("|"):
            pieces.append(line[len(start) : -1])
        elif line == "end_header" or line.startswith("v "):
            break
    return "".join(pieces)


def _glb_extras(path: Path) -> dict[str, Any]:
    with open(path, "rb") as file:
        head = file.read(20)
        if len(head) < 20 or head[:4] != b"glTF" or head[16:20] != b"JSON":
            raise ValueError("not a binary glTF file")
        (length,) = struct.unpack("<I", head[12:16])
        if length > 1 << 28:
            raise ValueError("glTF description is too long")
        document = json.loads(file.read(length))
    asset = document.get("asset", {}) if isinstance(document, dict) else {}
    found = asset.get("extras", {}) if isinstance(asset, dict) else {}
    return found if isinstance(found, dict) else {}
