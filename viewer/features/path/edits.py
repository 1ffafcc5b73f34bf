"""Edits of a camera path as pure functions: (path, …) → path, and the paths to start from.

Times in seconds, angles in radians.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core_model.schema.camera import CameraPrior, OrbitPose
from core_model.schema.camera_path import MAX_DURATION_S, CameraPath, PathKey
from core_model.schema.latent import LatentSpec
from viewer.state.orbit import PITCH_LIMIT, clamp, wrap_angle
from viewer.state.prior_marks import marks_of

GAP_S = 1e-3
"""Two keys are never nearer than this."""
SHORTEST_S = 0.1
SPIRAL_PITCH = math.radians(20.0)


@dataclass(frozen=True)
class Edited:
    """The new path, and the index of the key that was meant (-1 = none)."""

    path: CameraPath
    chosen: int


def snapped(path: CameraPath, time: float) -> float:
    """The nearest time of a frame within the path, so that a frame shows the key's pose exactly."""
    return clamp(round(time * path.fps) / path.fps, 0.0, path.duration)


def key_near(path: CameraPath, time: float) -> int:
    """Index of the key at `time` within half a frame, else -1."""
    slack = 0.5 / path.fps
    near = [(abs(k.time - time), i) for i, k in enumerate(path.keys) if abs(k.time - time) <= slack]
    return min(near)[1] if near else -1


def with_key(path: CameraPath, time: float, pose: OrbitPose, latent: LatentSpec | None = None) -> Edited:
    """`pose` at `time`; a key that is there already takes the new pose."""
    at = snapped(path, time)
    there = key_near(path, at)
    if there >= 0:
        return Edited(updated(path, there, pose, latent), there)
    return _placed(path, path.keys, PathKey(time=at, pose=pose, latent=latent))


def updated(path: CameraPath, index: int, pose: OrbitPose, latent: LatentSpec | None = None) -> CameraPath:
    """Key `index` with another pose (and head) at its time."""
    keys = list(path.keys)
    keys[index] = keys[index].replace(pose=pose, latent=latent)
    return path.replace(keys=tuple(keys))


def without_key(path: CameraPath, index: int) -> Edited:
    keys = path.keys[:index] + path.keys[index + 1 :]
    return Edited(path.replace(keys=keys), min(index, len(keys) - 1))


def moved(path: CameraPath, index: int, time: float) -> Edited:
    """Key `index` at another time; it may pass its neighbours."""
    others = path.keys[:index] + path.keys[index + 1 :]
    return _placed(path, others, path.keys[index].replace(time=snapped(path, time)))


def duplicated(path: CameraPath, index: int) -> Edited:
    """A copy of key `index` half way to the next one; after the last key the path grows by a second."""
    key = path.keys[index]
    end = path.keys[index + 1].time if index + 1 < len(path.keys) else path.duration
    if end - key.time < 2.0 / path.fps:
        path = lengthened(path, key.time + 1.0)
        end = key.time + 1.0 if index + 1 == len(path.keys) else end
        at = key.time + 1.0 if index + 1 == len(path.keys) else key.time + 0.5 * (end - key.time)
    else:
        at = key.time + 0.5 * (end - key.time)
    return _placed(path, path.keys, key.replace(time=at))


def backwards(path: CameraPath) -> CameraPath:
    """The same way from its end; a loop keeps its first key at its place."""
    path = path.replace(
        keys=tuple(k.replace(ease=e) for k, e in zip(path.keys, path.reversed_eases(), strict=True))
    )
    if path.loop and path.keys:
        first = path.keys[0].time
        rest = tuple(k.replace(time=2 * first + path.duration - k.time) for k in reversed(path.keys[1:]))
        if all(k.time <= path.duration for k in rest):
            return path.replace(keys=(path.keys[0], *rest))
    return path.replace(
        keys=tuple(k.replace(time=max(path.duration - k.time, 0.0)) for k in reversed(path.keys))
    )


def stretched(path: CameraPath, duration: float) -> CameraPath:
    """Another duration, with every key at its share of it."""
    duration = clamp(duration, SHORTEST_S, MAX_DURATION_S)
    factor = duration / path.duration
    return path.replace(
        duration=duration, keys=tuple(k.replace(time=min(k.time * factor, duration)) for k in path.keys)
    )


