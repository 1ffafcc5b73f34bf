"""Slices through the field and pictures of the tri-planes.

What the window may ask, and where a slice lies in the world. A slice is a square on the plane n·x = offset,
seen from the side that n points to. Frame of a slice: `right` and `up` are unit vectors in the world, `right
× up = n`; its middle is the point of the plane nearest to the origin (the box is centred there).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from core_model.schema.camera import Vec3
from core_model.schema.latent import LatentSpec
from core_model.schema.question import Question

MAX_SLICE = 256
PlaneMode = Literal["channel", "rms", "pca"]


def _not_zero(v: Vec3) -> Vec3:
    if not all(math.isfinite(x) for x in v) or math.hypot(*v) < 1e-6:
        raise ValueError("a normal needs three finite numbers that are not all zero")
    return v


Normal = Annotated[Vec3, AfterValidator(_not_zero)]
"""Direction of any length but zero, world frame."""


@dataclass(frozen=True)
class SliceFrame:
    """right, up, normal: orthonormal [3] float64; middle: world point [3].

    half: half edge of the square, world units.
    """

    right: np.ndarray
    up: np.ndarray
    normal: np.ndarray
    middle: np.ndarray
    half: float

    def world(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Slice coordinates in [-1, 1] (a to the right, b up) → world points [.., 3]."""
        return self.middle + self.half * (
            np.asarray(a)[..., None] * self.right + np.asarray(b)[..., None] * self.up
        )

    def local(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World points [.., 3], projected along the normal → (a, b) in [-1, 1] inside the square."""
        away = (np.asarray(points, dtype=np.float64) - self.middle) / self.half
        return away @ self.right, away @ self.up

    def centres(self, size: int) -> np.ndarray:
        """World points [size, size, 3] of the pixels' centres, row 0 on top."""
        at = (np.arange(size) + 0.5) / size * 2.0 - 1.0
        a, b = np.meshgrid(at, -at)
        return self.world(a, b)


def slice_frame(normal: Vec3, offset: float, box: float) -> SliceFrame:
    """The square that covers what the plane cuts out of the cube [-box, box]³.

    Exactly the box where the plane is axis-aligned. Up is the world's y where that is possible; a slice seen
    from above has the subject's front at its lower edge.
    """
    n = np.asarray(normal, dtype=np.float64)
    n = n / np.linalg.norm(n)
    reference = (
        np.array([0.0, 1.0, 0.0]) if abs(n[1]) < 0.999 else np.array([0.0, 0.0, -1.0 if n[1] > 0 else 1.0])
    )
    right = np.cross(reference, n)
    right /= np.linalg.norm(right)
    up = np.cross(n, right)
    half = box * float(max(np.abs(right).sum(), np.abs(up).sum()))
    return SliceFrame(right, up, n, n * offset, half)


def offset_reach(normal: Vec3, box: float) -> float:
    """Largest |offset| at which the plane still meets the box, world units."""
    n = np.asarray(normal, dtype=np.float64)
    return float(box * np.abs(n).sum() / np.linalg.norm(n))


def box_section(normal: Vec3, offset: float, box: float) -> np.ndarray:
    """Corners [K, 3] of the polygon in which the plane cuts the box, in order around it.

    K = 0 where it misses.
    """
    frame = slice_frame(normal, offset, box)
    corners = np.array([[x, y, z] for x in (-box, box) for y in (-box, box) for z in (-box, box)])
    found: list[np.ndarray] = []
    for i in range(8):
        for j in range(i + 1, 8):
            if np.count_nonzero(corners[i] != corners[j]) != 1:
                continue
            a, b = (float(corners[k] @ frame.normal) - offset for k in (i, j))
            if a * b <= 0.0 and a != b:
                found.append(corners[i] + (corners[j] - corners[i]) * (a / (a - b)))
    if not found:
        return np.zeros((0, 3))
    points = np.unique(np.round(np.stack(found), 9), axis=0)
    x, y = frame.local(points)
    return points[np.argsort(np.arctan2(y - y.mean(), x - x.mean()))]


class SectionQuestion(Question):
    """The field on a square of a plane.

    Arrays [size, size] by quantity: density, and sdf, beta or raw where the family has them.

    also: what costs extra and comes only when it is asked for: slope |∇f| of the distance, norm of the
    tri-plane features.
    """

    latent: LatentSpec = LatentSpec()
    precision: Literal["fp32", "bf16"] = "fp32"
    normal: Normal = (0.0, 0.0, 1.0)
    offset: float = Field(
        default=0.0,
        allow_inf_nan=False,
        description="of the plane from the origin along the normal, world units",
    )
    size: int = Field(default=192, ge=8, le=MAX_SLICE, description="pixels per edge")
    also: Literal["", "slope", "features"] = ""


class PlanesQuestion(Question):
    """The tri-planes of a latent as pictures.

    One channel or the RMS over channels [3, H, W], or three components [3, 3, H, W]. Row 0 is the minimum of
    the plane's second axis, as it lies in memory.
    """

    latent: LatentSpec = LatentSpec()
    precision: Literal["fp32", "bf16"] = "fp32"
    level: int = Field(default=0, ge=0, description="level of families with several")
    mode: PlaneMode = "channel"
    channel: int = Field(default=0, ge=0)
