"""Draws a mesh through the picture's camera into a texture, and its distances along the rays into an array.

Both happen only when camera, mesh or `MeshLook` changed: an idle frame costs nothing. Everything is OpenGL
3.3 core.
"""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
from OpenGL import GL

from viewer.gl.framebuffer import Framebuffer
from viewer.gl.mesh_arrays import MeshArrays
from viewer.gl.mesh_camera import MeshCamera
from viewer.gl.mesh_target import MeshTarget
from viewer.gl.program import Program

Shading = Literal["lit", "matcap", "colour", "normals"]
_SHADING: dict[str, int] = {"lit": 0, "matcap": 1, "colour": 2, "normals": 3}
SAMPLES = 4
_OFF = (GL.GL_BLEND, GL.GL_SCISSOR_TEST, GL.GL_CULL_FACE, GL.GL_STENCIL_TEST)


@dataclass(frozen=True)
class MeshLook:
    """How a mesh is drawn.

    edge: of the square picture, framebuffer pixels. wire: opacity of the edges, 0 = none. ground: colour that
    the rim of the mesh fades to (the picture is transparent beside it). samples: per pixel.
    """

    edge: int
    shading: Shading = "lit"
    wire: float = 0.0
    wire_ink: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ground: tuple[float, float, float] = (0.0, 0.0, 0.0)
    samples: int = SAMPLES


class MeshView:
    """Owns the GL objects of one mesh on the screen; buffers are kept for the fine and the coarse mesh."""

    def __init__(self) -> None:
        self._shade = Program("mesh.vert", "mesh.frag")
        self._wire = Program("mesh.vert", "mesh_wire.frag")
        self._depth = Program("mesh.vert", "mesh_depth.frag")
        # rest and motion have targets of their own: memory is asked for when the window changes its size, not
        # in every drag
        self._sampled: dict[int, tuple[MeshTarget, Framebuffer]] = {}
        self._target: Framebuffer | None = None
        self._ranged = MeshTarget(GL.GL_R32F)
        self._buffers: dict[int, _Buffers] = {}
        self._drawn: object = None
        self._measured: tuple[object, np.ndarray] | None = None
        self.last_ms = 0.0
        self.draws = 0

    @property
    def texture(self) -> int:
        """GL name of the picture (RGBA8, row 0 = top, alpha 0 beside the mesh); 0 before the first `draw`."""
        return 0 if self._target is None else self._target.texture

    def draw(self, mesh: MeshArrays, camera: MeshCamera, look: MeshLook) -> int:
        """The texture with the mesh as the camera sees it; drawn anew only when something changed."""
        key = (mesh.number, camera.key, look)
        if key == self._drawn:
            return self.texture
        started, state = time.perf_counter(), _State()
        if look.samples not in self._sampled:
            self._sampled[look.samples] = (MeshTarget(GL.GL_RGBA8, look.samples), Framebuffer())
        sampled, self._target = self._sampled[look.samples]
        sampled.resize(look.edge, look.edge)
        self._target.resize(look.edge, look.edge)
        sampled.begin((*look.ground, 0.0))
        shading = look.shading if mesh.colours is not None or look.shading != "colour" else "lit"
        uniforms = _uniforms(camera)
        self._shade.use({**uniforms, "shading": _SHADING[shading]})
        self._triangles(mesh)
        if look.wire > 0.0:
            self._edges(mesh, look, uniforms)
        sampled.resolve(self._target)
        state.restore()
        GL.glFinish()
        self.last_ms = 1e3 * (time.perf_counter() - started)
        self._drawn = key
        self.draws += 1
        return self.texture

    def distances(self, mesh: MeshArrays, camera: MeshCamera, width: int, height: int) -> np.ndarray:
        """[height, width] float32: distance along each pixel's ray to the mesh, world units.

        NaN beside it.
        """
        key = (mesh.number, camera.key, width, height)
        if self._measured is not None and self._measured[0] == key:
            return self._measured[1]
        state = _State()
        self._ranged.resize(width, height)
        self._ranged.begin((0.0, 0.0, 0.0, 0.0))
        self._depth.use(_uniforms(camera))
        self._triangles(mesh)
        found = self._ranged.read()
        state.restore()
        found[found <= 0.0] = np.nan
        self._measured = (key, found)
        return found

    def keep(self, numbers: set[int]) -> None:
        """Free the buffers of every mesh but these."""
        for number in [n for n in self._buffers if n not in numbers]:
            self._buffers.pop(number).delete()

    def read(self) -> np.ndarray:
        """[H, W, 4] uint8 of the picture, top row first."""
        assert self._target is not None, "nothing was drawn yet"
        return self._target.read()

    def delete(self) -> None:
        """Frees every GL object; needs the context that made them."""
        self.keep(set())
        for part in (
            self._shade,
            self._wire,
            self._depth,
            self._ranged,
            *(p for pair in self._sampled.values() for p in pair),
        ):
            part.delete()
        self._sampled, self._target, self._drawn, self._measured = {}, None, None, None

    def _triangles(self, mesh: MeshArrays) -> None:
        if mesh.number not in self._buffers:
            self._buffers[mesh.number] = _Buffers(mesh)
        self._buffers[mesh.number].draw()

    def _edges(
        self, mesh: MeshArrays, look: MeshLook, uniforms: dict[str, float | int | tuple[float, ...]]
    ) -> None:
        GL.glEnable(GL.GL_BLEND)
        # the mesh stays opaque where edges cover it: alpha is not blended
        GL.glBlendFuncSeparate(
            GL.GL_SRC_ALPHA, GL.GL_ONE_MINUS_SRC_ALPHA, GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA
        )
        GL.glPolygonMode(GL.GL_FRONT_AND_BACK, GL.GL_LINE)
        GL.glEnable(GL.GL_POLYGON_OFFSET_LINE)
        GL.glPolygonOffset(-1.0, -2.0)
        GL.glDepthMask(GL.GL_FALSE)
        self._wire.use({**uniforms, "wire": (*look.wire_ink, look.wire)})
        self._triangles(mesh)
        GL.glDepthMask(GL.GL_TRUE)
        GL.glDisable(GL.GL_POLYGON_OFFSET_LINE)
        GL.glPolygonMode(GL.GL_FRONT_AND_BACK, GL.GL_FILL)
        GL.glDisable(GL.GL_BLEND)


