"""Cameras as plain numbers.

Frames: world +x right, +y up, the subject faces +z; cameras are OpenCV (+x right, +y down, +z forward);
`world_from_cam` maps camera points to world points. Angles in radians. Intrinsics are normalised by image
size.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError, field_validator

from core_model.schema.complaint import first_complaint
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen

# EG3D's FFHQ labels hold this focal length (its helper calls it 18.837 degrees and divides by 1.414: a
# diagonal angle).
EG3D_FOCAL = 4.2647
EG3D_RADIUS = 2.7
EG3D_FOV = 2.0 * math.atan(0.5 / EG3D_FOCAL)  # full horizontal angle of the same focal length: 13.37 degrees

Vec3 = tuple[float, float, float]


def fov_from_focal(focal: float) -> float:
    """Full horizontal angle [rad] of a focal length given in image widths."""
    return 2.0 * math.atan(0.5 / focal)


def focal_from_fov(fov: float) -> float:
    """Focal length in image widths of a full horizontal angle [rad]."""
    return 0.5 / math.tan(0.5 * fov)


class OrbitPose(Frozen):
    """Camera on a sphere, looking at `pivot`.

    yaw = pitch = 0 is frontal (camera on +z); yaw > 0 moves it to +x, pitch > 0 up. The sphere lies about the
    pivot, or about `centre` where that is given: EG3D's and Mimic3D's scripts turn the camera about the
    origin and let it look at a point in front of it (their LookAtPoseSampler), with +y up.
    """

    kind: Literal["orbit"] = "orbit"
    yaw: float = Field(default=0.0, description="rad, positive moves the camera to +x")
    pitch: float = Field(default=0.0, description="rad above the horizon", ge=-math.pi / 2, le=math.pi / 2)
    roll: float = Field(
        default=0.0, description="rad about the viewing axis, positive turns the image counter-clockwise"
    )
    radius: float = Field(
        default=EG3D_RADIUS,
        gt=0,
        description="of the sphere, world units: without a centre the distance to the pivot",
    )
    pivot: Vec3 = (0.0, 0.0, 0.0)
    centre: Vec3 | None = Field(
        default=None, description="of the sphere that the camera moves on; none = the pivot"
    )
    fov: float = Field(
        default=EG3D_FOV,
        gt=1e-3,
        lt=math.pi - 1e-3,
        description="full angle across the width of the picture, rad",
    )
    orthographic: bool = False

    @field_validator("yaw", "pitch", "roll", "radius", "pivot", "centre", "fov")
    @classmethod
    def _finite_numbers(cls, v: float | Vec3 | None) -> float | Vec3 | None:
        if not all(math.isfinite(x) for x in (v if isinstance(v, tuple) else () if v is None else (v,))):
            raise ValueError("must be finite")
        return v

    def world_from_cam(self) -> np.ndarray:
        """[4, 4] float64."""
        cp, sp, cy, sy = math.cos(self.pitch), math.sin(self.pitch), math.cos(self.yaw), math.sin(self.yaw)
        back = np.array([cp * sy, sp, cp * cy])
        right = np.array([cy, 0.0, -sy])
        eye = np.asarray(self.pivot if self.centre is None else self.centre) + self.radius * back
        if self.centre is not None:
            away = eye - np.asarray(self.pivot)
            back = away / np.linalg.norm(away) if np.linalg.norm(away) > 1e-9 else back
            level = math.hypot(back[0], back[2])
            right = np.array([back[2], 0.0, -back[0]]) / level if level > 1e-9 else right
        down = np.cross(-back, right)
        c, s = math.cos(self.roll), math.sin(self.roll)
        right, down = c * right + s * down, c * down - s * right
        m = np.eye(4)
        m[:3, 0], m[:3, 1], m[:3, 2] = right, down, -back
        m[:3, 3] = eye
        return m

    @property
    def distance(self) -> float:
        """Distance from the camera to the pivot, world units."""
        if self.centre is None:
            return self.radius
        return max(math.dist(self.world_from_cam()[:3, 3].tolist(), self.pivot), 1e-9)

    @property
    def view_height(self) -> float:
        """What the picture spans at the pivot, world units: of an orthographic camera everywhere."""
        return 2.0 * self.distance * math.tan(0.5 * self.fov)

    def at_distance(self, distance: float) -> "OrbitPose":
        """The same view from `distance` [world units] to the pivot.

        Sphere and camera grow or shrink about the pivot.
        """
        if self.centre is None:
            return self.replace(radius=distance)
        scale = distance / self.distance
        p, c = np.asarray(self.pivot), np.asarray(self.centre)
        return self.replace(radius=self.radius * scale, centre=_vec3(p + scale * (c - p)))

    def moved(self, shift: np.ndarray) -> "OrbitPose":
        """Camera, pivot and sphere moved by `shift` [3], world units."""
        centre = None if self.centre is None else _vec3(np.asarray(self.centre) + shift)
        return self.replace(pivot=_vec3(np.asarray(self.pivot) + shift), centre=centre)

    def about_pivot(self) -> "OrbitPose":
        """The same camera on a sphere about its pivot.

        Yaw and pitch are then those of the direction of view.
        """
        if self.centre is None:
            return self
        found = orbit_from_matrix(self.world_from_cam(), self.fov, self.pivot, self.orthographic)
        return found.replace(pivot=self.pivot)

    def intrinsics(self) -> np.ndarray:
        """[3, 3] float64, normalised by image size."""
        f = focal_from_fov(self.fov)
        return np.array([[f, 0.0, 0.5], [0.0, f, 0.5], [0.0, 0.0, 1.0]])


class MatrixCamera(Frozen):
    """A camera given exactly, e.g. by EG3D's label of 25 numbers."""

    kind: Literal["matrix"] = "matrix"
    pose: tuple[float, ...] = Field(description="row-major 4x4 world_from_cam")
    normalized_intrinsics: tuple[float, ...] = Field(description="row-major 3x3, normalised by image size")
    orthographic: Literal[False] = False

    @field_validator("pose")
    @classmethod
    def _sixteen(cls, v: tuple[float, ...]) -> tuple[float, ...]:
        return _finite(v, 16, "world_from_cam")

    @field_validator("normalized_intrinsics")
    @classmethod
    def _nine(cls, v: tuple[float, ...]) -> tuple[float, ...]:
        v = _finite(v, 9, "intrinsics")
        if v[0] <= 0 or v[4] <= 0:
            raise ValueError(f"focal lengths must be positive, got {v[0]} and {v[4]}")
        return v

    @classmethod
    def from_label(cls, label: object, where: str = "camera label") -> "MatrixCamera":
        """The camera of EG3D's 25 numbers: row-major 4x4 camera-to-world, then row-major 3x3 intrinsics."""
        flat = np.asarray(label, dtype=np.float64).reshape(-1)
        if flat.size != 25 or not np.isfinite(flat).all():
            raise InputError(
                what="bad camera label",
                where=where,
                expected="25 finite numbers (4x4 pose, 3x3 intrinsics)",
                got=f"{flat.size} numbers" if flat.size != 25 else "NaN or infinity",
            )
        if flat[16] <= 0 or flat[20] <= 0:
            raise InputError(
                what="bad camera label", where=where, expected="positive focal lengths", got=f"{flat[16]}"
            )
        return cls(pose=tuple(flat[:16].tolist()), normalized_intrinsics=tuple(flat[16:].tolist()))

    def world_from_cam(self) -> np.ndarray:
        return np.array(self.pose, dtype=np.float64).reshape(4, 4)

    def intrinsics(self) -> np.ndarray:
        return np.array(self.normalized_intrinsics, dtype=np.float64).reshape(3, 3)


