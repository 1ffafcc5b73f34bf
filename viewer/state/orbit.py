"""Camera moves as pure functions: (pose, …) → pose.

Drags are in screen pixels (+x right, +y down); `edge_px` is the edge of the drawn picture on the screen,
which `fov` spans. Angles in radians, lengths in world units.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from core_model.schema.camera import CameraPrior, OrbitPose, Vec3, orbit_from_matrix

PITCH_LIMIT = math.radians(89.0)
RADIUS_LIMITS = (0.05, 100.0)
FOV_LIMITS = (math.radians(1.0), math.radians(120.0))
NOTCH = 1.1

ViewName = Literal["front", "back", "left", "right", "top", "bottom", "three-quarter"]
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
    """Left drag: the head follows the mouse (to the right: yaw falls); one edge is half a turn."""
    x, y = unrolled(pose, dx, dy)
    turn = math.pi / max(edge_px, 1.0)
    limit = pitch_limit(pose)
    return pose.replace(
        yaw=wrap_angle(pose.yaw - turn * x), pitch=clamp(pose.pitch + turn * y, -limit, limit)
    )


def pitch_limit(pose: OrbitPose) -> float:
    """How far up a drag takes the camera [rad].

    On a sphere that is not about the pivot it stops before it stands right above the pivot, where the picture
    would spin round.
    """
    if pose.centre is None:
        return PITCH_LIMIT
    aside = math.hypot(pose.pivot[0] - pose.centre[0], pose.pivot[2] - pose.centre[2])
    return min(PITCH_LIMIT, math.acos(clamp(1.5 * aside / pose.radius, 0.0, 1.0)))


def trackball(pose: OrbitPose, dx: float, dy: float, edge_px: float) -> OrbitPose:
    """Left drag without an up axis: the head turns about the picture's own axes, over the poles too; one edge
    is half a turn.
    """
    turn = math.pi / max(edge_px, 1.0)
    pose = pose.about_pivot()
    m = pose.world_from_cam()
    turned = np.eye(4)
    turned[:3, :3] = m[:3, :3] @ _about(np.array([dy, -dx, 0.0]) * -turn)
    turned[:3, 3] = np.asarray(pose.pivot) - pose.radius * turned[:3, 2]
    return orbit_from_matrix(turned, pose.fov, pose.pivot, pose.orthographic).replace(
        radius=pose.radius, pivot=pose.pivot
    )


def pan(pose: OrbitPose, dx: float, dy: float, edge_px: float) -> OrbitPose:
    """Middle drag: what lies in the pivot's depth stays exactly under the cursor."""
    m = pose.world_from_cam()
    shift = pivot_pixel(pose, edge_px) * (dx * m[:3, 0] + dy * m[:3, 1])
    return pose.moved(-shift)


def dolly(pose: OrbitPose, notches: float, limits: tuple[float, float] = RADIUS_LIMITS) -> OrbitPose:
    """Wheel: each positive notch comes closer by a factor of 1.1."""
    return pose.at_distance(clamp(pose.distance * NOTCH**-notches, *limits))


def zoom_fov(pose: OrbitPose, notches: float, limits: tuple[float, float] = FOV_LIMITS) -> OrbitPose:
    """Ctrl+wheel: each positive notch makes the picture 1.1 times larger by a longer focal length."""
    fov = 2.0 * math.atan(math.tan(0.5 * pose.fov) * NOTCH**-notches)
    return pose.replace(fov=clamp(fov, *limits))


def wheel(pose: OrbitPose, notches: float, lens: bool) -> OrbitPose:
    """Wheel: distance, or with Ctrl field of view. Orthographic cameras change the view height in both cases."""
    return zoom_fov(pose, notches) if lens or pose.orthographic else dolly(pose, notches)


def with_view_height(pose: OrbitPose, height: float) -> OrbitPose:
    """The picture spans `height` world units at the pivot, at the same distance, as far as FOV_LIMITS allow."""
    return pose.replace(fov=clamp(2.0 * math.atan(0.5 * height / pose.distance), *FOV_LIMITS))


def roll(pose: OrbitPose, angle: float) -> OrbitPose:
    """Turn the picture counter-clockwise by `angle`."""
    return pose.replace(roll=wrap_angle(pose.roll + angle))


def recentre(pose: OrbitPose, point: Vec3) -> OrbitPose:
    """Double click: `point` (world) becomes the pivot in the middle of the picture, at its present scale.

    The camera slides sideways only, so nothing jumps in size; a point behind the camera keeps the radius.
    From then on it turns about that point. A point that is not finite changes nothing.
    """
    p = np.asarray(point, dtype=np.float64)
    if p.shape != (3,) or not np.isfinite(p).all():
        return pose
    pose = pose.about_pivot()
    m = pose.world_from_cam()
    depth = float((p - m[:3, 3]) @ m[:3, 2])
    radius = pose.radius if pose.orthographic or depth <= 0 else clamp(depth, *RADIUS_LIMITS)
    return pose.replace(pivot=vec3(p), radius=radius)


def frame(pose: OrbitPose, prior: CameraPrior) -> OrbitPose:
    """F: the whole subject from the present side."""
    home = prior.default
    return pose.replace(pivot=home.pivot, centre=home.centre, radius=home.radius, fov=home.fov)


