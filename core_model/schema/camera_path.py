"""Camera paths: poses at times, and the smooth curve through them.

A path is data that the window edits, `triscope orbit --path` renders and a JSON file keeps. Times in seconds,
angles in radians, lengths in world units. Yaw and roll go the short way between two keys, so that more than
half a turn needs a key between.
"""

from __future__ import annotations

import json
import math
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, ValidationError, field_validator, model_validator

from core_model.schema.camera import OrbitPose
from core_model.schema.complaint import first_complaint
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen
from core_model.schema.latent import LatentSpec, SeedWeight

TRACKS = (
    "yaw",
    "pitch",
    "roll",
    "log radius",
    "log tan half fov",
    "pivot x",
    "pivot y",
    "pivot z",
    "centre x",
    "centre y",
    "centre z",
)
"""What is interpolated, in this order; radius and fov by their logarithms, so that no curve can make them
negative."""
_YAW, _PITCH, _ROLL, _RADIUS, _FOV, _PIVOT = 0, 1, 2, 3, 4, 5
MAX_KEYS = 1000
MAX_BYTES = 4 << 20
MAX_DURATION_S = 3600.0
PITCH_LIMIT = 0.5 * math.pi
SAME_S = 1e-9
"""Times nearer than this are one: a frame that falls on a key shows exactly that key's pose."""


Ease = Literal["even", "in", "out", "in-out"]
"""How the time to the next key passes: at one pace, from rest, to rest, or from rest to rest."""
_MIRRORED: dict[Ease, Ease] = {"even": "even", "in": "out", "out": "in", "in-out": "in-out"}


def eased(share: np.ndarray, ease: Ease) -> np.ndarray:
    """Share of the way after a share of the time, both in [0, 1]."""
    if ease == "in":
        return share * share
    if ease == "out":
        return share * (2.0 - share)
    return share * share * (3.0 - 2.0 * share) if ease == "in-out" else share


class PathKey(Frozen):
    """One pose of a path; `latent` moves the head as well, where every key has one. ease: of the way to the next key."""

    time: float = Field(ge=0.0, le=MAX_DURATION_S, description="seconds from the path's beginning")
    pose: OrbitPose
    latent: LatentSpec | None = None
    ease: Ease = "even"


