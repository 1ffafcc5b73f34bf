"""Turns one channel of a frame into a display texture.

Colour map, range, checkerboard, smooth enlargement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from OpenGL import GL

from core_model.schema.colormaps import colour_table
from viewer.gl.framebuffer import Framebuffer
from viewer.gl.program import Program
from viewer.gl.texture import Texture

Kind = Literal["colour", "scalar", "direction", "position"]
_COPY, _SMOOTH = 0, 1
_KIND_CODE: dict[str, int] = {"colour": 0, "scalar": 1, "direction": 2, "position": 3}


@dataclass(frozen=True)
class Presentation:
    """Everything beside the pixels that decides how a frame looks.

    low, high: range of scalars and positions in the channel's unit. width, height: target in framebuffer
    pixels. iso_step: distance of the lines of equal value of a scalar, in its unit; 0 = none.
    """

    kind: Kind
    width: int
    height: int
    colormap: str = "viridis"
    low: float = 0.0
    high: float = 1.0
    invert: bool = False
    dithering: bool = True
    checker_dark: tuple[float, float, float] = (0.11, 0.12, 0.13)
    checker_light: tuple[float, float, float] = (0.14, 0.15, 0.16)
    checker_size: float = 8.0
    iso_step: float = 0.0


class Presenter:
    """Owns the GL objects of the viewport picture.

    Draws only when the picture or its presentation changed.
    """

    def __init__(self) -> None:
        self._program = Program("fullscreen.vert", "present.frag")
        self._quick = Program("fullscreen.vert", "present.frag", ("QUICK",))
        self._frame = Texture()
        self._lut = Texture()
        self._lut_name = ""
        self._mask = Texture()
        self._masked: bool | None = None
        self._target = Framebuffer()
        self._source: int = int(GL.glGenFramebuffers(1))
        self._vao: int = int(GL.glGenVertexArrays(1))
        self._drawn: tuple[object, Presentation] | None = None
        self._uploaded: object = None

    @property
    def texture(self) -> int:
        """GL name of the finished picture (RGBA8, row 0 = top); 0 before the first `draw`."""
        return self._target.texture

    def draw(
        self,
        key: object,
        pixels: np.ndarray,
        how: Presentation,
        outlined: np.ndarray | None = None,
        opacity: float = 1.0,
    ) -> int:
        """Draws `pixels` ([H, W] or [3, H, W] float32, NaN = no value) and returns the texture's GL name.

        key: identity of the pixels and of `outlined`; equal keys mean that they are uploaded already.
        outlined: [H, W] bool, an outline is drawn around what it holds. opacity: below 1 it goes over what was drawn last.
        """
        if self._drawn == (key, how):
            return self.texture
        if self._uploaded != key:
            self._frame.upload(premultiplied(pixels))
            self._uploaded = key
            self._upload_mask(outlined)
        same = pixels.shape[-2:] == (how.height, how.width)
        self._paint(self._frame.handle, _COPY if same else _SMOOTH, how, bool(self._masked), opacity)
        self._drawn = (key, how) if opacity >= 1.0 else None
        return self.texture

    def draw_map(self, key: object, texture: int, edge: int, how: Presentation) -> int:
        """The same of a premultiplied map that is a texture of `edge`² already (`BakedVolume.draw`)."""
        if self._drawn == (key, how):
            return self.texture
        self._uploaded = None
        if how.kind == "colour":
            self._enlarge(texture, edge, how)
        else:
            self._upload_mask(None)
            lined = how.kind == "scalar" and how.iso_step > 0.0
            self._paint(texture, _COPY if edge == how.width else _SMOOTH, how, False, 1.0, quick=not lined)
        self._drawn = (key, how)
        return self.texture

    def _enlarge(self, texture: int, edge: int, how: Presentation) -> None:
        """Colours that are valid everywhere need no shader: with software OpenGL a copy takes a third of its time."""
        drawn = int(GL.glGetIntegerv(GL.GL_DRAW_FRAMEBUFFER_BINDING))  # pyright: ignore
        read = int(GL.glGetIntegerv(GL.GL_READ_FRAMEBUFFER_BINDING))  # pyright: ignore
        self._target.resize(how.width, how.height)
        GL.glDisable(GL.GL_SCISSOR_TEST)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._source)
        GL.glFramebufferTexture2D(
            GL.GL_READ_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_TEXTURE_2D, texture, 0
        )
        GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, self._target.handle)
        box = (0, 0, edge, edge, 0, 0, how.width, how.height)
        filtering = GL.GL_NEAREST if edge == how.width else GL.GL_LINEAR
        GL.glBlitFramebuffer(*box, GL.GL_COLOR_BUFFER_BIT, filtering)
        GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, drawn)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, read)

    def _paint(
        self,
        frame: int,
        enlarging: int,
        how: Presentation,
        outlined: bool,
        opacity: float,
        quick: bool = False,
    ) -> None:
        previous = GL.glGetIntegerv(GL.GL_FRAMEBUFFER_BINDING)
        box = GL.glGetIntegerv(GL.GL_VIEWPORT)
        if self._lut_name != how.colormap:
            self._lut.upload(colour_table(how.colormap, instead="viridis")[None])
            self._lut_name = how.colormap
        dropped = self._target.resize(how.width, how.height)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._target.handle)
        GL.glViewport(0, 0, how.width, how.height)
        for flag in (GL.GL_BLEND, GL.GL_SCISSOR_TEST, GL.GL_DEPTH_TEST, GL.GL_CULL_FACE):
            GL.glDisable(flag)
        if opacity < 1.0 and not dropped:
            GL.glEnable(GL.GL_BLEND)
            GL.glBlendFunc(GL.GL_CONSTANT_ALPHA, GL.GL_ONE_MINUS_CONSTANT_ALPHA)
            GL.glBlendColor(0.0, 0.0, 0.0, opacity)
        GL.glActiveTexture(GL.GL_TEXTURE0)
        GL.glBindTexture(GL.GL_TEXTURE_2D, frame)
        self._lut.bind(1)
        self._mask.bind(2)
        (self._quick if quick else self._program).use(
            {
                "frame": 0,
                "colormap": 1,
                "kind": _KIND_CODE[how.kind],
                "enlarging": enlarging,
                "low": float(how.low),
                "high": float(how.high),
                "invert": how.invert,
                "dithering": how.dithering,
                "checker_dark": how.checker_dark,
                "checker_light": how.checker_light,
                "checker_size": float(how.checker_size),
                "iso_step": float(how.iso_step),
                "mask": 2,
                "outlined": outlined,
            }
        )
        GL.glBindVertexArray(self._vao)
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, 3)
        GL.glBindVertexArray(0)
        GL.glDisable(GL.GL_BLEND)
        GL.glUseProgram(0)
        GL.glActiveTexture(GL.GL_TEXTURE0)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, int(previous))
        GL.glViewport(*(int(v) for v in box))

    def _upload_mask(self, outlined: np.ndarray | None) -> None:
        if outlined is not None:
            self._mask.upload(outlined.astype(np.float32)[..., None])
        elif self._masked is None:
            self._mask.upload(np.zeros((1, 1, 1), np.float32))
        self._masked = outlined is not None

    def read(self) -> np.ndarray:
        """[H, W, 3] uint8 of the finished picture, top row first (tests and screenshots)."""
        return self._target.read()[..., :3]

    def delete(self) -> None:
        """Frees every GL object; needs the context that made them."""
        for part in (self._program, self._quick, self._frame, self._lut, self._mask, self._target):
            part.delete()
        GL.glDeleteFramebuffers(1, [self._source])
        GL.glDeleteVertexArrays(1, [self._vao])


def premultiplied(pixels: np.ndarray) -> np.ndarray:
    """[H, W] → [H, W, 2] or [3, H, W] → [H, W, 4] float32.

    Values times validity, then validity (0 where NaN).
    """
    planes = pixels[None] if pixels.ndim == 2 else pixels
    out = np.empty((*planes.shape[1:], planes.shape[0] + 1), np.float32)
    valid = np.isfinite(planes).all(axis=0)
    out[..., -1] = valid
    out[..., :-1] = np.moveaxis(planes, 0, -1)
    if not valid.all():
        out[~valid, :-1] = 0.0
    return out
