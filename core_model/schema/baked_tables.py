"""Tables that a baked volume is drawn with, made of its arrays: they let rays take long steps.

Pure numpy: made on any thread, before the graphics card sees the volume.
"""

from __future__ import annotations

import numpy as np

from core_model.schema.baked import BakedArrays, BakedSpec

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
            slope = _over(
                np.pad(slope, [(1, 1) if i == axis else (0, 0) for i in range(3)], "edge"),
                2,
                axis,
                np.maximum,
                1,
            )
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