class CameraPath(Frozen):
    """Keys in the order of their times, and how to go from one to the next.

    spline: cubic is a C1 curve whose slope at a key is the parabola's through its neighbours; linear has
    corners. loop: after the last key it returns to the first, at `duration`. Before the first key and after
    the last one of an open path the view rests.
    """

    kind: Literal["triscope camera path"] = "triscope camera path"
    version: Literal[1] = 1
    keys: tuple[PathKey, ...] = Field(default=(), max_length=MAX_KEYS)
    spline: Literal["cubic", "linear"] = "cubic"
    loop: bool = False
    duration: float = Field(default=4.0, gt=0.0, le=MAX_DURATION_S, description="seconds")
    fps: float = Field(default=30.0, ge=1.0, le=240.0, description="frames per second of the video")

    @field_validator("duration", "fps")
    @classmethod
    def _finite(cls, v: float) -> float:
        if not math.isfinite(v):
            raise ValueError("must be finite")
        return v

    @model_validator(mode="after")
    def _ordered(self) -> CameraPath:
        times = [k.time for k in self.keys]
        if any(b - a <= SAME_S for a, b in zip(times, times[1:], strict=False)):
            raise ValueError("keys must have rising times, each its own")
        if times and times[-1] > self.duration + SAME_S:
            raise ValueError(f"the last key lies at {times[-1]:g} s, after the end at {self.duration:g} s")
        if self.loop and len(times) > 1 and times[-1] - times[0] > self.duration - SAME_S:
            raise ValueError("a loop needs time between its last key and its first")
        return self

    @property
    def times(self) -> tuple[float, ...]:
        return tuple(k.time for k in self.keys)

    @property
    def has_latents(self) -> bool:
        """Whether the head moves too: every key must say which one."""
        return bool(self.keys) and all(k.latent is not None for k in self.keys)

    def reversed_eases(self) -> tuple[Ease, ...]:
        """Eases of the keys when the path is run backwards, still in this order: each way is that of the key before."""
        return tuple(
            _MIRRORED[self.keys[i - 1].ease] if i or self.loop else "even" for i in range(len(self.keys))
        )

    def frame_times(self, fps: float | None = None) -> np.ndarray:
        """Times [s] of the video's frames [N].

        A loop leaves out the frame at its end, which is its first one.
        """
        rate = self.fps if fps is None else fps
        count = (
            max(1, round(self.duration * rate)) if self.loop else math.floor(self.duration * rate + 1e-6) + 1
        )
        return np.arange(count) / rate

    def pose_at(self, time: float) -> OrbitPose:
        """The camera at `time` [s]; exactly a key's pose at its time.

        Raises ValueError on a path without keys.
        """
        if not self.keys:
            raise ValueError("the path has no keys")
        key = self._key_at(time)
        if key is not None:
            return key.pose
        v = self.sample(np.array([time]))[0]
        before = self.keys[self._span(time)[0]].pose
        return OrbitPose(
            yaw=_wrapped(v[_YAW]), pitch=float(min(max(v[_PITCH], -PITCH_LIMIT), PITCH_LIMIT)), roll=_wrapped(v[_ROLL]),
            radius=math.exp(v[_RADIUS]), fov=2.0 * math.atan(math.exp(v[_FOV])), pivot=(float(v[5]), float(v[6]), float(v[7])),
            centre=(float(v[8]), float(v[9]), float(v[10])) if any(k.pose.centre is not None for k in self.keys) else None,
            orthographic=before.orthographic,
        )  # fmt: skip

    def latent_at(self, time: float) -> LatentSpec | None:
        """The latent at `time` [s].

        Seeds are blended in w between keys that differ in nothing else; other latents switch at their key.
        """
        if not self.has_latents:
            return None
        key = self._key_at(time)
        if key is not None:
            return key.latent
        a, b, share = self._span(time)
        way = float(eased(np.array(share), self.keys[a].ease))
        return blended(self.keys[a].latent, self.keys[b].latent, way)

    def sample(self, times: np.ndarray) -> np.ndarray:
        """TRACKS at times [N] (s) → [N, 11]; yaw and roll unwrapped over the whole path."""
        curve = self._curve
        if len(self.keys) == 1:
            return np.repeat(curve.values, len(times), axis=0)
        t, turns = np.asarray(times, dtype=np.float64), np.zeros(len(times))
        if self.loop:
            turns = np.floor((t - curve.knots[0]) / self.duration)
            t = t - turns * self.duration
        t = np.clip(t, curve.knots[0], curve.knots[-1])
        i = np.clip(np.searchsorted(curve.knots, t, side="right") - 1, 0, len(curve.knots) - 2)
        h = (curve.knots[i + 1] - curve.knots[i])[:, None]
        s = (t - curve.knots[i])[:, None] / h
        for index, key in enumerate(self.keys):
            if key.ease != "even":
                s = np.where((i == index)[:, None], eased(s, key.ease), s)
        a, b = curve.values[i], curve.values[i + 1]
        lap = turns[:, None] * (curve.values[-1] - curve.values[0] if self.loop else 0.0)
        if self.spline == "linear":
            return a + s * (b - a) + lap
        m0, m1 = curve.slopes[i] * h, curve.slopes[i + 1] * h
        rest = s * s * (3.0 - 2.0 * s)
        return a + rest * (b - a) + s * (1.0 - s) ** 2 * m0 - s * s * (1.0 - s) * m1 + lap

    def _key_at(self, time: float) -> PathKey | None:
        at = self.keys[0].time + (time - self.keys[0].time) % self.duration if self.loop else time
        lap = self.duration if self.loop else 0.0
        return next(
            (k for k in self.keys if abs(k.time - at) <= SAME_S or abs(k.time + lap - at) <= SAME_S), None
        )

    def _span(self, time: float) -> tuple[int, int, float]:
        """Indices of the keys about `time`, and the share of the way between them."""
        times, n = self.times, len(self.keys)
        at = (
            times[0] + (time - times[0]) % self.duration if self.loop else min(max(time, times[0]), times[-1])
        )
        a = max(i for i in range(n) if times[i] <= at + SAME_S)
        b = (a + 1) % n if self.loop else min(a + 1, n - 1)
        length = (times[b] - times[a]) % self.duration if self.loop else times[b] - times[a]
        return a, b, 0.0 if a == b or length <= 0 else min(max((at - times[a]) / length, 0.0), 1.0)

    @cached_property
    def _curve(self) -> _Curve:
        values = [np.array(_tracks(k.pose)) for k in self.keys]
        knots = list(self.times)
        if self.loop and len(self.keys) > 1:
            values.append(values[0].copy())
            knots.append(knots[0] + self.duration)
        for a, b in zip(values, values[1:], strict=False):
            for track in (_YAW, _ROLL):
                b[track] = a[track] + _short_way(b[track] - a[track])
        return _Curve(
            np.array(knots), np.array(values), _slopes(np.array(knots), np.array(values), self.loop)
        )


