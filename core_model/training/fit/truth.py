"""Training examples with known truth, for one head of the pack: views along the axes, points with signed distance, points of the
surface with colour, rays with what they show.

Every example is a function of its seed alone, so other processes, resuming and repeating give the same data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.data.headpack.assembly import assemble
from core_model.data.headpack.truth import Closest, HeadTruth
from core_model.training.fit.latent import head_of_z, latent_z
from core_model.training.fit.views import head_views

NARROW, WIDE = 0.003, 0.015
"""Spreads of points beside the surface, world units."""
RADIUS = 2.7
"""Distance of the eyes that rays come from, world units."""
MISS = 3.4
"""t of a ray that hits nothing."""
_FEATURES = ("pupil_left", "pupil_right", "upper_lip_bottom", "subnasale")
_FEATURE_REACH = (0.045, 0.03, 0.04)


@dataclass(frozen=True)
class TruthSpec:
    """How much of a head is kept, and the cube [-box, box]³ that planes and points fill."""

    z_dim: int
    axes: tuple[tuple[str, str], ...]
    view_size: int
    points: int
    surface: int
    rays: int
    box: float


def head_truth(seed: int, spec: TruthSpec) -> dict[str, np.ndarray]:
    """Every quantity that a fit needs of the head with this seed.

    z [Z]; the views of `head_views`; points [N, 3] with sdf [N], two thirds of them beside the surface that is seen from outside, the rest
    anywhere; surface [M, 3] with colours [M, 3] uint8 (sRGB) and normals [M, 3]; rays from random eyes, half of them before the face:
    origins, dirs [R, 3], rgb [R, 3] uint8 (0 where nothing is hit), t [R], hit [R].
    """
    rng = np.random.default_rng([seed, 0x7207])
    z = latent_z(seed, spec.z_dim)
    mesh = assemble(head_of_z(z))
    truth = HeadTruth(mesh)
    features = np.array([mesh.landmarks[name] for name in _FEATURES])
    return {
        "z": z[0].numpy(),
        **head_views(truth, spec.axes, spec.view_size, spec.box),
        **_points(truth, features, spec, rng),
        **_rays(truth, spec, rng),
    }


def _points(
    truth: HeadTruth, features: np.ndarray, spec: TruthSpec, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Points on, beside and away from the surface."""
    origins, dirs = _looks(features, 2 * spec.surface, spec.box, rng)
    t, hit = truth.first_hit(origins, dirs)
    place = origins + dirs * np.where(np.isfinite(t), t, 0.0)[:, None]
    rows = np.flatnonzero(np.isfinite(t) & (np.abs(place) < spec.box).all(axis=1))
    rows = rows[np.arange(spec.surface) % len(rows)]
    at = Closest(hit.distance[rows], hit.triangle[rows], hit.share[rows])
    surface, normals = place[rows], truth.normals(at)
    near = spec.points * 2 // 3
    beside = rng.integers(len(surface), size=near)
    spread = np.where(rng.random((near, 1)) < 0.67, NARROW, WIDE) * rng.standard_normal((near, 1))
    free = rng.uniform(-spec.box, spec.box, (spec.points - near, 3))
    points = np.concatenate([surface[beside] + normals[beside] * spread, free]).clip(-spec.box, spec.box)
    return {
        "points": points.astype(np.float32),
        "sdf": truth.distance(points).astype(np.float32),
        "surface": surface.astype(np.float32),
        "normals": normals.astype(np.float16),
        "colours": _bytes(truth.colour(at)),
    }