CameraSpec = Annotated[OrbitPose | MatrixCamera, Field(discriminator="kind")]


def label25(camera: OrbitPose | MatrixCamera) -> np.ndarray:
    """EG3D's label of a camera: [25] float32."""
    flat = np.concatenate([camera.world_from_cam().reshape(-1), camera.intrinsics().reshape(-1)])
    return flat.astype(np.float32)


def orbit_from_matrix(
    world_from_cam: np.ndarray, fov: float, near: Vec3 = (0.0, 0.0, 0.0), orthographic: bool = False
) -> OrbitPose:
    """The orbit pose of a rigid world_from_cam [4, 4]: any rotation and place has one.

    The pivot is the point of the viewing axis that is nearest to `near` (world); where that lies behind the
    camera, it is put in front at the same distance. fov: full angle across the width of the picture [rad].

    Raises InputError for numbers that no camera has, as a focal length in pixels.
    """
    m = np.asarray(world_from_cam, dtype=np.float64)
    right, forward, eye = m[:3, 0], m[:3, 2], m[:3, 3]
    back = -forward
    level = math.hypot(back[0], back[2])
    # On the pole yaw and roll turn about the same axis: all of it is yaw.
    yaw = math.atan2(back[0], back[2]) if level > 1e-9 else math.atan2(-right[2], right[0])
    side = np.array([math.cos(yaw), 0.0, -math.sin(yaw)])
    roll = math.atan2(float(right @ np.cross(forward, side)), float(right @ side))
    away = np.asarray(near) - eye
    depth = float(away @ forward)
    radius = depth if depth > 1e-3 else max(float(np.linalg.norm(away)), 1e-3)
    pivot = eye + radius * forward
    try:
        return OrbitPose(
            yaw=yaw, pitch=math.atan2(back[1], level), roll=roll, radius=radius, pivot=(float(pivot[0]), float(pivot[1]), float(pivot[2])),
            fov=fov, orthographic=orthographic,
        )  # fmt: skip
    except ValidationError as error:
        raise InputError(what=f"not a camera, {first_complaint(error).line}") from None


class CameraPrior(Frozen):
    """Camera distribution the checkpoint was trained with, and the pose to start from."""

    yaw_std: float = 0.3
    pitch_std: float = 0.2
    yaw_range: tuple[float, float] = (-math.pi, math.pi)
    pitch_range: tuple[float, float] = (-math.pi / 2, math.pi / 2)
    law: Literal["normal", "uniform", "labels", "unknown", "none"] = Field(
        default="normal", description="none: there were no training cameras"
    )
    default: OrbitPose = OrbitPose()


def _vec3(v: np.ndarray) -> Vec3:
    return (float(v[0]), float(v[1]), float(v[2]))


def _finite(v: tuple[float, ...], n: int, name: str) -> tuple[float, ...]:
    if len(v) != n or not all(math.isfinite(x) for x in v):
        raise ValueError(f"{name} needs {n} finite numbers, got {len(v)}")
    return v