class _Curve:
    """Knots [n] (s), TRACKS at them [n, 11] and their slopes [n, 11] (per second)."""

    def __init__(self, knots: np.ndarray, values: np.ndarray, slopes: np.ndarray) -> None:
        self.knots, self.values, self.slopes = knots, values, slopes


def _slopes(knots: np.ndarray, values: np.ndarray, loop: bool) -> np.ndarray:
    """Slope at each knot of the parabola through it and its neighbours.

    A loop's ends are neighbours, open ends take their chord.
    """
    if len(knots) < 2:
        return np.zeros_like(values)
    h = np.diff(knots)[:, None]
    chord = np.diff(values, axis=0) / h
    slopes = np.empty_like(values)
    slopes[1:-1] = (h[1:] * chord[:-1] + h[:-1] * chord[1:]) / (h[:-1] + h[1:])
    slopes[0], slopes[-1] = chord[0], chord[-1]
    if loop:
        slopes[0] = slopes[-1] = (h[0] * chord[-1] + h[-1] * chord[0]) / (h[-1] + h[0])
    return slopes


def blended(a: LatentSpec | None, b: LatentSpec | None, share: float) -> LatentSpec | None:
    """The latent `share` of the way from a to b.

    Weights of seeds, or w of one's own, and psi are interpolated where nothing else differs; else it is a.
    """
    if a is None or b is None or a == b or share <= 0.0:
        return a
    psi = a.psi + share * (b.psi - a.psi)
    if a.w is not None and b.w is not None and a.replace(w=b.w, seeds=b.seeds, psi=b.psi) == b:
        first, last = np.array(a.w), np.array(b.w)
        if first.shape[1] != last.shape[1] or 1 not in (len(first), len(last)) and len(first) != len(last):
            return a
        return a.replace(w=tuple(map(tuple, (first + share * (last - first)).tolist())), psi=psi)
    if a.z is not None or a.w is not None or a.replace(seeds=b.seeds, psi=b.psi) != b:
        return a
    weights: dict[int, float] = {}
    for spec, part in ((a, 1.0 - share), (b, share)):
        total = sum(s.weight for s in spec.seeds)
        for seed in spec.seeds:
            weights[seed.seed] = weights.get(seed.seed, 0.0) + part * seed.weight / total
    seeds = tuple(SeedWeight(seed=seed, weight=weight) for seed, weight in weights.items())
    return a.replace(seeds=seeds, psi=psi)


def read_camera_path(path: Path | str) -> CameraPath:
    """A path from its JSON file, with at least one key.

    Raises InputError with one clear line for anything else.
    """
    where = str(path)
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise InputError(what="not a camera path", where=where, expected=f"at most {MAX_BYTES >> 20} MiB")
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            what="cannot read the camera path", where=where, got=error.strerror or type(error).__name__
        ) from None
    except UnicodeDecodeError:
        raise InputError(
            what="not a camera path", where=where, expected="JSON text", got="bytes that are no text"
        ) from None
    return parse_camera_path(text, where)


def parse_camera_path(text: str, where: str = "camera path") -> CameraPath:
    """A path from JSON text, with at least one key; raises InputError."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(what="not a camera path", where=where, expected="JSON", got=str(error)) from None
    if not isinstance(data, dict) or "keys" not in data:
        raise InputError(
            what="not a camera path",
            where=where,
            expected='a JSON object with "keys"',
            got=type(data).__name__,
        )
    try:
        found = CameraPath.model_validate(data)
    except ValidationError as error:
        raise InputError(what=f"bad camera path: {first_complaint(error).line}", where=where) from None
    if not found.keys:
        raise InputError(what="empty camera path", where=where, expected="at least one key")
    return found


def _tracks(pose: OrbitPose) -> tuple[float, ...]:
    lens = math.log(math.tan(0.5 * pose.fov))
    return (
        pose.yaw,
        pose.pitch,
        pose.roll,
        math.log(pose.radius),
        lens,
        *pose.pivot,
        *(pose.centre or pose.pivot),
    )


def _short_way(angle: float) -> float:
    """The same turn in (-pi, pi]."""
    turn = math.remainder(angle, 2.0 * math.pi)
    return math.pi if turn <= -math.pi + 1e-12 else turn


def _wrapped(angle: float) -> float:
    return _short_way(float(angle))
