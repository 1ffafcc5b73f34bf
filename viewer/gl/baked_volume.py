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
from core_model.schema.camera import MatrixCamera, OrbitPose
from viewer.gl.map_target import MapTarget
from viewer.gl.program import Program

BakedMap = Literal["rgb", "normal", "depth", "opacity"]
MAPS: dict[str, int] = {"rgb": 0, "normal": 1, "depth": 2, "opacity": 3}
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


class VolumeTextures:
    """One volume on the graphics card; complete when `upload` says so."""

    def __init__(self, spec: BakedSpec, arrays: BakedArrays) -> None:
        self.spec = spec
        self._names = [int(n) for n in np.atleast_1d(GL.glGenTextures(4))]
        room = room_of(spec, arrays)
        bricks = brick_table(spec, arrays)
        kinds = (
            (bricks, GL.GL_RGBA16F, GL.GL_RGBA, GL.GL_FLOAT, GL.GL_NEAREST),
            (arrays.value, GL.GL_R16F, GL.GL_RED, GL.GL_HALF_FLOAT, GL.GL_LINEAR),
            (arrays.colour, GL.GL_RGBA8, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, GL.GL_LINEAR),
            (room, GL.GL_R8, GL.GL_RED, GL.GL_UNSIGNED_BYTE, GL.GL_NEAREST),
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
        self._march = Program("baked.vert", "baked.frag")
        self._normals = Program("baked.vert", "baked.frag", ("NORMALS",))
        self._tiles = MapTarget()
        self._target = MapTarget()
        self._vao = int(GL.glGenVertexArrays(1))

    @property
    def map_texture(self) -> int:
        """GL name of the last map (RGBA16F, row 0 = top): values times validity, and validity."""
        return self._target.texture

    def draw(
        self, volume: VolumeTextures, camera: OrbitPose | MatrixCamera, edge: int, shown: BakedMap
    ) -> int:
        """The map `shown` of a complete volume, edge x edge pixels, in `map_texture`."""
        tiles = -(-edge // TILE)
        self._tiles.resize(tiles, tiles)
        self._target.resize(edge, edge)
        before = int(GL.glGetIntegerv(GL.GL_FRAMEBUFFER_BINDING))  # pyright: ignore
        box = [int(v) for v in GL.glGetIntegerv(GL.GL_VIEWPORT)]
        for flag in (GL.GL_BLEND, GL.GL_SCISSOR_TEST, GL.GL_DEPTH_TEST, GL.GL_CULL_FACE):
            GL.glDisable(flag)
        volume.bind()
        uniforms = _volume_uniforms(volume.spec) | _camera_uniforms(camera)
        GL.glBindVertexArray(self._vao)
        self._tiles.begin()
        raster = {"size": (float(edge), float(edge)), "tile": float(TILE)}
        self._reach.use({**uniforms, **raster})
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, 3)
        background = volume.spec.background or (0.0, 0.0, 0.0)
        self._target.begin()
        GL.glClearColor(*_NOTHING.get(shown, (*background, 1.0)))
        GL.glClear(GL.GL_COLOR_BUFFER_BIT)
        GL.glActiveTexture(int(GL.GL_TEXTURE0) + 4)
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._tiles.texture)
        program = self._normals if shown == "normal" else self._march
        program.use({**uniforms, **raster, "map": MAPS[shown], "background": background, "reach": 4})
        GL.glDrawArraysInstanced(GL.GL_TRIANGLE_STRIP, 0, 4, tiles * tiles)
        GL.glBindVertexArray(0)
        GL.glUseProgram(0)
        GL.glActiveTexture(GL.GL_TEXTURE0)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, before)
        GL.glViewport(*box)
        return self._target.texture

    def read(self) -> np.ndarray:
        """[H, W, 4] float32 of the last map, top row first."""
        return self._target.read()

    def delete(self) -> None:
        """Frees every GL object; needs the context that made them."""
        for part in (self._reach, self._march, self._normals, self._tiles, self._target):
            part.delete()
        GL.glDeleteVertexArrays(1, [self._vao])


BLOCKS = 64
"""Blocks per edge of the cube, at most, of which is known how far the nearest surface is."""
RINGS = 24
"""Distances are counted so far, in blocks."""
REACH, FAINT = 5.0, 1e-3
"""As the shader has it: a surface is felt this many betas away; a density below this is none [1 / world unit]."""