class _Buffers:
    """One mesh in the memory of the graphics card."""

    def __init__(self, mesh: MeshArrays) -> None:
        self._vao = int(GL.glGenVertexArrays(1))
        self._names = [int(n) for n in np.atleast_1d(GL.glGenBuffers(4))]
        self._count = mesh.faces.size
        colours = (
            mesh.colours if mesh.colours is not None else np.full((len(mesh.vertices), 4), 200, np.uint8)
        )
        GL.glBindVertexArray(self._vao)
        for slot, array in enumerate((mesh.vertices, mesh.normals, np.ascontiguousarray(colours))):
            GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self._names[slot])
            GL.glBufferData(GL.GL_ARRAY_BUFFER, array.nbytes, array, GL.GL_STATIC_DRAW)
            kind, whole = (GL.GL_UNSIGNED_BYTE, GL.GL_TRUE) if slot == 2 else (GL.GL_FLOAT, GL.GL_FALSE)
            GL.glEnableVertexAttribArray(slot)
            GL.glVertexAttribPointer(slot, array.shape[1], kind, whole, 0, ctypes.c_void_p(0))
        GL.glBindBuffer(GL.GL_ELEMENT_ARRAY_BUFFER, self._names[3])
        GL.glBufferData(GL.GL_ELEMENT_ARRAY_BUFFER, mesh.faces.nbytes, mesh.faces, GL.GL_STATIC_DRAW)
        GL.glBindVertexArray(0)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, 0)

    def draw(self) -> None:
        GL.glBindVertexArray(self._vao)
        GL.glDrawElements(GL.GL_TRIANGLES, self._count, GL.GL_UNSIGNED_INT, ctypes.c_void_p(0))
        GL.glBindVertexArray(0)

    def delete(self) -> None:
        GL.glDeleteBuffers(len(self._names), self._names)
        GL.glDeleteVertexArrays(1, [self._vao])


class _State:
    """What Dear ImGui's backend and the presenter expect to find again."""

    def __init__(self) -> None:
        self._framebuffer = int(GL.glGetIntegerv(GL.GL_FRAMEBUFFER_BINDING))  # pyright: ignore
        self._viewport = [int(v) for v in GL.glGetIntegerv(GL.GL_VIEWPORT)]
        for flag in _OFF:
            GL.glDisable(flag)

    def restore(self) -> None:
        GL.glDisable(GL.GL_DEPTH_TEST)
        GL.glUseProgram(0)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._framebuffer)
        GL.glViewport(*self._viewport)


def _uniforms(camera: MeshCamera) -> dict[str, float | int | tuple[float, ...]]:
    rows: dict[str, float | int | tuple[float, ...]] = {
        f"clip{i}": tuple(camera.clip_from_world[i].tolist()) for i in range(4)
    }
    rows |= {f"cam{i}": tuple(camera.cam_from_world[i].tolist()) for i in range(3)}
    return rows | {"orthographic": int(camera.orthographic)}
