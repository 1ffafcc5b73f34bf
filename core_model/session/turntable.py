"""Camera paths for videos: closed loops about the checkpoint's pivot."""

from __future__ import annotations

import math
from typing import Literal

from core_model.schema.camera import OrbitPose

Motion = Literal["sway", "turn"]


def camera_path(base: OrbitPose, motion: Motion, frames: int, yaw: float, pitch: float) -> list[OrbitPose]:
    """`frames` poses of one closed loop (the pose after the last is the first again).

    sway: an ellipse about `base` with half axes `yaw` and `pitch` [rad]; turn: a full turn at its height.
    """
    poses = []
    for i in range(frames):
        phase = 2.0 * math.pi * i / frames
        if motion == "turn":
            poses.append(base.replace(yaw=base.yaw + phase))
        else:
            height = base.pitch + pitch * math.cos(phase)
            limit = 0.5 * math.pi
            poses.append(
                base.replace(yaw=base.yaw + yaw * math.sin(phase), pitch=min(limit, max(-limit, height)))
            )
    return poses