def lengthened(path: CameraPath, duration: float) -> CameraPath:
    """At least `duration`; the keys stay at their times."""
    return path.replace(duration=clamp(max(duration, path.duration), SHORTEST_S, MAX_DURATION_S))


def looped(path: CameraPath, loop: bool) -> CameraPath:
    """With or without the way back from the last key to the first.

    It takes as long as a step between keys.
    """
    times = path.times
    if loop and len(times) > 1 and path.duration - (times[-1] - times[0]) < 2.0 / path.fps:
        step = (times[-1] - times[0]) / (len(times) - 1)
        path = lengthened(path, path.duration + step)
    return path.replace(loop=loop)


def turntable(base: OrbitPose, duration: float, fps: float) -> CameraPath:
    """One full turn at the height of `base`, at constant speed."""
    keys = [
        PathKey(time=duration * i / 4, pose=base.replace(yaw=wrap_angle(base.yaw + 0.5 * math.pi * i)))
        for i in range(4)
    ]
    return CameraPath(keys=tuple(keys), loop=True, duration=duration, fps=fps)


def sway(base: OrbitPose, prior: CameraPrior, duration: float, fps: float) -> CameraPath:
    """An ellipse about `base` with half axes of one standard deviation of the checkpoint's cameras."""
    marks = marks_of(prior)
    yaw, pitch = marks.half if marks.shape != "none" else (0.35, 0.15)
    keys = []
    for i in range(8):
        phase = 0.25 * math.pi * i
        at = clamp(base.pitch + min(pitch, 0.5) * math.cos(phase), -PITCH_LIMIT, PITCH_LIMIT)
        keys.append(
            PathKey(
                time=duration * i / 8,
                pose=base.replace(yaw=wrap_angle(base.yaw + min(yaw, 1.0) * math.sin(phase)), pitch=at),
            )
        )
    return CameraPath(keys=tuple(keys), loop=True, duration=duration, fps=fps)


def spiral(base: OrbitPose, duration: float, fps: float) -> CameraPath:
    """Two turns that rise from below to above and end a third nearer."""
    keys = []
    for i in range(9):
        share = i / 8
        pitch = clamp(base.pitch + SPIRAL_PITCH * (2.0 * share - 1.0), -PITCH_LIMIT, PITCH_LIMIT)
        pose = base.replace(yaw=wrap_angle(base.yaw + 0.5 * math.pi * i), pitch=pitch).at_distance(
            base.distance * 1.5**-share
        )
        keys.append(PathKey(time=duration * share, pose=pose))
    return CameraPath(keys=tuple(keys), duration=duration, fps=fps)


def _placed(path: CameraPath, others: tuple[PathKey, ...], key: PathKey) -> Edited:
    """`key` among the others, moved to the nearest free time."""
    at = key.time
    limit = _last_time(path, others, at)
    at = min(at, limit)
    taken = sorted(k.time for k in others)
    step = 1.0 / path.fps
    if any(abs(t - at) < GAP_S for t in taken):
        free = (at + sign * n * step for n in range(1, len(taken) + 2) for sign in (1, -1))
        at = next((t for t in free if 0.0 <= t <= limit and all(abs(t - u) >= GAP_S for u in taken)), -1.0)
        if at < 0.0:
            return Edited(path, -1)
    keys = tuple(sorted((*others, key.replace(time=at)), key=lambda k: k.time))
    span = keys[-1].time - keys[0].time
    if (
        path.loop and len(keys) > 1 and span > path.duration - step
    ):  # a key before the first one: the way back needs time
        path = lengthened(path, span + step)
        if span > path.duration - 0.5 * step:
            return Edited(path, -1)
    return Edited(path.replace(keys=keys), next(i for i, k in enumerate(keys) if k.time == at))


def _last_time(path: CameraPath, others: tuple[PathKey, ...], at: float) -> float:
    """The latest time that a key may have: a loop needs a frame between its last key and its first."""
    if not path.loop or not others:
        return path.duration
    first = min(min(k.time for k in others), at)
    return min(path.duration, first + path.duration - 1.0 / path.fps)
