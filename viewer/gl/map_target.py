"""An off-screen target of floats: maps that a shader computes and another one shows."""

from __future__ import annotations

import numpy as np
from OpenGL import GL

from core_model.schema.errors import TriscopeError


class MapTarget:
    """One RGBA32F texture with its framebuffer, made anew when its size changes."""

    def __init__(self) -> None:
        self._handle = int(GL.glGenFramebuffers(1))
        self.texture = 0
        self.size = (0, 0)

    def resize(self, width: int, height: int) -> None:
        """Storage of width x height pixels; raises TriscopeError when the driver refuses it."""
        if self.size == (width, height):
            return
        if self.texture:
            GL.glDeleteTextures(1, [self.texture])
        self.texture = int(GL.glGenTextures(1))
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.texture)
        GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, GL.GL_RGBA32F, width, height, 0, GL.GL_RGBA, GL.GL_FLOAT, None)
        for key, value in (
            (GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
        ):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, key, value)
        before = int(GL.glGetIntegerv(GL.GL_FRAMEBUFFER_BINDING))  # pyright: ignore
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._handle)
        GL.glFramebufferTexture2D(
            GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_TEXTURE_2D, self.texture, 0
        )
        status = GL.glCheckFramebufferStatus(GL.GL_FRAMEBUFFER)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, before)
        if status != GL.GL_FRAMEBUFFER_COMPLETE:
            raise TriscopeError(f"OpenGL refused a {width} x {height} target of floats (status {status})")
        self.size = (width, height)

    def begin(self) -> None:
        """Bind it for drawing, whole."""
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._handle)
        GL.glViewport(0, 0, *self.size)

    def read(self) -> np.ndarray:
        """[H, W, 4] float32; row 0 is what was drawn at the bottom of clip space."""
        width, height = self.size
        before = int(GL.glGetIntegerv(GL.GL_READ_FRAMEBUFFER_BINDING))  # pyright: ignore
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._handle)
        raw = GL.glReadPixels(0, 0, width, height, GL.GL_RGBA, GL.GL_FLOAT)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, before)
        return np.array(raw, dtype=np.float32).reshape(height, width, 4)

    def delete(self) -> None:
        if self.texture:
            GL.glDeleteTextures(1, [self.texture])
        GL.glDeleteFramebuffers(1, [self._handle])
        self.texture, self.size = 0, (0, 0)
