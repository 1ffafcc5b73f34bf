"""Provenance inside mesh files, written and read back.

| file | place |
|---|---|
| .ply | header lines `comment triscope …`, pieces of one JSON text in their order |
| .obj | lines `# triscope …`, the same |
| .glb | asset.extras.triscope |
| .stl | NAME.stl.json beside it, see `stl.py`: the header has 80 bytes |
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from core_model.meshing.mesh import Stamp
from core_model.schema.record import KEY
from core_model.schema.record_text import HEAD_BYTES, glb_extras, mesh_lines

MESH_KEY = "triscope-mesh"
PIECE = 160  # some readers stop at lines of 256 characters


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
    """JSON text of the record (or, with MESH_KEY, of the mesh's figures) inside a mesh file.

    Empty where there is none. Raises OSError and ValueError for files that cannot be read.
    """
    suffix = path.suffix.lower()
    prefix = {".ply": "comment", ".obj": "#"}.get(suffix)
    with open(path, "rb") as file:
        if suffix == ".glb":
            found = glb_extras(file).get(key)
            return json.dumps(found) if found else ""
        return mesh_lines(file.read(HEAD_BYTES), prefix, key) if prefix is not None else ""


def png_bytes(image: np.ndarray, stamp: Stamp) -> bytes:
    """image [H, W, 3] uint8 sRGB."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    for key, value in ((KEY, stamp.record), (MESH_KEY, stamp.mesh)):
        if value:
            text.add_itxt(key, value)
    out = io.BytesIO()
    Image.fromarray(image).save(out, format="PNG", pnginfo=text)
    return out.getvalue()
