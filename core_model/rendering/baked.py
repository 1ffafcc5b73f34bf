"""A level of a brick pyramid as a baked volume: the texels that the window and the shared file draw.

Memory: 729 samples of 6 bytes per brick (value in half precision, colour and beta in 8 bits), 8 bytes per entry of the
brick table. A head at 256³ has about 2,500 bricks: 11 MB.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core_model.rendering.brick_pyramid import BRICK, BrickLevel
from core_model.schema.baked import BakedArrays, BakedSpec
from core_model.schema.conventions import Conventions
from core_model.schema.latent import LatentSpec

LARGEST_HALF = 65504.0
"""Largest density that half precision holds [1 / world unit]: opaque at any size of a pixel."""
MOST_BRICKS = 255
"""Bricks along an edge of the atlas: its positions are 8-bit numbers."""


def baked(
    level: BrickLevel, conv: Conventions, checkpoint: str, latent: LatentSpec
) -> tuple[BakedSpec, BakedArrays]:
    """The volume of one head; level: of its field (`BrickPyramid`), checkpoint: hash of the content."""
    is_sdf = level.samples.shape[1] == 5
    shape = _atlas(len(level))
    value = level.samples[:, 0] if is_sdf else level.samples[:, 0].clamp(0.0, LARGEST_HALF)
    log_beta = None
    alpha = torch.full_like(value, 1.0)
    if is_sdf and len(level):
        low, high = float(level.samples[:, 1].min()), float(level.samples[:, 1].max())
        log_beta = (low, high)
        alpha = (level.samples[:, 1] - low) / max(high - low, 1e-12)
    elif is_sdf:
        log_beta = (0.0, 0.0)
    texels = (
        torch.cat([level.samples[:, -3:], alpha[:, None]], dim=1)
        .clamp(0.0, 1.0)
        .mul(255.0)
        .round()
        .to(torch.uint8)
    )
    spec = BakedSpec(
        checkpoint=checkpoint, latent=latent, level=level.cells, brick=BRICK, box=conv.box, field="sdf" if is_sdf else "density",
        density_rule=conv.density_rule, log_beta=log_beta, background=conv.background, atlas=shape, near=conv.near, far=conv.far,
    )  # fmt: skip
    arrays = BakedArrays(
        index=_table(level, shape, spec.bricks),
        clear=_clear(level, spec.bricks, 2.0 * conv.box / spec.bricks),
        value=_laid_out(value.half(), shape).cpu().numpy(),
        colour=_laid_out(texels.permute(0, 2, 3, 4, 1), shape).cpu().numpy(),
    )
    return spec, arrays


def _atlas(count: int) -> tuple[int, int, int]:
    """Bricks along x, y, z of an atlas for so many, near a cube; raises ValueError beyond what the table can name."""
    x = max(1, round(count ** (1.0 / 3.0)))
    z = max(1, -(-count // (x * x)))
    if max(x, z) > MOST_BRICKS:
        raise ValueError(f"{count} bricks do not fit an atlas of {MOST_BRICKS}³")
    return x, x, z


def _laid_out(bricks: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """[K, 9, 9, 9, ..] → [Z, Y, X, ..] of the atlas; places without a brick are zero."""
    nx, ny, nz = shape
    edge = bricks.shape[1]
    full = bricks.new_zeros((nx * ny * nz, *bricks.shape[1:]))
    full[: len(bricks)] = bricks
    rest = bricks.shape[4:]
    apart = full.reshape(nz, ny, nx, edge, edge, edge, *rest).permute(
        0, 3, 1, 4, 2, 5, *range(6, 6 + len(rest))
    )
    return apart.reshape(nz * edge, ny * edge, nx * edge, *rest).contiguous()


def _table(level: BrickLevel, shape: tuple[int, int, int], bricks: int) -> np.ndarray:
    """Atlas position of each brick [M, M, M, 4] (see `BakedArrays.index`)."""
    nx, ny, _ = shape
    number = torch.arange(len(level))
    place = torch.stack(
        [number % nx, number // nx % ny, number // (nx * ny), torch.full_like(number, 255)], dim=-1
    )
    index = np.zeros((bricks, bricks, bricks, 4), np.uint8)
    x, y, z = level.at.cpu().numpy().T
    index[z, y, x] = place.numpy()
    return index


def _clear(level: BrickLevel, bricks: int, edge: float) -> np.ndarray:
    """Distance [M, M, M] from each brick (edge: world units) to the next one that is kept; the cube's own diagonal where none is.

    The squared distance of two boxes is a sum over the axes, so its smallest value is found one axis after the other.
    """
    far = 3.0 * bricks**2
    apart = torch.full((bricks, bricks, bricks), far)
    x, y, z = level.at.cpu().T
    apart[z, y, x] = 0.0
    place = torch.arange(bricks)
    between = ((place[:, None] - place[None]).abs() - 1).clamp_min(0).float().square()
    for dim in range(3):
        along = apart.movedim(dim, -1)
        apart = (along[..., None, :] + between).amin(dim=-1).movedim(-1, dim)
    # half precision rounds to nearest: a step that is too long would jump over a surface
    return (apart.clamp_max(far).sqrt() * (edge * (1.0 - 2.0**-10))).half().numpy()
