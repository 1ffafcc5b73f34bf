"""A photograph in a portrait convention, from five points of a face: the square crop, and the camera that took it.

The pose of a generic face before a camera that looks at its middle from the convention's distance, with the place and edge of
the crop in the photograph as the other unknowns, found by Gauss-Newton on the reprojection (perspective-n-point). The crop is
upright, as EG3D's: a tilted head is the camera's roll.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core_model.schema.camera import EG3D_FOCAL, EG3D_RADIUS, MatrixCamera
from core_model.schema.errors import InputError

FACE = np.array(
    [[-0.068, 0.045, 0.090], [0.068, 0.045, 0.090], [0.0, -0.030, 0.135], [-0.056, -0.095, 0.090], [0.056, -0.095, 0.090]]
)  # fmt: skip
"""Eyes, nose tip, corners of the mouth of a generic face, world units, those at the left of the picture first."""
UPRIGHT = 0.3
"""Weight that draws pitch to zero, per unit of its sine, in distances between eyes and mouth: five points of a smile say little of it."""
MAX_ERROR = 0.25
"""Largest root mean square error of the fit, in distances between the eyes and the mouth: beyond, the points are no face's."""


@dataclass(frozen=True)
class Crop:
    """Upright square of the photograph: left, top and edge, pixels; it may reach beyond the rim."""

    left: float
    top: float
    edge: float


def portrait_of(
    points: np.ndarray, focal: float = EG3D_FOCAL, radius: float = EG3D_RADIUS
) -> tuple[Crop, MatrixCamera]:
    """Crop and camera of five points [5, 2], photograph pixels: eyes, nose tip, mouth corners, those at the left first.

    focal: of the crop, in its widths; radius: distance of the camera to the world's origin. Raises InputError for points that
    are no face's.
    """
    points = np.asarray(points, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise InputError(
            what="bad points", where="--points", expected="5 pairs x,y", got=str(list(points.shape))
        )
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    across, down = points[1] - points[0], mouth - eyes
    size = float(np.hypot(*down))
    if size < 2.0 or float(across[0] * down[1] - across[1] * down[0]) <= 0.02 * size**2:
        raise _no_face("eyes and mouth on a line, or mirrored")
    tilt = math.atan2(-down[0], down[1])
    x = np.array([0.0, 0.0, -tilt, *(0.5 * (eyes + mouth)), size * radius / (focal * 0.14)])
    off = lambda v: (_seen(v, focal, radius) - points).reshape(-1) / size
    x = _fitted(x, lambda v: np.append(off(v), UPRIGHT * _rotation(v[:3])[2, 1]))
    error = float(np.sqrt(np.mean(off(x) ** 2)))
    if error > MAX_ERROR or x[5] <= 0:
        raise _no_face(f"{100 * error:.0f} % off")
    pose = np.eye(4)
    pose[:3, :3] = _rotation(x[:3]).T @ np.diag([1.0, -1.0, -1.0])
    pose[:3, 3] = -radius * pose[:3, 2]
    k = (focal, 0.0, 0.5, 0.0, focal, 0.5, 0.0, 0.0, 1.0)
    camera = MatrixCamera(pose=tuple(pose.reshape(-1).tolist()), normalized_intrinsics=k)
    return Crop(float(x[3] - 0.5 * x[5]), float(x[4] - 0.5 * x[5]), float(x[5])), camera


def _fitted(x: np.ndarray, residual: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Parameters [6] of the least squares of the residual, by damped Gauss-Newton from x [6]."""
    error, damping = residual(x), 1e-3
    scale = np.array([1.0, 1.0, 1.0, x[5], x[5], x[5]])
    for _ in range(100):
        columns = [(residual(x + scale * 1e-6 * np.eye(6)[k]) - error) / 1e-6 for k in range(6)]
        jacobian = np.stack(columns, axis=1)
        normal = jacobian.T @ jacobian
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), -jacobian.T @ error)
        trial = residual(x + scale * step)
        if trial @ trial < error @ error:
            x, error, damping = x + scale * step, trial, damping * 0.3
            if float(np.abs(step).max()) < 1e-10:
                break
        else:
            damping *= 10.0
            if damping > 1e8:
                break
    return x


def _seen(x: np.ndarray, focal: float, radius: float) -> np.ndarray:
    """Photograph pixels [5, 2] of the face: x is its turn [3], the crop's centre [2] and edge, pixels."""
    p = FACE @ _rotation(x[:3]).T
    depth = radius - p[:, 2]
    return np.stack([p[:, 0] / depth, -p[:, 1] / depth], axis=1) * focal * x[5] + x[3:5]


def _rotation(v: np.ndarray) -> np.ndarray:
    """Rodrigues' formula."""
    angle = float(np.linalg.norm(v))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = v / angle
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * k + (1.0 - math.cos(angle)) * (k @ k)


def _no_face(got: str) -> InputError:
    return InputError(
        what="the points are no face's", where="--points", got=got,
        expected="left eye, right eye, nose tip, left and right mouth corner, as the picture shows them",
    )  # fmt: skip