def reset(pose: OrbitPose, prior: CameraPrior) -> OrbitPose:
    """R: the checkpoint's default pose; the projection stays as chosen."""
    return prior.default.replace(orthographic=pose.orthographic)


def snap_view(pose: OrbitPose, name: ViewName) -> OrbitPose:
    """A named side at the present distance, upright. Raises KeyError for another name."""
    yaw, pitch = _VIEWS[name]
    pose = pose if abs(pitch) < pitch_limit(pose) else pose.about_pivot()
    return pose.replace(yaw=yaw, pitch=pitch, roll=0.0)


def between(a: OrbitPose, b: OrbitPose, share: float) -> OrbitPose:
    """The pose `share` of the way from a to b, the short way round; distance and lens by their ratio."""
    if share >= 1.0:
        return b

    def mixed(x: float, y: float) -> float:
        return x + share * (y - x)

    def turned(x: float, y: float) -> float:
        return wrap_angle(x + share * wrap_angle(y - x))

    def placed(x: Vec3, y: Vec3) -> Vec3:
        return (mixed(x[0], y[0]), mixed(x[1], y[1]), mixed(x[2], y[2]))

    both = a.centre is None and b.centre is None
    return OrbitPose(
        yaw=turned(a.yaw, b.yaw), pitch=mixed(a.pitch, b.pitch), roll=turned(a.roll, b.roll),
        radius=a.radius * (b.radius / a.radius) ** share,
        pivot=placed(a.pivot, b.pivot), centre=None if both else placed(a.centre or a.pivot, b.centre or b.pivot),
        fov=2.0 * math.atan(math.tan(0.5 * a.fov) * (math.tan(0.5 * b.fov) / math.tan(0.5 * a.fov)) ** share), orthographic=b.orthographic,
    )  # fmt: skip


def look_from(pose: OrbitPose, side: tuple[float, float, float]) -> OrbitPose:
    """Look at the pivot from a side, upright, at the present distance.

    side: world direction from pivot to camera, any length.
    """
    x, y, z = side
    level = math.hypot(x, z)
    pitch = clamp(math.atan2(y, level), -PITCH_LIMIT, PITCH_LIMIT)
    pose = pose if abs(pitch) < pitch_limit(pose) else pose.about_pivot()
    yaw = (
        math.atan2(x, z) if level > 1e-9 else 0.5 * math.pi * round(pose.yaw / (0.5 * math.pi))
    )  # from above: the nearest quarter
    return pose.replace(yaw=wrap_angle(yaw), pitch=pitch, roll=0.0)


def surface_point(pose: OrbitPose, u: float, v: float, distance: float) -> Vec3:
    """World point at `distance` along the unit ray through (u, v), image coordinates in [0, 1], y down."""
    origin, direction = ray(pose, u, v)
    return vec3(np.asarray(origin) + distance * np.asarray(direction))


def ray(pose: OrbitPose, u: float, v: float) -> tuple[Vec3, Vec3]:
    """(origin, unit direction) in the world of the ray through (u, v), image coordinates in [0, 1], y down.

    Orthographic rays start in the camera's plane and the picture spans what a perspective one spans at the
    pivot.
    """
    m = pose.world_from_cam()
    half = math.tan(0.5 * pose.fov)
    x, y = (2.0 * u - 1.0) * half, (2.0 * v - 1.0) * half
    if pose.orthographic:
        return vec3(m[:3, 3] + pose.distance * (x * m[:3, 0] + y * m[:3, 1])), vec3(m[:3, 2])
    d = x * m[:3, 0] + y * m[:3, 1] + m[:3, 2]
    return vec3(m[:3, 3]), vec3(d / np.linalg.norm(d))


def project(pose: OrbitPose, point: Vec3) -> tuple[float, float, float]:
    """World point → (u, v, depth): image coordinates in [0, 1], y down; depth along the viewing axis."""
    m = pose.world_from_cam()
    x, y, z = (np.asarray(point, dtype=np.float64) - m[:3, 3]) @ m[:3, :3]
    scale = pose.distance if pose.orthographic else z
    span = 2.0 * math.tan(0.5 * pose.fov) * scale if scale else math.inf
    return float(x / span + 0.5), float(y / span + 0.5), float(z)


def pivot_pixel(pose: OrbitPose, edge_px: float) -> float:
    """World units that one screen pixel covers in the pivot's depth."""
    return pose.view_height / max(edge_px, 1.0)


def unrolled(pose: OrbitPose, dx: float, dy: float) -> tuple[float, float]:
    """A drag in the axes of the camera without its roll, so that a rolled head still follows the mouse."""
    c, s = math.cos(pose.roll), math.sin(pose.roll)
    return c * dx - s * dy, s * dx + c * dy


def _about(turn: np.ndarray) -> np.ndarray:
    """Rotation [3, 3] about an axis by its length [rad] (Rodrigues)."""
    angle = float(np.linalg.norm(turn))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = turn / angle
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + math.sin(angle) * k + (1.0 - math.cos(angle)) * (k @ k)


def clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def vec3(v: np.ndarray) -> Vec3:
    return (float(v[0]), float(v[1]), float(v[2]))
