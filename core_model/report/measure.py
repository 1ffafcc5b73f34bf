"""Errors of a picture against a reference, and the pixel that is worth a closer look. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from core_model.report.records import PSNR_LIMIT, ChosenPixel, Psnr

FOREGROUND_OPACITY = 0.05
EDGE_DEPTH = 0.03  # world units between neighbours: a step, not a slope
MARGIN = 3


def squared_error(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """[3, H, W] twice → [H, W], mean over the channels."""
    return np.square(image.astype(np.float64) - reference).mean(axis=0)


def l2_error(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """[3, H, W] twice → [H, W], Euclidean distance of the colours."""
    return np.sqrt(np.square(image.astype(np.float64) - reference).sum(axis=0))


def decibel(mse: float) -> float:
    """PSNR [dB] of a mean squared error of values in [0, 1]; `PSNR_LIMIT` at most."""
    return PSNR_LIMIT if mse <= 0.0 else min(PSNR_LIMIT, -10.0 * math.log10(mse))


def worst_pixels(errors: np.ndarray, share: float) -> np.ndarray:
    """The `share` of values that are largest (at least one), any order."""
    flat = errors.reshape(-1)
    count = max(1, round(share * flat.size))
    return np.partition(flat, flat.size - count)[flat.size - count :]


def psnr_of(image: np.ndarray, reference: np.ndarray, foreground: np.ndarray) -> Psnr:
    """image, reference [3, H, W]; foreground [H, W] bool (nothing there: as all)."""
    errors = squared_error(image, reference)
    inside = errors[foreground] if foreground.any() else errors
    return Psnr(
        all=decibel(float(errors.mean())),
        foreground=decibel(float(inside.mean())),
        worst_1=decibel(float(worst_pixels(errors, 0.01).mean())),
        worst_01=decibel(float(worst_pixels(errors, 0.001).mean())),
    )


def choose_pixel(arrays: Mapping[str, np.ndarray]) -> ChosenPixel:
    """The hardest visible pixel: largest leftover mass with opacity > ½, at an edge if there is one.

    arrays: opacity, depth, leftover, entropy [H, W]. Where no ray has leftover mass the entropy decides.
    """
    opacity = np.nan_to_num(arrays["opacity"])
    leftover, entropy = np.nan_to_num(arrays["leftover"]), np.nan_to_num(arrays["entropy"])
    inner = np.zeros(opacity.shape, dtype=bool)
    inner[MARGIN:-MARGIN, MARGIN:-MARGIN] = True
    solid = inner & (opacity > 0.5)
    if not solid.any():
        y, x = np.unravel_index(int(opacity.argmax()), opacity.shape)
        return ChosenPixel(
            x=int(x), y=int(y), how="the most opaque pixel: none is half opaque", opacity=float(opacity[y, x])
        )
    edge = solid & _edges(opacity, arrays["depth"])
    allowed, place = (edge, "at a silhouette or a step in depth") if edge.any() else (solid, "anywhere")
    by_mass = float(leftover[allowed].max()) > 1e-6
    measure, name = (leftover, "leftover mass") if by_mass else (entropy, "proposal entropy")
    y, x = np.unravel_index(int(np.where(allowed, measure, -1.0).argmax()), opacity.shape)
    return ChosenPixel(
        x=int(x),
        y=int(y),
        how=f"largest {name} among pixels of opacity above 0.5, {place}",
        leftover=float(leftover[y, x]),
        opacity=float(opacity[y, x]),
    )


def _edges(opacity: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Pixels with a neighbour across a silhouette, or across a step in depth [world units]."""
    outside = opacity < 0.5
    far = np.where(np.isfinite(depth), depth, np.inf)
    found = np.zeros(opacity.shape, dtype=bool)
    for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        other = np.roll(far, (dy, dx), axis=(0, 1))
        with np.errstate(invalid="ignore"):
            step = np.abs(other - far) > EDGE_DEPTH
        found |= step | np.roll(outside, (dy, dx), axis=(0, 1))
    return found