def _looks(
    features: np.ndarray, count: int, box: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Rays [count] whose first hits are spread over the head: an eighth each at eyes, mouth and nose, a quarter at the face."""
    small, face = count // 4, count // 4
    marks = (
        features[rng.integers(len(features), size=small)] + rng.uniform(-1, 1, (small, 3)) * _FEATURE_REACH
    )
    front = rng.uniform((-0.13, -0.21, 0.05), (0.13, 0.14, 0.22), (face, 3))
    wide = rng.uniform((-0.45, -0.5, -0.3), (0.45, 0.32, 0.25), (count - small - face, 3)).clip(-box, box)
    target = np.concatenate([marks, front, wide])
    ahead = np.arange(count) < small + face
    yaw = np.where(ahead, rng.normal(0, 0.5, count), rng.uniform(-np.pi, np.pi, count))
    pitch = np.where(ahead, rng.normal(0, 0.3, count), np.arcsin(rng.uniform(-0.7, 0.95, count)))
    dirs = -_towards(yaw, pitch)
    return target - 1.2 * dirs, dirs


def _rays(truth: HeadTruth, spec: TruthSpec, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Rays of as many cameras, half of them near the prior, half anywhere around the head."""
    n = spec.rays
    ahead = rng.random(n) < 0.6
    yaw = np.where(ahead, rng.normal(0, 0.4, n), rng.uniform(-np.pi, np.pi, n))
    pitch = np.where(ahead, rng.normal(0, 0.25, n), rng.uniform(-0.6, 0.8, n))
    eyes = RADIUS * _towards(yaw, pitch)
    inner = rng.random((n, 1)) < 0.5
    target = np.where(inner, rng.uniform(-0.16, 0.16, (n, 3)), rng.uniform(-0.34, 0.34, (n, 3)))
    target[:, 1] = np.where(inner[:, 0], target[:, 1] * 1.4, target[:, 1])
    dirs = target - eyes
    dirs /= np.linalg.norm(dirs, axis=1, keepdims=True)
    seen = look(truth, eyes, dirs, spec.box)
    return {
        "origins": eyes.astype(np.float32),
        "dirs": dirs.astype(np.float32),
        "rgb": _bytes(seen.rgb),
        "t": np.where(seen.hit, seen.t, MISS).astype(np.float32),
        "hit": seen.hit,
    }


@dataclass(frozen=True)
class Seen:
    """What N rays show of a head within a box: distance t [N] (inf: nothing), rgb [N, 3] (sRGB in [0, 1], 0: nothing).

    normal [N, 3] points out of the surface; 0 where nothing is, or the face of the box cuts the body.
    """

    t: np.ndarray
    rgb: np.ndarray
    normal: np.ndarray

    @property
    def hit(self) -> np.ndarray:
        return np.isfinite(self.t)


def look(truth: HeadTruth, origins: np.ndarray, dirs: np.ndarray, box: float) -> Seen:
    """What rays [N] from outside see of the part of the head in [-box, box]³; a cut has the colour of the closest surface."""
    with np.errstate(divide="ignore"):
        inverse = 1.0 / dirs
    ends = np.stack([(-box - origins) * inverse, (box - origins) * inverse])
    enter, leave = ends.min(axis=0).max(axis=1), ends.max(axis=0).min(axis=1)
    t, found = truth.first_hit(origins, dirs)
    triangle, share = found.triangle.copy(), found.share.copy()
    cut = np.zeros(len(t), bool)
    t = np.where((enter < leave) & (t < leave), t, np.inf)
    early = np.flatnonzero(t < enter)
    if len(early):
        start = origins[early] + dirs[early] * enter[early, None]
        near = truth.closest(start)
        inside = truth.distance(start, near) < 0.0
        on, again = truth.first_hit(start, dirs[early])
        on = np.where(inside, 0.0, on)
        t[early] = np.where(on < leave[early] - enter[early], enter[early] + on, np.inf)
        triangle[early] = np.where(inside, near.triangle, again.triangle)
        share[early] = np.where(inside[:, None], near.share, again.share)
        cut[early] = inside
    rgb, normal = np.zeros((len(t), 3), np.float32), np.zeros((len(t), 3), np.float32)
    rows = np.flatnonzero(np.isfinite(t))
    at = Closest(found.distance[rows], triangle[rows], share[rows])
    rgb[rows] = truth.colour(at).clip(0.0, 1.0)
    normal[rows] = np.where(cut[rows, None], 0.0, truth.normals(at))
    return Seen(t, rgb, normal)


def _towards(yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Unit vectors [N, 3] from the origin to eyes at these angles: +z at 0, 0."""
    return np.stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], axis=1)


def _bytes(colour: np.ndarray) -> np.ndarray:
    return np.rint(255.0 * colour.clip(0.0, 1.0)).astype(np.uint8)
