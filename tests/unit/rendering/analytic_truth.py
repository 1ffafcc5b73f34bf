"""Answers in closed form for the analytic shapes, in float64 numpy, and a short way to ask the session for
pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.families.analytic.shapes import BETA, SLAB_DENSITY, SLAB_HALF, SPHERE_RADIUS
from core_model.geometry.rays import camera_rays
from core_model.schema.camera import OrbitPose
from core_model.schema.conventions import Conventions
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import Frame, RenderSession

SIZE = 32
BOX = Conventions().box
SCENE_RADIUS = 0.5  # of the analytic family
ALL = ("rgb", "depth", "normal", "opacity", "position", "samples")


def draw(session: RenderSession, shape: str, pose: OrbitPose, sampler: SamplerSpec, **more: object) -> Frame:
    """A picture of `analytic:SHAPE`; fails when the session reports an error."""
    settings: dict[str, object] = {"width": SIZE, "height": SIZE, "channels": ALL, **more}
    frame = session.render(
        RenderRequest(checkpoint=f"analytic:{shape}", camera=pose, sampler=sampler, **settings)  # type: ignore[arg-type]
    )
    assert frame.result.error is None, frame.result.error
    return frame


def rays_of(pose: OrbitPose, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Origins and unit directions [H·W, 3] in float64."""
    origins, dirs = camera_rays(pose, size, size)
    d = dirs.double().numpy()
    return origins.double().numpy(), d / np.linalg.norm(d, axis=-1, keepdims=True)


@dataclass(frozen=True)
class SphereHit:
    """hit [H, W]; t [H, W] (NaN = miss); normal [3, H, W].

    Miss [H, W] = closest approach to the centre, world units.
    """

    hit: np.ndarray
    t: np.ndarray
    normal: np.ndarray
    approach: np.ndarray


def sphere_hit(pose: OrbitPose, size: int = SIZE) -> SphereHit:
    o, d = rays_of(pose, size)
    b = (o * d).sum(-1)
    inside = b**2 - (o * o).sum(-1) + SPHERE_RADIUS**2
    hit = inside > 0
    t = np.where(hit, -b - np.sqrt(np.maximum(inside, 0)), np.nan)
    normal = (o + d * t[:, None]) / SPHERE_RADIUS
    approach = np.linalg.norm(o - b[:, None] * d, axis=-1)
    return SphereHit(
        hit.reshape(size, size),
        t.reshape(size, size),
        normal.T.reshape(3, size, size),
        approach.reshape(size, size),
    )


def silhouette_radius() -> float:
    """Radius at which a grazing ray of the soft sphere is half opaque.

    The optical depth of a ray that passes at height h above the surface is ∫ exp(-(h + x²/2r)/β)/(2β) dx
    = exp(-h/β)·√(2πrβ)/(2β); it is ln 2 at half opacity.
    """
    peak = np.sqrt(2 * np.pi * SPHERE_RADIUS * BETA) / (2 * BETA)
    return SPHERE_RADIUS + BETA * float(np.log(peak / np.log(2)))


def slab_chord(pose: OrbitPose, size: int = SIZE) -> np.ndarray:
    """Length [H, W] of each ray within |z| < SLAB_HALF, the box, and the shell of distances that the renderer
    samples.
    """
    o, d = rays_of(pose, size)
    distance = np.linalg.norm(o[0])
    low, high = np.full(len(o), distance - SCENE_RADIUS), np.full(len(o), distance + SCENE_RADIUS)
    for axis, half in ((0, BOX), (1, BOX), (2, SLAB_HALF)):
        with np.errstate(divide="ignore"):
            a, b = (-half - o[:, axis]) / d[:, axis], (half - o[:, axis]) / d[:, axis]
        low, high = np.maximum(low, np.minimum(a, b)), np.minimum(high, np.maximum(a, b))
    return np.maximum(high - low, 0).reshape(size, size)


def slab_opacity(pose: OrbitPose, size: int = SIZE) -> np.ndarray:
    return 1 - np.exp(-SLAB_DENSITY * slab_chord(pose, size))
