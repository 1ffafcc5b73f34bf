"""What a mesh is drawn into.

Colour or one float per pixel, with a depth buffer, and several samples per pixel where that is wanted.
"""

from __future__ import annotations

import numpy as np
from OpenGL import GL

from core_model.schema.errors import TriscopeError
from viewer.gl.framebuffer import Framebuffer


class MeshTarget:
    """Off-screen target of `kind` (GL_RGBA8, GL_R32F) with up to `samples` samples per pixel."""

    def __init__(self, kind: int, samples: int = 0) -> None:
        self._kind, self._samples = kind, samples
        self._handle = int(GL.glGenFramebuffers(1))
        self._buffers: list[int] = []
        self.size = (0, 0)

    def resize(self, width: int, height: int) -> None:
        """Storage of width x height pixels; raises TriscopeError when the driver refuses it."""
        if self.size == (width, height):
            return
        self._free()
        self._buffers = [int(n) for n in np.atleast_1d(GL.glGenRenderbuffers(2))]
        samples = min(self._samples, int(GL.glGetIntegerv(GL.GL_MAX_SAMPLES)))  # pyright: ignore
        previous = int(GL.glGetIntegerv(GL.GL_FRAMEBUFFER_BINDING))  # pyright: ignore
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._handle)
        kinds = ((self._kind, GL.GL_COLOR_ATTACHMENT0), (GL.GL_DEPTH_COMPONENT24, GL.GL_DEPTH_ATTACHMENT))
        for name, (kind, place) in zip(self._buffers, kinds, strict=True):
            GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, name)
            GL.glRenderbufferStorageMultisample(GL.GL_RENDERBUFFER, samples, kind, width, height)
            GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, place, GL.GL_RENDERBUFFER, name)
        status = GL.glCheckFramebufferStatus(GL.GL_FRAMEBUFFER)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, previous)
        if status != GL.GL_FRAMEBUFFER_COMPLETE:
            raise TriscopeError(f"OpenGL refused a {width} x {height} target for the mesh (status {status})")
        self.size = (width, height)

    def begin(self, clear: tuple[float, float, float, float]) -> None:
        """Bind, clear and switch the depth test on."""
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._handle)
        GL.glViewport(0, 0, *self.size)
        GL.glEnable(GL.GL_DEPTH_TEST)
        GL.glDepthFunc(GL.GL_LEQUAL)
        GL.glDepthMask(GL.GL_TRUE)
        GL.glClearColor(*clear)
        GL.glClearDepth(1.0)
        GL.glClear(int(GL.GL_COLOR_BUFFER_BIT) | int(GL.GL_DEPTH_BUFFER_BIT))

    def resolve(self, into: Framebuffer) -> None:
        """Mean of the samples into a colour texture of the same size."""
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._handle)
        GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, into.handle)
        width, height = self.size
        GL.glBlitFramebuffer(0, 0, width, height, 0, 0, width, height, GL.GL_COLOR_BUFFER_BIT, GL.GL_NEAREST)

    def read(self) -> np.ndarray:
        """[H, W] float32 of the bound GL_R32F target.

        Row 0 = bottom of clip space, which is the top of the image (see mesh.vert).
        """
        width, height = self.size
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 4)
        raw = GL.glReadPixels(0, 0, width, height, GL.GL_RED, GL.GL_FLOAT)
        return np.array(raw, dtype=np.float32).reshape(height, width)

    def delete(self) -> None:
        self._free()
        if self._handle:
            GL.glDeleteFramebuffers(1, [self._handle])
            self._handle = 0

    def _free(self) -> None:
        if self._buffers:
            GL.glDeleteRenderbuffers(len(self._buffers), self._buffers)
            self._buffers = []
        self.size = (0, 0)
