"""Float textures that are re-used while their size stays the same."""

from __future__ import annotations

import numpy as np
from OpenGL import GL

_FORMATS = {
    1: (GL.GL_R32F, GL.GL_RED),
    2: (GL.GL_RG32F, GL.GL_RG),
    3: (GL.GL_RGB32F, GL.GL_RGB),
    4: (GL.GL_RGBA32F, GL.GL_RGBA),
}


class Texture:
    """2D float32 texture, clamped at its edge."""

    def __init__(self, linear: bool = True) -> None:
        self.handle: int = int(GL.glGenTextures(1))
        self.shape: tuple[int, int, int] = (0, 0, 0)
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.handle)
        filtering = GL.GL_LINEAR if linear else GL.GL_NEAREST
        for key, value in (
            (GL.GL_TEXTURE_MIN_FILTER, filtering),
            (GL.GL_TEXTURE_MAG_FILTER, filtering),
            (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
        ):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, key, value)

    def upload(self, pixels: np.ndarray) -> None:
        """Replaces the content by `pixels` [H, W, C] float32, C from 1 to 4, row 0 stored first."""
        pixels = np.ascontiguousarray(pixels, dtype=np.float32)
        height, width, channels = pixels.shape
        internal, layout = _FORMATS[channels]
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.handle)
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 4)
        if pixels.shape == self.shape:
            GL.glTexSubImage2D(GL.GL_TEXTURE_2D, 0, 0, 0, width, height, layout, GL.GL_FLOAT, pixels)
        else:
            GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, internal, width, height, 0, layout, GL.GL_FLOAT, pixels)
            self.shape = (height, width, channels)

    def bind(self, unit: int) -> None:
        GL.glActiveTexture(int(GL.GL_TEXTURE0) + unit)
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.handle)

    def delete(self) -> None:
        if self.handle:
            GL.glDeleteTextures(1, [self.handle])
            self.handle = 0
