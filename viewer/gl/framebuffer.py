"""Framebuffers: one to draw into; the window's, with a picture copied under the GUI or taken of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from OpenGL import GL

from core_model.schema.atomic import replacing
from core_model.schema.errors import TriscopeError


class Framebuffer:
    """Colour only, resized on demand. `texture` stays valid until the next `resize` to another size."""

    def __init__(self) -> None:
        self.handle: int = int(GL.glGenFramebuffers(1))
        self.texture: int = 0
        self.size: tuple[int, int] = (0, 0)

    def resize(self, width: int, height: int) -> bool:
        """Makes the colour texture `width` x `height` pixels; True when the old content was dropped."""
        if self.size == (width, height) and self.texture:
            return False
        if self.texture:
            GL.glDeleteTextures(1, [self.texture])
        self.texture = int(GL.glGenTextures(1))
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.texture)
        GL.glTexImage2D(
            GL.GL_TEXTURE_2D, 0, GL.GL_RGBA8, width, height, 0, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, None
        )
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE)
        previous = int(GL.glGetIntegerv(GL.GL_FRAMEBUFFER_BINDING))  # pyright: ignore
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.handle)
        GL.glFramebufferTexture2D(
            GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_TEXTURE_2D, self.texture, 0
        )
        status = GL.glCheckFramebufferStatus(GL.GL_FRAMEBUFFER)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, int(previous))
        if status != GL.GL_FRAMEBUFFER_COMPLETE:
            raise TriscopeError(f"OpenGL refused a {width} x {height} framebuffer (status {status})")
        self.size = (width, height)
        return True

    def read(self) -> np.ndarray:
        """[H, W, 4] uint8; row 0 is what was drawn at the bottom of clip space."""
        width, height = self.size
        previous = int(GL.glGetIntegerv(GL.GL_READ_FRAMEBUFFER_BINDING))  # pyright: ignore
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self.handle)
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
        raw = GL.glReadPixels(0, 0, width, height, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, int(previous))
        return np.frombuffer(bytes(raw), dtype=np.uint8).reshape(height, width, 4).copy()

    def delete(self) -> None:
        if self.texture:
            GL.glDeleteTextures(1, [self.texture])
            self.texture = 0
        if self.handle:
            GL.glDeleteFramebuffers(1, [self.handle])
            self.handle = 0


@dataclass(frozen=True)
class Underlaid:
    """A square texture and its place: upper left corner and edge in framebuffer pixels, row 0 = top."""

    texture: int
    x: int
    y: int
    edge: int


class Underlay:
    """Copies pixel by pixel. With software OpenGL this takes a third of the time of a blended quad."""

    def __init__(self) -> None:
        self._source: int = int(GL.glGenFramebuffers(1))

    def draw(self, picture: Underlaid, window_height: int) -> None:
        """Into the framebuffer bound for drawing, `window_height` pixels high (OpenGL counts from below)."""
        before = int(GL.glGetIntegerv(GL.GL_READ_FRAMEBUFFER_BINDING))  # pyright: ignore
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._source)
        GL.glFramebufferTexture2D(
            GL.GL_READ_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_TEXTURE_2D, picture.texture, 0
        )
        GL.glDisable(GL.GL_SCISSOR_TEST)
        x, y, edge = picture.x, window_height - picture.y, picture.edge
        GL.glBlitFramebuffer(
            0, 0, edge, edge, x, y, x + edge, y - edge, GL.GL_COLOR_BUFFER_BIT, GL.GL_NEAREST
        )
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, before)


def save_window(path: Path, width: int, height: int) -> None:
    """Writes the drawn, not yet swapped frame ([height, width] framebuffer pixels) as PNG, atomically."""
    from PIL import Image

    GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, 0)
    GL.glReadBuffer(GL.GL_BACK)
    GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
    raw = GL.glReadPixels(0, 0, width, height, GL.GL_RGB, GL.GL_UNSIGNED_BYTE)
    pixels = np.frombuffer(bytes(raw), dtype=np.uint8).reshape(height, width, 3)[::-1]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, format="PNG")
