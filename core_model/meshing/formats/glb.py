"""Binary glTF 2.0: one primitive with positions, normals and colours or a texture; glTF's world axes.

Colours are sRGB in triscope and linear 16-bit in COLOR_0, where 8 bits would band in the dark; the embedded
texture stays sRGB, as glTF requires.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core_model import __version__
from core_model.meshing.formats.base import FORMATS, FileSet, MeshFormat, Tell
from core_model.meshing.formats.embedded import extras, png_bytes
from core_model.meshing.mesh import Mesh, Stamp
from core_model.schema.errors import InputError

ROWS = 1 << 18
FLOAT, USHORT, UINT = 5126, 5123, 5125
ARRAY, ELEMENTS = 34962, 34963
MAX_BYTES = 2**32 - 1


@dataclass
class _Buffer:
    """Views of the one binary chunk, in the order in which `pieces` writes them."""

    views: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0

    def view(self, size: int, target: int | None = None) -> int:
        entry: dict[str, Any] = {"buffer": 0, "byteOffset": self.size, "byteLength": size}
        if target is not None:
            entry["target"] = target
        self.views.append(entry)
        self.size += size + -size % 4
        return len(self.views) - 1

    def accessor(self, size: int, target: int, **description: Any) -> int:
        self.accessors.append({"bufferView": self.view(size, target), **description})
        return len(self.accessors) - 1


def linear16(colours: np.ndarray) -> np.ndarray:
    """sRGB uint8 [N, 3] → linear uint16 [N, 4] with alpha 1 (IEC 61966-2-1)."""
    s = np.arange(256) / 255.0
    table = np.rint(np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4) * 65535.0).astype("<u2")
    out = np.full((len(colours), 4), 65535, dtype="<u2")
    out[:, :3] = table[colours]
    return out


def write_glb(mesh: Mesh, stamp: Stamp, files: FileSet, path: Path, tell: Tell) -> None:
    """Raises InputError beyond 4 GiB, the most that the format can hold."""
    count = len(mesh.vertices)
    image = png_bytes(mesh.texture.image, stamp) if mesh.texture is not None else None
    buffer = _Buffer()
    low, high = ([float(x) for x in f(mesh.vertices, axis=0)] for f in (np.min, np.max))
    attributes = {
        "POSITION": buffer.accessor(
            12 * count, ARRAY, componentType=FLOAT, count=count, type="VEC3", min=low, max=high
        )
    }
    if mesh.normals is not None:
        attributes["NORMAL"] = buffer.accessor(
            12 * count, ARRAY, componentType=FLOAT, count=count, type="VEC3"
        )
    if mesh.texture is not None:
        attributes["TEXCOORD_0"] = buffer.accessor(
            8 * count, ARRAY, componentType=FLOAT, count=count, type="VEC2"
        )
    elif mesh.colours is not None:
        attributes["COLOR_0"] = buffer.accessor(
            8 * count, ARRAY, componentType=USHORT, count=count, type="VEC4", normalized=True
        )
    indices = buffer.accessor(
        12 * len(mesh.faces), ELEMENTS, componentType=UINT, count=3 * len(mesh.faces), type="SCALAR"
    )
    image_view = buffer.view(len(image)) if image is not None else None
    document = _document(mesh, stamp, buffer, attributes, indices, image_view)
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + buffer.size
    if total > MAX_BYTES or count >= 2**32:
        raise InputError(
            what="mesh is too large for .glb",
            where=str(path),
            expected="at most 4 GiB (.ply has no such limit; --faces decimates)",
            got=f"{total / 2**30:.1f} GiB",
        )
    with files.open(path) as stream:
        stream.write(struct.pack("<4sII", b"glTF", 2, total) + struct.pack("<I4s", len(text), b"JSON") + text)
        stream.write(struct.pack("<I4s", buffer.size, b"BIN\0"))
        written = 0
        for piece in _pieces(mesh, image):
            stream.write(piece)
            written += len(piece)
            tell(written / max(1, buffer.size))


def _pieces(mesh: Mesh, image: bytes | None) -> Iterator[bytes]:
    """The binary chunk; every view starts at a multiple of four bytes."""
    arrays = [(mesh.vertices, "<f4")]
    if mesh.normals is not None:
        arrays.append((mesh.normals, "<f4"))
    if mesh.texture is not None:
        arrays.append((mesh.texture.uv, "<f4"))
    for values, kind in arrays:
        for start in range(0, len(values), ROWS):
            yield np.ascontiguousarray(values[start : start + ROWS], dtype=kind).tobytes()
    if mesh.texture is None and mesh.colours is not None:
        for start in range(0, len(mesh.colours), ROWS):
            yield linear16(mesh.colours[start : start + ROWS]).tobytes()
    for start in range(0, len(mesh.faces), ROWS):
        yield np.ascontiguousarray(mesh.faces[start : start + ROWS], dtype="<u4").tobytes()
    if image is not None:
        yield image + b"\0" * (-len(image) % 4)


def _document(
    mesh: Mesh,
    stamp: Stamp,
    buffer: _Buffer,
    attributes: dict[str, int],
    indices: int,
    image_view: int | None,
) -> dict[str, Any]:
    surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 0.9}
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": f"triscope {__version__}", "extras": extras(stamp)},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "mesh"}],
        "meshes": [
            {
                "name": "mesh",
                "primitives": [{"attributes": attributes, "indices": indices, "mode": 4, "material": 0}],
            }
        ],
        "materials": [{"name": "surface", "pbrMetallicRoughness": surface, "doubleSided": not mesh.closed}],
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": buffer.size}],
    }
    if image_view is not None:
        surface["baseColorTexture"] = {"index": 0}
        document["images"] = [{"bufferView": image_view, "mimeType": "image/png", "name": "colour"}]
        document["samplers"] = [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}]
        document["textures"] = [{"sampler": 0, "source": 0}]
    return document


FORMATS.add(
    ".glb",
    MeshFormat(".glb", "glTF 2.0, binary", write_glb, lambda v, f: 32 * v + 12 * f + 8192, textured=True),
)
