"""A baked volume: one head's field and colours in bricks near its surface, to be drawn while the camera
moves.

The worker makes it (`core_model.rendering.baked`), the window and the shared HTML file draw it
(`shaders/baked.frag`). Frames: world units, the box is a cube about the origin; texel order of every array is
[z, y, x], as `glTexImage3D` reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from core_model.schema.conventions import DensityRule
from core_model.schema.frozen import Frozen
from core_model.schema.latent import LatentSpec


class BakedSpec(Frozen):
    """What a baked volume shows, and its layout; the arrays are in `BakedArrays`.

    level: cells per edge N, samples lie on the N + 1 cell corners of the cube from -box to +box.
    brick: cells per brick edge b; a brick holds (b + 1)³ samples, so that neighbours share their faces and
        trilinear interpolation inside one brick is continuous across bricks.
    field: "sdf": `value` is the signed distance [world units, negative inside] and density follows VolSDF
        with the width beta below; "density": `value` is the density [1 / world unit].
    log_beta: smallest and largest ln(beta [world units]); the alpha channel of `colour` interpolates between
        them. None for a density field.
    atlas: bricks along x, y, z of the atlas textures.
    near, far: fixed ray bounds of the checkpoint [world units along unit rays], outside of which its pictures show
        nothing; None where a ray is followed through the whole cube.
    """

    checkpoint: str = Field(description="hash of the checkpoint's content")
    latent: LatentSpec
    level: int = Field(ge=16, le=1024)
    brick: int = Field(default=8, ge=4, le=16)
    box: float = Field(gt=0.0, description="half edge, world units")
    field: Literal["sdf", "density"]
    density_rule: DensityRule
    log_beta: tuple[float, float] | None = None
    background: tuple[float, float, float] | None = None
    atlas: tuple[int, int, int]
    near: float | None = None
    far: float | None = None

    @property
    def bricks(self) -> int:
        """Bricks per edge M of the cube."""
        return self.level // self.brick


@dataclass(frozen=True)
class BakedArrays:
    """Texel data; M = `BakedSpec.bricks`, (X, Y, Z) = atlas · (brick + 1).

    index: uint8 [M, M, M, 4], atlas position of each brick in bricks (r = x, g = y, b = z), a = 255 where
        there is one, 0 where the brick is empty.
    clear: float16 [M, M, M], a distance [world units] by which a ray may advance from any point of the brick
        without entering a brick with a surface (0 in occupied bricks).
    value: float16 [Z, Y, X].
    colour: uint8 [Z, Y, X, 4], sRGB-encoded colour as the checkpoint's own pictures have it, and ln(beta).
    """

    index: np.ndarray
    clear: np.ndarray
    value: np.ndarray
    colour: np.ndarray

    @property
    def nbytes(self) -> int:
        return self.index.nbytes + self.clear.nbytes + self.value.nbytes + self.colour.nbytes
