"""Where the cameras of a path stand, and where a dragged one goes. Pure."""

from __future__ import annotations

import math

import numpy as np

from core_model.schema.camera import OrbitPose
from core_model.schema.camera_path import CameraPath
from viewer.state import orbit

CURVE_POINTS = 96
GLYPH = 0.09
"""Depth of a drawn camera as a share of its distance to the pivot."""
OVERVIEW_FOV = math.radians(40.0)


def eye_of(pose: OrbitPose) -> np.ndarray:
    """[3], world units."""
    return pose.world_from_cam()[:3, 3]


def curve_of(path: CameraPath) -> np.ndarray:
    """[CURVE_POINTS, 3]: the camera's way through the world."""
    times = np.linspace(0.0, path.duration, CURVE_POINTS)
    return np.stack([eye_of(path.pose_at(float(t))) for t in times])


def glyph_of(pose: OrbitPose) -> np.ndarray:
    """[5, 3]: the eye and the corners of the picture that it looks through, a small way before it."""
    m, deep = pose.world_from_cam(), GLYPH * pose.distance
    half = max(math.tan(0.5 * pose.fov), 0.25) * deep  # a narrow lens would be a needle
    corners = [m[:3, 3] + deep * m[:3, 2] + x * half * m[:3, 0] + y * half * m[:3, 1] for x, y in _CORNERS]
    return np.stack([m[:3, 3], *corners])


_CORNERS = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))


def dragged(pose: OrbitPose, seen: OrbitPose, u: float, v: float) -> OrbitPose:
    """`pose` on its own sphere, under pixel (u, v) of the view `seen`, on the side where it was.

    Beside the sphere it goes to the outline.
    """
    centre = np.asarray(pose.pivot if pose.centre is None else pose.centre)
    start, toward = (np.asarray(x) for x in orbit.ray(seen, u, v))
    middle = float((centre - start) @ toward)
    nearest = start + middle * toward
    off = float(np.linalg.norm(nearest - centre))
    reach = math.sqrt(max(pose.radius**2 - off**2, 0.0))
    old = eye_of(pose)
    places = [start + (middle + sign * reach) * toward for sign in (-1.0, 1.0)]
    away = min(places, key=lambda p: float(np.linalg.norm(p - old))) - centre
    x, y, z = away / max(float(np.linalg.norm(away)), 1e-9)
    pitch = orbit.clamp(math.asin(max(min(y, 1.0), -1.0)), -orbit.PITCH_LIMIT, orbit.PITCH_LIMIT)
    return pose.replace(yaw=math.atan2(x, z), pitch=pitch)


def overview(path: CameraPath, camera: OrbitPose) -> OrbitPose:
    """A view from outside in which every camera of the path lies, from the side that the present view has."""
    pivot = np.asarray(camera.pivot)
    reach = max(float(np.linalg.norm(eye_of(k.pose) - pivot)) for k in path.keys)
    far = 1.15 * reach / math.sin(0.5 * OVERVIEW_FOV)
    return camera.replace(
        yaw=orbit.wrap_angle(camera.yaw + 0.6), pitch=0.45, fov=OVERVIEW_FOV, radius=far, centre=None
    )
