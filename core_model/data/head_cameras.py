"""Cameras around a head: EG3D's look-at law (arXiv 2112.07945, LookAtPoseSampler) with soft limits."""

from __future__ import annotations

import math

import numpy as np

RADIUS = 2.7
FOCAL = 4.2647
MAX_YAW, MAX_PITCH = 0.9, 0.6
NEAR, FAR = 1.85, 3.6
"""Range of distances that holds the box [-0.5, 0.5]³ for a camera 2.7 from its centre."""


def look_at_camera(yaw: float, pitch: float, radius: float = RADIUS) -> np.ndarray:
    """OpenCV world_from_cam [4, 4] float32 of a camera that looks at the origin; yaw = pitch = 0 is frontal (+z).

    Angles in radians as EG3D counts them: h = π/2 + yaw, v = π/2 + pitch, so positive yaw moves the camera to
    +x and positive pitch moves it down by the arccos law.
    """
    h = math.pi / 2 + yaw
    v = min(max(math.pi / 2 + pitch, 1e-5), math.pi - 1e-5)
    phi = math.acos(1.0 - 2.0 * v / math.pi)
    origin = radius * np.array(
        [math.sin(phi) * math.cos(math.pi - h), math.cos(phi), math.sin(phi) * math.sin(math.pi - h)]
    )
    forward = -origin / np.linalg.norm(origin)
    right = -np.cross([0.0, 1.0, 0.0], forward)
    right = right / np.linalg.norm(right)
    down = np.cross(forward, right)
    down = down / np.linalg.norm(down)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2], matrix[:3, 3] = right, down, forward, origin
    return matrix.astype(np.float32)


def camera_label(world_from_cam: np.ndarray) -> list[float]:
    """EG3D's 25 numbers: row-major camera-to-world, row-major normalised intrinsics."""
    intrinsics = [FOCAL, 0.0, 0.5, 0.0, FOCAL, 0.5, 0.0, 0.0, 1.0]
    return [float(x) for x in world_from_cam.astype(np.float32).ravel()] + [
        float(np.float32(x)) for x in intrinsics
    ]


def sample_camera(seed: int) -> np.ndarray:
    """Deterministic draw of world_from_cam [4, 4]; h ~ N(π/2, 0.3), v ~ N(π/2, 0.2)."""
    yaw, pitch = np.random.RandomState([seed & 0xFFFFFFFF, 0xCA]).randn(2) * (0.3, 0.2)
    return look_at_camera(_soft_clip(float(yaw), MAX_YAW), _soft_clip(float(pitch), MAX_PITCH))


def _soft_clip(v: float, limit: float) -> float:
    """Identity up to 0.8 limit, then bends smoothly towards the limit."""
    knee = 0.8 * limit
    if abs(v) <= knee:
        return v
    return math.copysign(knee + (limit - knee) * math.tanh((abs(v) - knee) / (limit - knee)), v)
