"""Draws a baked volume through the picture's camera, as a map that `Presenter` shows like one of the worker's.

The volume goes to the graphics card in slabs, so that no frame waits for it. Everything is OpenGL 3.3 core.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
from OpenGL import GL

from core_model.schema.baked import BakedArrays, BakedSpec
from core_model.schema.baked_tables import brick_table, room_of
from core_model.schema.camera import MatrixCamera, OrbitPose
from viewer.gl.map_target import MapTarget
from viewer.gl.program import Program

BakedMap = Literal["rgb", "normal", "depth", "opacity"]
MAPS: dict[str, int] = {"rgb": 0, "normal": 1, "depth": 2, "opacity": 3}
NEAREST = 1e-3
"""A camera sees nothing closer [world units]."""
EVEN = 0.02
"""Widths of a surface whose logarithms differ by less are taken as one."""
TILE = 8
"""Edge of the tiles whose rays advance together at first, pixels."""
_NOTHING = {"normal": (0.0, 0.0, 0.0, 0.0), "depth": (0.0, 0.0, 0.0, 0.0), "opacity": (0.0, 1.0, 0.0, 1.0)}
"""What a map holds where no ray meets anything; of colours the background."""
SLAB_BYTES = 1 << 20
UPLOAD_MS = 6.0
"""Time of one frame that an upload may take."""


@dataclass(frozen=True)
class _Slab:
    """Rows first to last (along z) of one texture."""

    unit: int
    first: int
    last: int


@dataclass(frozen=True)
class VolumeTexels:
    """A volume as its textures hold it; made on any thread.

    bricks, room: see `baked_tables`. value, paint: see `BakedArrays`.
    """

    spec: BakedSpec
    bricks: np.ndarray
    room: np.ndarray
    value: np.ndarray
    paint: np.ndarray

    @classmethod
    def of(cls, spec: BakedSpec, arrays: BakedArrays) -> VolumeTexels:
        return cls(spec, brick_table(spec, arrays), room_of(spec, arrays), arrays.value, arrays.colour)

    @property
    def nbytes(self) -> int:
        return self.bricks.nbytes // 2 + self.room.nbytes + self.value.nbytes + self.paint.nbytes


class VolumeTextures:
    """One volume on the graphics card; complete when `upload` says so."""

    def __init__(self, texels: VolumeTexels) -> None:
        self.spec, self.nbytes = texels.spec, texels.nbytes
        self._names = [int(n) for n in np.atleast_1d(GL.glGenTextures(4))]
        kinds = (
            (texels.bricks, GL.GL_RGBA16F, GL.GL_RGBA, GL.GL_FLOAT, GL.GL_NEAREST),
            (texels.value, GL.GL_R16F, GL.GL_RED, GL.GL_HALF_FLOAT, GL.GL_LINEAR),
            (texels.paint, GL.GL_RGBA8, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, GL.GL_LINEAR),
            (texels.room, GL.GL_R8, GL.GL_RED, GL.GL_UNSIGNED_BYTE, GL.GL_NEAREST),
        )
        self._layouts = [(np.ascontiguousarray(a), layout, kind) for a, _, layout, kind, _ in kinds]
        self._slabs: list[_Slab] = []
        for unit, (array, internal, layout, kind, filtering) in enumerate(kinds):
            self._allocate(unit, array.shape, int(internal), int(layout), int(kind), int(filtering))
            rows = max(1, SLAB_BYTES // max(1, array[0].nbytes))
            depth = len(array)
            self._slabs += [_Slab(unit, z, min(z + rows, depth)) for z in range(0, depth, rows)]

    @property
    def complete(self) -> bool:
        return not self._slabs

    def upload(self, budget_ms: float = UPLOAD_MS) -> bool:
        """Hand over slabs for about `budget_ms`, at least one; True when all are there."""
        end = time.perf_counter() + 1e-3 * budget_ms
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
        while self._slabs:
            slab = self._slabs.pop(0)
            array, layout, kind = self._layouts[slab.unit]
            part = array[slab.first : slab.last]
            depth, height, width = part.shape[:3]
            GL.glBindTexture(GL.GL_TEXTURE_3D, self._names[slab.unit])
            GL.glTexSubImage3D(
                GL.GL_TEXTURE_3D, 0, 0, 0, slab.first, width, height, depth, layout, kind, part
            )
            if time.perf_counter() > end:
                break
        if not self._slabs:
            self._layouts = []
        return self.complete

    def bind(self) -> None:
        for unit, name in enumerate(self._names):
            GL.glActiveTexture(int(GL.GL_TEXTURE0) + unit)
            GL.glBindTexture(GL.GL_TEXTURE_3D, name)

    def delete(self) -> None:
        if self._names:
            GL.glDeleteTextures(len(self._names), self._names)
            self._names = []
        self._slabs, self._layouts = [], []

    def _allocate(
        self, unit: int, shape: tuple[int, ...], internal: int, layout: int, kind: int, filtering: int
    ) -> None:
        GL.glBindTexture(GL.GL_TEXTURE_3D, self._names[unit])
        for key, value in (
            (GL.GL_TEXTURE_MIN_FILTER, filtering),
            (GL.GL_TEXTURE_MAG_FILTER, filtering),
            (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_R, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_MAX_LEVEL, 0),
        ):
            GL.glTexParameteri(GL.GL_TEXTURE_3D, key, value)
        depth, height, width = shape[:3]
        GL.glTexImage3D(GL.GL_TEXTURE_3D, 0, internal, width, height, depth, 0, layout, kind, None)


class BakedVolume:
    """Draws volumes; owns the programs and the targets, not the volumes."""

    def __init__(self) -> None:
        self._reach = Program("fullscreen.vert", "baked_reach.frag")
        self._march: dict[tuple[str, ...], Program] = {}
        self._tiles = MapTarget()
        self._target = MapTarget()
        self._vao = int(GL.glGenVertexArrays(1))

    @property
    def map_texture(self) -> int:
        """GL name of the last map (RGBA16F, row 0 = top): values times validity, and validity."""
        return self._target.texture

    def draw(
        self,
        volume: VolumeTextures,
        camera: OrbitPose | MatrixCamera,
        edge: int,
        shown: BakedMap,
        background: tuple[float, float, float] | None = None,
    ) -> int:
        """The map `shown` of a complete volume, edge x edge pixels, in `map_texture`.

        background: in place of the checkpoint's own.
        """
        tiles = -(-edge // TILE)
        self._tiles.resize(tiles, tiles)
        self._target.resize(edge, edge)
        before = int(GL.glGetIntegerv(GL.GL_FRAMEBUFFER_BINDING))  # pyright: ignore
        box = [int(v) for v in GL.glGetIntegerv(GL.GL_VIEWPORT)]
        for flag in (GL.GL_BLEND, GL.GL_SCISSOR_TEST, GL.GL_DEPTH_TEST, GL.GL_CULL_FACE):
            GL.glDisable(flag)
        volume.bind()
        uniforms = _volume_uniforms(volume.spec, camera.orthographic) | _camera_uniforms(camera)
        GL.glBindVertexArray(self._vao)
        self._tiles.begin()
        raster = {"size": (float(edge), float(edge)), "tile": float(TILE)}
        self._reach.use({**uniforms, **raster})
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, 3)
        background = background or volume.spec.background or (0.0, 0.0, 0.0)
        self._target.begin()
        GL.glClearColor(*_NOTHING.get(shown, (*background, 1.0)))
        GL.glClear(GL.GL_COLOR_BUFFER_BIT)
        GL.glActiveTexture(int(GL.GL_TEXTURE0) + 4)
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._tiles.texture)
        program = self._program(volume.spec, shown)
        program.use({**uniforms, **raster, "map": MAPS[shown], "background": background, "reach": 4})
        GL.glDrawArraysInstanced(GL.GL_TRIANGLE_STRIP, 0, 4, tiles * tiles)
        GL.glBindVertexArray(0)
        GL.glUseProgram(0)
        GL.glActiveTexture(GL.GL_TEXTURE0)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, before)
        GL.glViewport(*box)
        return self._target.texture

    def _program(self, spec: BakedSpec, shown: BakedMap) -> Program:
        """The march with what this map of this volume needs and no more; compiled at its first use."""
        low, high = spec.log_beta or (0.0, 0.0)
        needs = (("NORMALS",) if shown == "normal" else ()) + (("WIDTHS",) if high - low > EVEN else ())
        if needs not in self._march:
            self._march[needs] = Program("baked.vert", "baked.frag", needs)
        return self._march[needs]

    def finish(self) -> None:
        """Wait until everything is drawn, so that it can be timed."""
        GL.glFinish()

    def flush(self) -> None:
        """Have the driver begin with what was drawn."""
        GL.glFlush()

    def read(self) -> np.ndarray:
        """[H, W, 4] float32 of the last map, top row first."""
        return self._target.read()

    def delete(self) -> None:
        """Frees every GL object; needs the context that made them."""
        for part in (self._reach, *self._march.values(), self._tiles, self._target):
            part.delete()
        GL.glDeleteVertexArrays(1, [self._vao])


Uniforms = dict[str, float | int | tuple[float, ...]]


def _volume_uniforms(spec: BakedSpec, flat: bool) -> Uniforms:
    low, high = spec.log_beta or (0.0, 0.0)
    return {
        "bricks": 0,
        "value": 1,
        "paint": 2,
        "room": 3,
        "atlas": tuple(float(n * (spec.brick + 1)) for n in spec.atlas),
        "bounds": (NEAREST, 1e9) if flat or spec.near is None else (spec.near, spec.far or 1e9),
        "half_edge": spec.box,
        "cells": float(spec.level),
        "brick": float(spec.brick),
        "log_beta": (low, high),
        "is_density": int(spec.field == "density"),
    }


def _camera_uniforms(camera: OrbitPose | MatrixCamera) -> Uniforms:
    pose, k = camera.world_from_cam(), camera.intrinsics()
    flat = isinstance(camera, OrbitPose) and camera.orthographic
    axes = {name: tuple(pose[:3, i].tolist()) for i, name in enumerate(("right", "down", "forward", "eye"))}
    return axes | {
        "lens": (float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2])),
        "skew": float(k[0, 1]),
        "span": float(camera.distance) if flat and isinstance(camera, OrbitPose) else 0.0,
    }
