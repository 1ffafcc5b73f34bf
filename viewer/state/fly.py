"""The fly camera as pure functions: the eye moves and turns, and the pivot moves with it.

The result is an orbit pose: distance and field of view stay, and so does the pivot's distance in front of the
eye.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core_model.schema.camera import OrbitPose
from viewer.state.orbit import PITCH_LIMIT, clamp, unrolled, vec3, wrap_angle

SPEED_LIMITS = (0.001, 100.0)
SPEED_NOTCH = 1.2
LONGEST_STEP_S = 0.1
"""A frame that took longer moves no further: the camera must not leap after a stall."""
HURRY = 4.0


@dataclass(frozen=True)
class Thrust:
    """Which way the keys push, each -1, 0 or 1: right, up (of the world), forward. fast: Shift is held."""

    right: int = 0
    up: int = 0
    forward: int = 0
    fast: bool = False

    def __bool__(self) -> bool:
        return bool(self.right or self.up or self.forward)


def move(pose: OrbitPose, thrust: Thrust, speed: float, seconds: float) -> OrbitPose:
    """The eye after `seconds` at `speed` (world units per second) along the thrust; diagonals are no faster."""
    m = pose.world_from_cam()
    way = thrust.right * m[:3, 0] + thrust.forward * m[:3, 2] + thrust.up * np.array([0.0, 1.0, 0.0])
    length = float(np.linalg.norm(way))
    if length < 1e-9:
        return pose
    step = speed * (HURRY if thrust.fast else 1.0) * min(max(seconds, 0.0), LONGEST_STEP_S)
    return pose.moved(step / length * way)


def look(pose: OrbitPose, dx: float, dy: float, edge_px: float) -> OrbitPose:
    """The eye stays and turns with the mouse.

    What was under the cursor in the middle of the picture moves the other way.
    """
    pose = pose.about_pivot()
    x, y = unrolled(pose, dx, dy)
    turn = pose.fov / max(edge_px, 1.0)
    eye = pose.world_from_cam()[:3, 3]
    turned = pose.replace(
        yaw=wrap_angle(pose.yaw - turn * x / max(math.cos(pose.pitch), 0.2)),
        pitch=clamp(pose.pitch + turn * y, -PITCH_LIMIT, PITCH_LIMIT),
    )
    return turned.replace(pivot=vec3(eye + turned.radius * turned.world_from_cam()[:3, 2]))


def faster(speed: float, notches: float) -> float:
    """Wheel: each notch is a fifth faster or slower."""
    return clamp(speed * SPEED_NOTCH**notches, *SPEED_LIMITS)
