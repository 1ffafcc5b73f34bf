"""A photograph in a portrait convention: the square crop, and the camera that took it, from points of a face.

The pose of a generic face before a camera that looks at the convention's pivot, with the place and edge of the crop in the
photograph as the other unknowns, found by Gauss-Newton on the reprojection (perspective-n-point). The crop is upright, as EG3D's: a
tilted head is the camera's roll.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core_model.schema.camera import EG3D_FOCAL, EG3D_RADIUS, MatrixCamera, OrbitPose, Vec3, focal_from_fov
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen

UPRIGHT = 0.3
"""Weight that draws pitch to zero, per unit of its sine, in distances between eyes and mouth: five points of a smile say little of it."""
MAX_ERROR = 0.25
"""Largest root mean square error of the fit, in distances between the eyes and the mouth: beyond, the points are no face's."""


class Convention(Frozen):
    """Where a generic face lies in the world, and the cameras before it.

    face: eyes, nose tip and corners of the mouth, world units, those at the left of the picture first. pivot: what the middle of
    the crop shows. centre, radius: of the sphere that cameras lie on. focal: in widths of the crop.

    The defaults are EG3D's for FFHQ: the five points of Deep3DFaceRecon's mean face where EG3D's preparation puts them. The crop is
    its aligned picture of 1024 pixels (rescale factor 300) cut to the middle 700.
    """

    face: tuple[Vec3, Vec3, Vec3, Vec3, Vec3] = (
        (-0.0791, 0.0796, 0.1858), (0.0791, 0.0796, 0.1858), (0.0, -0.0061, 0.2927), (-0.0638, -0.0915, 0.2088), (0.0638, -0.0915, 0.2088),
    )  # fmt: skip
    pivot: Vec3 = (0.0, 0.0057, 0.1519)
    centre: Vec3 = (0.0, 0.0, 0.0)
    radius: float = EG3D_RADIUS
    focal: float = EG3D_FOCAL

    @classmethod
    def before(cls, pose: OrbitPose) -> Convention:
        """The face as large and as high in the crop as EG3D's, for the cameras of a checkpoint whose frontal one is `pose`."""
        there = EG3D.distance / EG3D.focal
        scale = pose.distance / focal_from_fov(pose.fov) / there
        away = [(np.array(p) - EG3D.pivot) * scale + pose.pivot for p in EG3D.face]
        left, right, nose, mouth_left, mouth_right = ((float(x), float(y), float(z)) for x, y, z in away)
        return cls(
            face=(left, right, nose, mouth_left, mouth_right), pivot=pose.pivot, radius=pose.radius,
            centre=pose.pivot if pose.centre is None else pose.centre, focal=focal_from_fov(pose.fov),
        )  # fmt: skip

    @property
    def distance(self) -> float:
        """From the pivot to the frontal camera, world units."""
        return _along(self, np.array([0.0, 0.0, 1.0]))


EG3D = Convention()


@dataclass(frozen=True)
class Crop:
    """Upright square of the photograph: left, top and edge, pixels; it may reach beyond the rim."""

    left: float
    top: float
    edge: float


def portrait_of(points: np.ndarray, convention: Convention = EG3D) -> tuple[Crop, MatrixCamera]:
    """Crop and camera of five points [5, 2], photograph pixels: eyes, nose tip, mouth corners, those at the left first.

    Raises InputError for points that are no face's.
    """
    points = np.asarray(points, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise InputError(
            what="bad points", where="--points", expected="5 pairs x,y", got=str(list(points.shape))
        )
    return portrait_of_places(points, np.array(convention.face), convention, UPRIGHT, points)


def portrait_of_places(
    points: np.ndarray, places: np.ndarray, convention: Convention, upright: float, five: np.ndarray
) -> tuple[Crop, MatrixCamera]:
    """`portrait_of` of any points [N, 2] of a face with their places [N, 3] in the convention's world.

    upright: see `UPRIGHT`; five [5, 2]: the points of `portrait_of`, to begin from and to measure by.
    """
    eyes, mouth = five[:2].mean(axis=0), five[3:].mean(axis=0)
    across, down = five[1] - five[0], mouth - eyes
    size = float(np.hypot(*down))
    if size < 2.0 or float(across[0] * down[1] - across[1] * down[0]) <= 0.02 * size**2:
        raise _no_face("eyes and mouth on a line, or mirrored")
    tilt = math.atan2(-down[0], down[1])
    high = convention.face[0][1] - convention.face[3][1]
    edge = size * convention.distance / (convention.focal * high)
    x = np.array([0.0, 0.0, -tilt, *(0.5 * (eyes + mouth)), edge])
    share = math.sqrt(5.0 / len(points)) / size  # as heavy as five points
    off = lambda v: share * (_seen(v, places, convention) - points).reshape(-1)
    x = fitted(
        x,
        lambda v: np.append(off(v), upright * _rotation(v[:3])[2, 1]),
        np.array([1.0, 1.0, 1.0, edge, edge, edge]),
    )
    error = float(np.sqrt(np.mean((_seen(x, places, convention) - points) ** 2))) / size
    if error > MAX_ERROR or x[5] <= 0:
        raise _no_face(f"{100 * error:.0f} % off")
    pose = np.eye(4)
    pose[:3, :3] = _rotation(x[:3]).T @ np.diag([1.0, -1.0, -1.0])
    back = -pose[:3, 2]
    pose[:3, 3] = np.array(convention.pivot) + _along(convention, back) * back
    k = (convention.focal, 0.0, 0.5, 0.0, convention.focal, 0.5, 0.0, 0.0, 1.0)
    camera = MatrixCamera(pose=tuple(pose.reshape(-1).tolist()), normalized_intrinsics=k)
    return Crop(float(x[3] - 0.5 * x[5]), float(x[4] - 0.5 * x[5]), float(x[5])), camera


def fitted(x: np.ndarray, residual: Callable[[np.ndarray], np.ndarray], scale: np.ndarray) -> np.ndarray:
    """Parameters [P] of the least squares of the residual, by damped Gauss-Newton from x [P]; scale [P]: a large step of each."""
    error, damping = residual(x), 1e-3
    for _ in range(100):
        columns = [(residual(x + scale * 1e-6 * unit) - error) / 1e-6 for unit in np.eye(len(x))]
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


def _along(convention: Convention, back: np.ndarray) -> float:
    """How far from the pivot along the unit vector `back` [3] the sphere of cameras lies."""
    away = np.array(convention.pivot) - np.array(convention.centre)
    b = float(away @ back)
    return -b + math.sqrt(max(b * b - float(away @ away) + convention.radius**2, 1e-12))


def _seen(x: np.ndarray, places: np.ndarray, convention: Convention) -> np.ndarray:
    """Photograph pixels [N, 2] of the places: x is the face's turn [3], the crop's centre [2] and edge, pixels."""
    turn = _rotation(x[:3])
    p = (places - np.array(convention.pivot)) @ turn.T
    depth = _along(convention, turn[2]) - p[:, 2]
    return np.stack([p[:, 0] / depth, -p[:, 1] / depth], axis=1) * convention.focal * x[5] + x[3:5]


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
