"""Screenshot of the window's own framebuffer."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from OpenGL import GL
from PIL import Image


def save_window(path: Path, width: int, height: int) -> None:
    """Writes the drawn, not yet swapped frame ([height, width] framebuffer pixels) as PNG, atomically."""
    GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, 0)
    GL.glReadBuffer(GL.GL_BACK)
    GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
    raw = GL.glReadPixels(0, 0, width, height, GL.GL_RGB, GL.GL_UNSIGNED_BYTE)
    pixels = np.frombuffer(bytes(raw), dtype=np.uint8).reshape(height, width, 3)[::-1]
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    Image.fromarray(np.ascontiguousarray(pixels)).save(part, format="PNG")
    os.replace(part, path)
