"""Camera moves as pure functions: (pose, …) → pose.

Drags are in screen pixels (+x right, +y down); `edge_px` is the edge of the drawn picture on the screen,
which `fov` spans. Angles in radians, lengths in world units.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np

from core_model.schema.camera import CameraPrior, OrbitPose, Vec3

PITCH_LIMIT = math.radians(89.0)
RADIUS_LIMITS = (0.05, 100.0)
FOV_LIMITS = (math.radians(1.0), math.radians(120.0))
NOTCH = 1.1

ViewName = Literal["front", "back", "left", "right", "top", "bottom", "three-quarter"]
VIEW_NAMES: tuple[ViewName, ...] = get_args(ViewName)
# Left and right are the sides of the screen in the front view: "left" puts the camera on -x.
_VIEWS: dict[ViewName, tuple[float, float]] = {
    "front": (0.0, 0.0),
    "back": (math.pi, 0.0),
    "left": (-math.pi / 2, 0.0),
    "right": (math.pi / 2, 0.0),
    "top": (0.0, PITCH_LIMIT),
    "bottom": (0.0, -PITCH_LIMIT),
    "three-quarter": (math.radians(35.0), math.radians(12.0)),
}


def wrap_angle(angle: float) -> float:
    """The same direction in (-pi, pi]."""
    wrapped = math.remainder(angle, 2.0 * math.pi)
    return math.pi if wrapped <= -math.pi else wrapped


def orbit(pose: OrbitPose, dx: float, dy: float, edge_px: float) -> OrbitPose:
    """Left drag: the head follows the hand (to the right: yaw falls); one edge is half a turn."""
    x, y = _unrolled(pose, dx, dy)
    turn = math.pi / max(edge_px, 1.0)
    return pose.replace(
        yaw=wrap_angle(pose.yaw - turn * x), pitch=_clamp(pose.pitch + turn * y, -PITCH_LIMIT, PITCH_LIMIT)
    )


def pan(pose: OrbitPose, dx: float, dy: float, edge_px: float) -> OrbitPose:
    """Middle drag: what lies in the pivot's depth stays exactly under the cursor."""
    m = pose.world_from_cam()
    shift = pivot_pixel(pose, edge_px) * (dx * m[:3, 0] + dy * m[:3, 1])
    return pose.replace(pivot=_vec3(np.asarray(pose.pivot) - shift))


def dolly(pose: OrbitPose, notches: float, limits: tuple[float, float] = RADIUS_LIMITS) -> OrbitPose:
    """Wheel: each positive notch comes closer by a factor of 1.1."""
    return pose.replace(radius=_clamp(pose.radius * NOTCH**-notches, *limits))


def zoom_fov(pose: OrbitPose, notches: float, limits: tuple[float, float] = FOV_LIMITS) -> OrbitPose:
    """Ctrl+wheel: each positive notch makes the picture 1.1 times larger by a longer focal length."""
    fov = 2.0 * math.atan(math.tan(0.5 * pose.fov) * NOTCH**-notches)
    return pose.replace(fov=_clamp(fov, *limits))


def dolly_zoom(pose: OrbitPose, fov: float, limits: tuple[float, float] = FOV_LIMITS) -> OrbitPose:
    """A new fov with the distance that keeps the size of things in the pivot's depth."""
    fov = _clamp(fov, *limits)
    radius = pose.radius * math.tan(0.5 * pose.fov) / math.tan(0.5 * fov)
    return pose.replace(fov=fov, radius=_clamp(radius, *RADIUS_LIMITS))


def roll(pose: OrbitPose, angle: float) -> OrbitPose:
    """Turn the picture counter-clockwise by `angle`."""
    return pose.replace(roll=wrap_angle(pose.roll + angle))


def recentre(pose: OrbitPose, point: Vec3) -> OrbitPose:
    """Double click: `point` (world) becomes the pivot in the middle of the picture, at its present scale.

    The camera slides sideways only, so nothing jumps in size; a point behind the camera keeps the radius. A
    point that is not finite changes nothing.
    """
    p = np.asarray(point, dtype=np.float64)
    if p.shape != (3,) or not np.isfinite(p).all():
        return pose
    m = pose.world_from_cam()
    depth = float((p - m[:3, 3]) @ m[:3, 2])
    radius = pose.radius if pose.orthographic or depth <= 0 else _clamp(depth, *RADIUS_LIMITS)
    return pose.replace(pivot=_vec3(p), radius=radius)


def frame(pose: OrbitPose, prior: CameraPrior) -> OrbitPose:
    """F: the whole subject from the present side."""
    home = prior.default
    return pose.replace(pivot=home.pivot, radius=home.radius, fov=home.fov)


def reset(pose: OrbitPose, prior: CameraPrior) -> OrbitPose:
    """R: the checkpoint's default pose; the projection stays as chosen."""
    return prior.default.replace(orthographic=pose.orthographic)


def snap_view(pose: OrbitPose, name: ViewName) -> OrbitPose:
    """A named side at the present distance, upright. Raises KeyError for another name."""
    yaw, pitch = _VIEWS[name]
    return pose.replace(yaw=yaw, pitch=pitch, roll=0.0)


def surface_point(pose: OrbitPose, u: float, v: float, distance: float) -> Vec3:
    """World point at `distance` along the unit ray through (u, v), image coordinates in [0, 1], y down."""
    origin, direction = ray(pose, u, v)
    return _vec3(np.asarray(origin) + distance * np.asarray(direction))


def ray(pose: OrbitPose, u: float, v: float) -> tuple[Vec3, Vec3]:
    """(origin, unit direction) in the world of the ray through (u, v), image coordinates in [0, 1], y down.

    Orthographic rays start in the camera's plane and the picture spans what a perspective one spans at the
    pivot.
    """
    m = pose.world_from_cam()
    half = math.tan(0.5 * pose.fov)
    x, y = (2.0 * u - 1.0) * half, (2.0 * v - 1.0) * half
    if pose.orthographic:
        return _vec3(m[:3, 3] + pose.radius * (x * m[:3, 0] + y * m[:3, 1])), _vec3(m[:3, 2])
    d = x * m[:3, 0] + y * m[:3, 1] + m[:3, 2]
    return _vec3(m[:3, 3]), _vec3(d / np.linalg.norm(d))


def project(pose: OrbitPose, point: Vec3) -> tuple[float, float, float]:
    """World point → (u, v, depth): image coordinates in [0, 1], y down; depth along the viewing axis."""
    m = pose.world_from_cam()
    x, y, z = (np.asarray(point, dtype=np.float64) - m[:3, 3]) @ m[:3, :3]
    scale = pose.radius if pose.orthographic else z
    span = 2.0 * math.tan(0.5 * pose.fov) * scale if scale else math.inf
    return float(x / span + 0.5), float(y / span + 0.5), float(z)


def pivot_pixel(pose: OrbitPose, edge_px: float) -> float:
    """World units that one screen pixel covers in the pivot's depth."""
    return 2.0 * pose.radius * math.tan(0.5 * pose.fov) / max(edge_px, 1.0)


def _unrolled(pose: OrbitPose, dx: float, dy: float) -> tuple[float, float]:
    """A drag in the axes of the camera without its roll, so that a rolled head still follows the hand."""
    c, s = math.cos(pose.roll), math.sin(pose.roll)
    return c * dx - s * dy, s * dx + c * dy


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _vec3(v: np.ndarray) -> Vec3:
    return (float(v[0]), float(v[1]), float(v[2]))
