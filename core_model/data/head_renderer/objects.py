"""OpenGL objects of the renderer: programs, meshes, pictures, targets. A context must be current."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from OpenGL import GL

from core_model.schema.assets import shader_path

Value = bool | int | float | tuple[float, ...] | np.ndarray
_FIRST_COLOUR = int(GL.GL_COLOR_ATTACHMENT0)
_KINDS = {".vert": GL.GL_VERTEX_SHADER, ".frag": GL.GL_FRAGMENT_SHADER}


class Program:
    """A vertex and a fragment shader of `shaders/`."""

    def __init__(self, vertex: str, fragment: str) -> None:
        self._handle = GL.glCreateProgram()
        for name in (vertex, fragment):
            GL.glAttachShader(self._handle, _compiled(name))
        GL.glLinkProgram(self._handle)
        if not GL.glGetProgramiv(self._handle, GL.GL_LINK_STATUS):
            raise RuntimeError(f"{vertex} + {fragment}: {GL.glGetProgramInfoLog(self._handle)}")
        self._places: dict[str, int] = {}

    def use(self, values: Mapping[str, Value]) -> None:
        """Binds the program and sets uniforms; a matrix [4, 4] is given row by row."""
        GL.glUseProgram(self._handle)
        self.set(values)

    def set(self, values: Mapping[str, Value]) -> None:
        for name, value in values.items():
            place = self._places.get(name)
            if place is None:
                place = self._places[name] = GL.glGetUniformLocation(self._handle, name)
            if isinstance(value, np.ndarray):
                GL.glUniformMatrix4fv(place, 1, True, np.ascontiguousarray(value, np.float32))
            elif isinstance(value, bool | int):
                GL.glUniform1i(place, int(value))
            elif isinstance(value, tuple) and len(value) == 3:
                GL.glUniform3f(place, *value)
            elif isinstance(value, tuple):
                GL.glUniform2f(place, *value)
            else:
                GL.glUniform1f(place, float(value))


def _compiled(name: str) -> int:
    shader = int(GL.glCreateShader(_KINDS[name[-5:]]) or 0)
    GL.glShaderSource(shader, "#version 330 core\n#line 1\n" + shader_path(name).read_text(encoding="utf-8"))
    GL.glCompileShader(shader)
    if not GL.glGetShaderiv(shader, GL.GL_COMPILE_STATUS):
        raise RuntimeError(f"shaders/{name}: {GL.glGetShaderInfoLog(shader)}")
    return shader


class Mesh:
    """Corners (position, normal, uv, visibility: 9 floats each) and triangles over them."""

    def __init__(self, corners: np.ndarray, triangles: np.ndarray) -> None:
        self._array = GL.glGenVertexArrays(1)
        self._corners, self._triangles = GL.glGenBuffers(2)
        GL.glBindVertexArray(self._array)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self._corners)
        data = np.ascontiguousarray(corners, np.float32)
        GL.glBufferData(GL.GL_ARRAY_BUFFER, data.nbytes, data, GL.GL_STATIC_DRAW)
        for index, (size, offset) in enumerate(((3, 0), (3, 12), (2, 24), (1, 32))):
            GL.glEnableVertexAttribArray(index)
            GL.glVertexAttribPointer(index, size, GL.GL_FLOAT, False, 36, ctypes.c_void_p(offset))
        self.count = 0
        self.order(triangles)

    def order(self, triangles: np.ndarray) -> None:
        """Replaces the triangles [M, 3], or their order."""
        GL.glBindVertexArray(self._array)
        GL.glBindBuffer(GL.GL_ELEMENT_ARRAY_BUFFER, self._triangles)
        data = np.ascontiguousarray(triangles, np.uint32)
        GL.glBufferData(GL.GL_ELEMENT_ARRAY_BUFFER, data.nbytes, data, GL.GL_DYNAMIC_DRAW)
        self.count = data.size

    def draw(self, count: int | None = None) -> None:
        """Draws the triangles (or the first `count` corners of them) with the program in use."""
        GL.glBindVertexArray(self._array)
        GL.glDrawElements(GL.GL_TRIANGLES, self.count if count is None else count, GL.GL_UNSIGNED_INT, None)

    def delete(self) -> None:
        GL.glDeleteVertexArrays(1, [self._array])
        GL.glDeleteBuffers(2, [self._corners, self._triangles])


def picture(pixels: np.ndarray, *, mip_maps: bool = True) -> int:
    """A texture of sRGB bytes [H, W, 4], row 0 on top (texture row 0)."""
    texture = GL.glGenTextures(1)
    GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels)
    GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
    GL.glTexImage2D(
        GL.GL_TEXTURE_2D, 0, GL.GL_SRGB8_ALPHA8, width, height, 0, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, data
    )
    if mip_maps:
        GL.glGenerateMipmap(GL.GL_TEXTURE_2D)
    _filter(GL.GL_LINEAR_MIPMAP_LINEAR if mip_maps else GL.GL_LINEAR, GL.GL_LINEAR)
    return texture


def backdrop_texture(image: np.ndarray) -> int:
    """A texture of floats [S, S, 3], row 0 on top; texture row 0 is the bottom one, as in a target."""
    texture = GL.glGenTextures(1)
    GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
    data = np.ascontiguousarray(image[::-1], np.float32)
    size = data.shape[0]
    GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, GL.GL_RGB32F, size, size, 0, GL.GL_RGB, GL.GL_FLOAT, data)
    _filter(GL.GL_NEAREST, GL.GL_NEAREST)
    return texture


def _filter(small: int, large: int) -> None:
    for name, value in (
        (GL.GL_TEXTURE_MIN_FILTER, small),
        (GL.GL_TEXTURE_MAG_FILTER, large),
        (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
        (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
    ):
        GL.glTexParameteri(GL.GL_TEXTURE_2D, name, value)


@dataclass(frozen=True)
class _Format:
    internal: int
    channels: int
    kind: int
    numpy: type
    count: int


FORMATS = {
    "rgba8": _Format(GL.GL_RGBA8, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, np.uint8, 4),
    "rgba16f": _Format(GL.GL_RGBA16F, GL.GL_RGBA, GL.GL_FLOAT, np.float32, 4),
    "rgba32f": _Format(GL.GL_RGBA32F, GL.GL_RGBA, GL.GL_FLOAT, np.float32, 4),
    "int8": _Format(GL.GL_R8I, GL.GL_RED_INTEGER, GL.GL_BYTE, np.int8, 1),
    "depth": _Format(GL.GL_DEPTH_COMPONENT24, GL.GL_DEPTH_COMPONENT, GL.GL_FLOAT, np.float32, 1),
}


class Target:
    """A framebuffer of size², with a texture for each of `colours` (names of FORMATS) and one for depth."""

    def __init__(
        self, size: int, colours: tuple[str, ...], *, depth: bool = True, compare: bool = False
    ) -> None:
        self.size = size
        self._formats = [FORMATS[name] for name in colours]
        self._frame = GL.glGenFramebuffers(1)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._frame)
        self.textures = [self._attach(f, _FIRST_COLOUR + i) for i, f in enumerate(self._formats)]
        self.depth = self._attach(FORMATS["depth"], int(GL.GL_DEPTH_ATTACHMENT)) if depth else 0
        if compare:
            GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_COMPARE_MODE, GL.GL_COMPARE_REF_TO_TEXTURE)
            _filter(GL.GL_LINEAR, GL.GL_LINEAR)
        buffers = [_FIRST_COLOUR + i for i in range(len(colours))] or [GL.GL_NONE]
        GL.glDrawBuffers(len(buffers), buffers)
        if GL.glCheckFramebufferStatus(GL.GL_FRAMEBUFFER) != GL.GL_FRAMEBUFFER_COMPLETE:
            raise RuntimeError(f"no framebuffer of {size} x {size} {colours}")

    def _attach(self, form: _Format, point: int) -> int:
        texture = GL.glGenTextures(1)
        GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
        size = self.size
        GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, form.internal, size, size, 0, form.channels, form.kind, None)
        _filter(GL.GL_NEAREST, GL.GL_NEAREST)
        GL.glFramebufferTexture2D(GL.GL_FRAMEBUFFER, point, GL.GL_TEXTURE_2D, texture, 0)
        return texture

    def begin(self) -> None:
        """Binds and clears it: colours to 0, depth to the far end."""
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._frame)
        GL.glViewport(0, 0, self.size, self.size)
        GL.glDepthMask(True)
        for i, form in enumerate(self._formats):
            if form.channels == GL.GL_RED_INTEGER:
                GL.glClearBufferiv(GL.GL_COLOR, i, np.zeros(4, np.int32))
            else:
                GL.glClearBufferfv(GL.GL_COLOR, i, np.zeros(4, np.float32))
        if self.depth:
            GL.glClearBufferfv(GL.GL_DEPTH, 0, np.ones(1, np.float32))

    def read(self, index: int = 0) -> np.ndarray:
        """[S, S, C] of a colour, or [S, S] of one channel; row 0 on top."""
        return self._read(self._formats[index], _FIRST_COLOUR + index)

    def read_depth(self) -> np.ndarray:
        """[S, S] depth in 0..1; row 0 at the bottom."""
        return self._read(FORMATS["depth"], None)[::-1]

    def _read(self, form: _Format, buffer: int | None) -> np.ndarray:
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._frame)
        if buffer is not None:
            GL.glReadBuffer(buffer)
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
        pixels = np.empty((self.size, self.size, form.count), form.numpy)
        GL.glReadPixels(0, 0, self.size, self.size, form.channels, form.kind, pixels)
        pixels = pixels[::-1]
        return np.ascontiguousarray(pixels if form.count > 1 else pixels[..., 0])

    def delete(self) -> None:
        GL.glDeleteFramebuffers(1, [self._frame])
        GL.glDeleteTextures([*self.textures, *([self.depth] if self.depth else [])])
