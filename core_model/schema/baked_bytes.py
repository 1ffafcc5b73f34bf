"""A baked volume as one run of bytes: index, clear, value, colour, one after the other, little-endian.

The record says how long each of them is, so that the same bytes go through shared memory, a pipe or a file.
"""

from __future__ import annotations

import math

import numpy as np

from core_model.schema.baked import BakedArrays, BakedSpec

NAMES = ("index", "clear", "value", "colour")


def layouts(spec: BakedSpec) -> tuple[tuple[tuple[int, ...], np.dtype], ...]:
    """(shape, type) of each array, in the order of NAMES."""
    m, edge = spec.bricks, spec.brick + 1
    texels = tuple(edge * n for n in reversed(spec.atlas))
    half, byte = np.dtype("<f2"), np.dtype("u1")
    return ((m, m, m, 4), byte), ((m, m, m), half), (texels, half), ((*texels, 4), byte)


def byte_count(spec: BakedSpec) -> int:
    return sum(math.prod(shape) * kind.itemsize for shape, kind in layouts(spec))


def usual_bytes(level: int) -> int:
    """What a head at this level takes, with some room: its surface grows with the square of the level."""
    return 192 * level * level


def parts_of(arrays: BakedArrays) -> tuple[memoryview, ...]:
    """The arrays as bytes, in order; nothing is copied where they are contiguous and little-endian, as they are made."""
    found = (arrays.index, arrays.clear, arrays.value, arrays.colour)
    return tuple(np.ascontiguousarray(a, a.dtype.newbyteorder("<")).data.cast("B") for a in found)


def arrays_of(spec: BakedSpec, data: bytes | memoryview) -> BakedArrays:
    """The arrays over `data`, not copied; raises ValueError when it is not as long as the record says."""
    buffer = memoryview(data).cast("B")
    if len(buffer) != byte_count(spec):
        raise ValueError(f"baked volume: expected {byte_count(spec)} bytes, got {len(buffer)}")
    arrays, at = [], 0
    for shape, kind in layouts(spec):
        size = math.prod(shape) * kind.itemsize
        arrays.append(np.frombuffer(buffer, kind, math.prod(shape), at).reshape(shape))
        at += size
    for array in arrays:
        array.flags.writeable = False
    return BakedArrays(*arrays)
