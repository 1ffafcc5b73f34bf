"""Many small pictures in one texture, the least recently shown replaced first."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from OpenGL import GL

Box = tuple[float, float, float, float]
"""Texture coordinates (left, top, right, bottom)."""


class Atlas:
    """An RGBA8 texture of `rows` × `columns` tiles, each `tile` pixels square."""

    def __init__(self, tile: int, columns: int, rows: int) -> None:
        self.tile, self.columns, self.rows = tile, columns, rows
        self._places: OrderedDict[object, int] = OrderedDict()
        self.handle: int = int(GL.glGenTextures(1))
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.handle)
        for key, value in (
            (GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
        ):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, key, value)
        size = (columns * tile, rows * tile)
        GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, GL.GL_RGBA8, *size, 0, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, None)

    @property
    def nbytes(self) -> int:
        return 4 * self.columns * self.rows * self.tile * self.tile

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def put(self, key: object, pixels: np.ndarray) -> None:
        """Stores `pixels` [tile, tile, 3] uint8 under `key`."""
        place = self._places.pop(key, None)
        if place is None:
            full = len(self._places) >= self.columns * self.rows
            place = self._places.popitem(last=False)[1] if full else len(self._places)
        self._places[key] = place
        opaque = np.full((self.tile, self.tile, 4), 255, np.uint8)
        opaque[..., :3] = pixels
        x, y = place % self.columns * self.tile, place // self.columns * self.tile
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.handle)
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 4)
        GL.glTexSubImage2D(
            GL.GL_TEXTURE_2D, 0, x, y, self.tile, self.tile, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, opaque
        )

    def box(self, key: object) -> Box | None:
        """Where `key` lies, half a texel inside its tile so that no neighbour bleeds in.

        None where it is not kept.
        """
        place = self._places.get(key)
        if place is None:
            return None
        self._places.move_to_end(key)
        column, row = place % self.columns, place // self.columns
        half = 0.5 / self.tile
        return (
            (column + half) / self.columns,
            (row + half) / self.rows,
            (column + 1 - half) / self.columns,
            (row + 1 - half) / self.rows,
        )

    def delete(self) -> None:
        if self.handle:
            GL.glDeleteTextures(1, [self.handle])
            self.handle = 0
        self._places.clear()
