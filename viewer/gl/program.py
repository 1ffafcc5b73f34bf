"""GLSL programs: one-level `#include`, uniforms by name, compile errors with file and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from OpenGL import GL

from core_model.schema.assets import shader_path
from core_model.schema.errors import TriscopeError

_INCLUDE = re.compile(r'^\s*#include\s+"([^"]+)"\s*$', re.MULTILINE)
_VERSION = "#version 330 core\n"


class ShaderError(TriscopeError):
    """A shader did not compile or a program did not link; the message holds the driver's log."""


def shader_source(name: str, defines: tuple[str, ...] = ()) -> str:
    """Complete source of `shaders/<name>`: version line first, `defines` set, one level of includes replaced."""
    body = _INCLUDE.sub(
        lambda m: shader_path(m.group(1)).read_text(encoding="utf-8"),
        shader_path(name).read_text(encoding="utf-8"),
    )
    return _VERSION + "".join(f"#define {d}\n" for d in defines) + "#line 1\n" + body


def compile_shader(name: str, defines: tuple[str, ...] = ()) -> int:
    """Compiles `shaders/<name>` (kind from the suffix .vert or .frag).

    Returns the GL name, raises ShaderError.
    """
    kind = GL.GL_VERTEX_SHADER if name.endswith(".vert") else GL.GL_FRAGMENT_SHADER
    shader = _created(GL.glCreateShader(kind))
    GL.glShaderSource(shader, shader_source(name, defines))
    GL.glCompileShader(shader)
    if not GL.glGetShaderiv(shader, GL.GL_COMPILE_STATUS):
        log = _text(GL.glGetShaderInfoLog(shader))
        GL.glDeleteShader(shader)
        raise ShaderError(f"shaders/{name}: {log}")
    return shader


class Program:
    """A linked vertex + fragment pair. Uniform names that the program does not use are ignored."""

    def __init__(self, vertex: str, fragment: str, defines: tuple[str, ...] = ()) -> None:
        shaders = [compile_shader(vertex, defines), compile_shader(fragment, defines)]
        self.handle = _created(GL.glCreateProgram())
        for shader in shaders:
            GL.glAttachShader(self.handle, shader)
        GL.glLinkProgram(self.handle)
        for shader in shaders:
            GL.glDeleteShader(shader)
        if not GL.glGetProgramiv(self.handle, GL.GL_LINK_STATUS):
            log = _text(GL.glGetProgramInfoLog(self.handle))
            GL.glDeleteProgram(self.handle)
            raise ShaderError(f"{vertex} + {fragment}: {log}")
        self._locations: dict[str, int] = {}
        self._held: dict[str, float | int | bool | tuple[float, ...]] = {}

    def use(self, uniforms: Mapping[str, float | int | bool | tuple[float, ...]]) -> None:
        """Binds the program and sets uniforms: int and bool as int, float, tuples as vec2, vec3, vec4.

        A program keeps its uniforms, and a call costs more than a comparison: only what has changed is set.
        """
        GL.glUseProgram(self.handle)
        for name, value in uniforms.items():
            if name in self._held and self._held[name] == value:
                continue
            self._held[name] = value
            location = self._location(name)
            if isinstance(value, bool | int):
                GL.glUniform1i(location, int(value))
            elif isinstance(value, tuple):
                _VECTOR[len(value)](location, *(float(v) for v in value))
            else:
                GL.glUniform1f(location, float(value))

    def delete(self) -> None:
        if self.handle:
            GL.glDeleteProgram(self.handle)
            self.handle = 0

    def _location(self, name: str) -> int:
        if name not in self._locations:
            self._locations[name] = GL.glGetUniformLocation(self.handle, name)
        return self._locations[name]


_VECTOR: dict[int, Callable[..., None]] = {2: GL.glUniform2f, 3: GL.glUniform3f, 4: GL.glUniform4f}


def is_software() -> bool:
    """Whether the driver draws on the processor."""
    name = bytes(GL.glGetString(GL.GL_RENDERER) or b"").decode(errors="replace").lower()
    return any(soft in name for soft in ("llvmpipe", "softpipe", "swiftshader", "software"))


def _created(name: int | None) -> int:
    if not name:
        raise ShaderError("OpenGL made no shader object")
    return int(name)


def _text(log: bytes | str) -> str:
    return (log.decode(errors="replace") if isinstance(log, bytes) else log).strip()