def brick_table(spec: BakedSpec, arrays: BakedArrays) -> np.ndarray:
    """[M, M, M, 4] float32: `bricks` of the shader."""
    table = np.empty(arrays.index.shape, np.float32)
    table[..., :3] = arrays.index[..., :3]
    occupied = arrays.index[..., 3] > 0
    slope = np.ones(occupied.shape, np.float32)
    if spec.field == "sdf":
        slope[occupied] = np.maximum(_steepest(spec, _stacks(spec, arrays)), 1.0)
        for axis in range(3):  # a step may end in the next brick
            slope = _over(np.pad(slope, [(1, 1) if i == axis else (0, 0) for i in range(3)], "edge"), 2, axis, np.maximum, 1)
    table[..., 3] = np.where(occupied, -1.0 / slope, arrays.clear)
    return table


def _stacks(spec: BakedSpec, arrays: BakedArrays) -> np.ndarray:
    """[bricks, b, b, b] float32: the samples of the occupied bricks, in the order of their places [z, y, x] in the cube."""
    b = spec.brick + 1
    at = arrays.index[arrays.index[..., 3] > 0][:, :3].astype(np.intp)
    stacks = arrays.value.reshape(spec.atlas[2], b, spec.atlas[1], b, spec.atlas[0], b)
    return stacks[at[:, 2], :, at[:, 1], :, at[:, 0], :].astype(np.float32)


def _steepest(spec: BakedSpec, bricks: np.ndarray) -> np.ndarray:
    """[bricks]: largest slope outside the surface that differences of neighbouring samples show."""
    cell = 2.0 * spec.box / spec.level
    corner = bricks[:, :-1, :-1, :-1]
    squares = (
        (bricks[:, 1:, :-1, :-1] - corner) ** 2
        + (bricks[:, :-1, 1:, :-1] - corner) ** 2
        + (bricks[:, :-1, :-1, 1:] - corner) ** 2
    )
    return np.sqrt(np.where(corner > -cell, squares, 0.0).max(axis=(1, 2, 3))) / cell


def room_of(spec: BakedSpec, arrays: BakedArrays) -> np.ndarray:
    """[K, K, K] uint8: Chebyshev distance of each block to the nearest one that a ray may feel, in blocks, 0 in such a one."""
    per = max(1, spec.level // BLOCKS)
    while spec.brick % per:
        per += 1
    n = spec.brick // per
    used = np.argwhere(arrays.index[..., 3] > 0)
    bricks = _stacks(spec, arrays)
    felt = np.zeros((spec.bricks, n, spec.bricks, n, spec.bricks, n), bool)
    felt[used[:, 0], :, used[:, 1], :, used[:, 2], :] = _felt_blocks(spec, bricks, per)
    felt = felt.reshape((spec.bricks * n,) * 3)
    room = np.full(felt.shape, RINGS, np.uint8)
    for ring in range(RINGS):
        room[felt & (room == RINGS)] = ring
        felt = _dilated(felt)
        if felt.all():
            room[room == RINGS] = ring + 1
            break
    return room


def _felt_blocks(spec: BakedSpec, bricks: np.ndarray, per: int) -> np.ndarray:
    """[bricks, n, n, n] bool of bricks [bricks, b, b, b]: what the samples of each block, its faces included, have."""
    low, high = bricks, bricks
    for axis in (1, 2, 3):
        low, high = _over(low, per, axis, np.minimum), _over(high, per, axis, np.maximum)
    if spec.field == "density":
        return high > FAINT
    assert spec.log_beta is not None
    return low < REACH * np.exp(spec.log_beta[1])


def _over(values: np.ndarray, per: int, axis: int, pick: np.ufunc, stride: int = 0) -> np.ndarray:
    """Extremes of each `per` + 1 neighbouring samples along an axis; the next ones begin `stride` (default: `per`) samples later."""
    ends = [slice(None)] * values.ndim
    found = None
    for i in range(per + 1):
        ends[axis] = slice(i, values.shape[axis] - per + i, stride or per)
        part = values[tuple(ends)]
        found = part if found is None else pick(found, part)
    assert found is not None
    return found


def _dilated(blocks: np.ndarray) -> np.ndarray:
    for axis in range(3):
        wide = blocks.copy()
        first, last = [slice(None)] * 3, [slice(None)] * 3
        first[axis], last[axis] = slice(None, -1), slice(1, None)
        wide[tuple(first)] |= blocks[tuple(last)]
        wide[tuple(last)] |= blocks[tuple(first)]
        blocks = wide
    return blocks


Uniforms = dict[str, float | int | tuple[float, ...]]


def _volume_uniforms(spec: BakedSpec) -> Uniforms:
    low, high = spec.log_beta or (0.0, 0.0)
    return {
        "bricks": 0,
        "value": 1,
        "paint": 2,
        "room": 3,
        "atlas": tuple(float(n * (spec.brick + 1)) for n in spec.atlas),
        "bounds": (0.0, 1e9),
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
