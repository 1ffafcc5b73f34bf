"""A texture as a PNG that carries the record."""

from __future__ import annotations

import io

import numpy as np

from core_model.meshing.formats.embedded import KEY, MESH_KEY
from core_model.meshing.mesh import Stamp


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
