"""Baked volumes made in numpy: dense samples of a field packed into bricks as core_model/schema/baked.py lays them out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core_model.schema.baked import BakedArrays, BakedSpec
from core_model.schema.latent import LatentSpec

BOX, BETA = 0.5, 0.004


@dataclass(frozen=True)
class Dense:
    """Samples on the N + 1 corners of the cube, [z, y, x]: value, rgb in [0, 1], and the place of ln(beta) in [0, 1]."""

    value: np.ndarray
    rgb: np.ndarray
    alpha: np.ndarray


def corners(level: int) -> np.ndarray:
    """World points [N + 1, N + 1, N + 1, 3] of the samples, in (x, y, z)."""
    axis = np.linspace(-BOX, BOX, level + 1, dtype=np.float32)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return np.stack([x, y, z], axis=-1)


def head_distance(p: np.ndarray) -> np.ndarray:
    """Signed distance [..] of a head: a skull, a nose, two thin ears, and a neck."""
    skull = np.linalg.norm(p - (0.0, 0.05, 0.0), axis=-1) - 0.26
    nose = np.linalg.norm(p - (0.0, 0.02, 0.27), axis=-1) - 0.05
    ears = [
        np.maximum(np.linalg.norm(p - (side * 0.28, 0.05, 0.0), axis=-1) - 0.09, np.abs(p[..., 2]) - 0.012)
        for side in (-1.0, 1.0)
    ]
    neck = np.maximum(np.linalg.norm(p[..., [0, 2]], axis=-1) - 0.12, np.abs(p[..., 1] + 0.3) - 0.15)
    return np.minimum.reduce([skull, nose, *ears, neck])


def paint_of(p: np.ndarray) -> np.ndarray:
    """Smooth colours [.., 3] in [0, 1]."""
    return 0.5 + 0.4 * np.sin(9.0 * p + np.array((0.0, 1.0, 2.0)))


def dense_head(level: int) -> Dense:
    p = corners(level)
    return Dense(
        head_distance(p).astype(np.float32), paint_of(p).astype(np.float32), np.zeros(p.shape[:3], np.float32)
    )


def cloud_density(p: np.ndarray) -> np.ndarray:
    """A ball of fog, denser in the middle [1 / world unit]."""
    return 30.0 * np.clip(1.0 - np.linalg.norm(p, axis=-1) / 0.35, 0.0, 1.0)


def dense_cloud(level: int) -> Dense:
    p = corners(level)
    return Dense(
        cloud_density(p).astype(np.float32), paint_of(p).astype(np.float32), np.zeros(p.shape[:3], np.float32)
    )


def packed(
    dense: Dense,
    brick: int = 8,
    log_beta: tuple[float, float] | None = (math.log(BETA), math.log(BETA)),
    matters: Callable[[np.ndarray], np.ndarray] | None = None,
    latent: LatentSpec | None = None,
    background: tuple[float, float, float] | None = (0.86, 0.87, 0.88),
) -> tuple[BakedSpec, BakedArrays]:
    """Bricks of the samples where `matters` holds (default: near the surface, or denser than a thousandth)."""
    level = len(dense.value) - 1
    m, b = level // brick, brick + 1
    is_sdf = log_beta is not None
    band = 8.0 * math.exp(log_beta[1]) if is_sdf else 0.0
    keep = (np.abs(dense.value) < band + 1.5 * BOX / level) if is_sdf else dense.value > 1e-3
    if matters is not None:
        keep = matters(dense.value)
    cut = np.lib.stride_tricks.sliding_window_view
    blocks = cut(keep, (b, b, b))[::brick, ::brick, ::brick]
    occupied = blocks.any(axis=(3, 4, 5))
    if is_sdf:  # a brick that a surface crosses has samples of both signs, however coarse the grid
        signs = cut(dense.value, (b, b, b))[::brick, ::brick, ::brick]
        occupied |= (signs.min(axis=(3, 4, 5)) < 0.0) & (signs.max(axis=(3, 4, 5)) > 0.0)
    places = np.argwhere(occupied)
    side = max(1, math.ceil(len(places) ** (1 / 3)))
    atlas = (side, side, max(1, math.ceil(len(places) / side**2)))
    shape = (atlas[2] * b, atlas[1] * b, atlas[0] * b)
    value, colour = np.zeros(shape, np.float16), np.zeros((*shape, 4), np.uint8)
    index = np.zeros((m, m, m, 4), np.uint8)
    paint = np.concatenate([dense.rgb, dense.alpha[..., None]], axis=-1)
    for n, (z, y, x) in enumerate(places):
        at = (n % side, n // side % side, n // side**2)
        index[z, y, x] = (*at, 255)
        here = tuple(slice(i * b, (i + 1) * b) for i in reversed(at))
        there = tuple(slice(i * brick, i * brick + b) for i in (z, y, x))
        value[here] = dense.value[there]
        colour[here] = np.rint(255.0 * paint[there])
    spec = BakedSpec(
        checkpoint="blob", latent=latent or LatentSpec(), level=level, brick=brick, box=BOX, field="sdf" if is_sdf else "density",
        density_rule="volsdf" if is_sdf else "relu", log_beta=log_beta, background=background, atlas=atlas,
    )  # fmt: skip
    return spec, BakedArrays(index, clearance(occupied, 2 * BOX / m), value, colour)


def clearance(occupied: np.ndarray, edge: float) -> np.ndarray:
    """[M, M, M] float16: distance from any point of a brick to the nearest occupied one, rounded down; 0 in occupied ones."""
    places = np.argwhere(occupied)
    m = len(occupied)
    out = np.zeros(occupied.shape, np.float32)
    axis = np.arange(m)
    for z in range(m):
        y, x = np.meshgrid(axis, axis, indexing="ij")
        gaps = np.stack([np.full_like(y, z), y, x], axis=-1)[..., None, :] - places
        apart = np.linalg.norm(np.maximum(np.abs(gaps) - 1, 0), axis=-1)
        out[z] = edge * apart.min(axis=-1) if len(places) else 2.0
    return np.where(occupied, 0.0, 0.999 * out).astype(np.float16)
