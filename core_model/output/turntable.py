"""Camera paths and latent walks for videos: closed loops, one pose and one latent per frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from core_model.schema.camera import OrbitPose
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec, SeedWeight

Motion = Literal["sway", "turn", "still"]


def camera_path(base: OrbitPose, motion: Motion, frames: int, yaw: float, pitch: float) -> list[OrbitPose]:
    """`frames` poses of one closed loop (the pose after the last is the first again).

    sway: an ellipse about `base` with half axes `yaw` and `pitch` [rad]; turn: a full turn at its height;
    still: `base` all the time.
    """
    poses = []
    for i in range(frames):
        phase = 2.0 * math.pi * i / frames
        if motion == "still":
            poses.append(base)
        elif motion == "turn":
            poses.append(base.replace(yaw=base.yaw + phase))
        else:
            height = base.pitch + pitch * math.cos(phase)
            limit = 0.5 * math.pi
            poses.append(
                base.replace(yaw=base.yaw + yaw * math.sin(phase), pitch=min(limit, max(-limit, height)))
            )
    return poses


def latent_walk(base: LatentSpec, seeds: Sequence[int], frames: int) -> list[LatentSpec]:
    """`frames` latents of a closed loop through the w of `seeds`.

    A cubic in w that passes each seed at even times. Everything else (psi, cutoff, mixing, class) stays as in
    `base`. Raises InputError for fewer than two seeds.
    """
    if len(seeds) < 2:
        raise InputError(
            what="bad value of --walk", expected="at least two seeds, as 0-3,7", got=str(len(seeds))
        )
    found = []
    for i in range(frames):
        place = len(seeds) * i / frames
        leg, t = int(place), place - int(place)
        # Catmull-Rom: the velocity at a seed is half the way from the one before to the one after
        shares = (
            -0.5 * t + t**2 - 0.5 * t**3,
            1 - 2.5 * t**2 + 1.5 * t**3,
            0.5 * t + 2 * t**2 - 1.5 * t**3,
            -0.5 * t**2 + 0.5 * t**3,
        )
        weights: dict[int, float] = {}
        for k, share in enumerate(shares):
            seed = seeds[(leg - 1 + k) % len(seeds)]
            weights[seed] = weights.get(seed, 0.0) + share
        blend = tuple(
            SeedWeight(seed=seed, weight=weight) for seed, weight in weights.items() if abs(weight) > 1e-9
        )
        found.append(base.replace(seeds=blend, z=None, w=None))
    return found
