"""Light of a portrait in the world's frame, so that views of one head agree: sky over ground, a fill and a key light."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from core_model.schema.conventions import HEADS_BACKGROUND
from core_model.schema.frozen import Frozen

Vec3 = tuple[float, float, float]


class Lighting(Frozen):
    """Linear RGB irradiance over π of each light; directions are unit vectors towards it."""

    key_direction: Vec3
    key: Vec3
    fill_direction: Vec3
    fill: Vec3
    sky: Vec3
    ground: Vec3
    exposure: float = Field(default=1.0, ge=0.2, le=5.0)


def draw_lighting(seed: int) -> Lighting:
    """Soft light from above and in front, a little warm or cool; the same on every machine."""
    rng = np.random.Generator(np.random.PCG64([seed, 0x11647]))
    side = 1.0 if rng.random() < 0.5 else -1.0
    yaw = side * rng.uniform(0.15, 1.0)
    height = rng.uniform(0.35, 0.85)
    warmth = rng.normal(0.0, 0.05)
    strength = rng.uniform(0.55, 0.95)
    level = rng.uniform(0.30, 0.46)
    cool = rng.normal(0.0, 0.03)
    return Lighting(
        key_direction=_direction(yaw, height),
        key=_tinted(strength, warmth),
        fill_direction=_direction(-side * rng.uniform(0.5, 1.3), rng.uniform(0.0, 0.4)),
        fill=_tinted(rng.uniform(0.10, 0.24), cool),
        sky=_tinted(level, -0.5 * warmth),
        ground=_tinted(level * rng.uniform(0.35, 0.6), 0.5 * warmth + 0.03),
    )


def irradiance(light: Lighting, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(ambient, key) [N, 3] that `shaders/heads/head.frag` sees at unit `normals` [N, 3], unshadowed.

    The key is that of matt surfaces.
    """
    up = 0.5 + 0.5 * normals[:, 1:2]
    ambient = np.asarray(light.ground) * (1 - up) + np.asarray(light.sky) * up
    ambient = (
        ambient + np.asarray(light.fill) * (0.5 + 0.5 * normals @ np.asarray(light.fill_direction))[:, None]
    )
    key = np.asarray(light.key) * np.clip(normals @ np.asarray(light.key_direction), 0.0, 1.0)[:, None]
    return ambient, key


def backdrop(kind: str, seed: int, size: int) -> np.ndarray:
    """[S, S, 3] in 0..1, sRGB as it shall look: "plain" one colour, "blurred" a place far out of focus."""
    if kind == "plain":
        return np.broadcast_to(np.asarray(HEADS_BACKGROUND, np.float32), (size, size, 3))
    rng = np.random.Generator(np.random.PCG64([seed, 0xBAC]))
    base = rng.uniform(0.3, 0.8) + rng.normal(0.0, 0.02, 3)
    image = np.ones((size, size, 3)) * base
    y, x = np.mgrid[0:size, 0:size] / size
    image += (0.5 - y)[..., None] * rng.normal(0.12, 0.15) + (x - 0.5)[..., None] * rng.normal(0, 0.12)
    for _ in range(int(rng.integers(2, 7))):
        cx, cy, r = rng.uniform(-0.1, 1.1), rng.uniform(-0.1, 1.0), rng.uniform(0.08, 0.35)
        spot = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * r * r))
        image += spot[..., None] * (rng.normal(0.0, 0.08) + rng.normal(0.0, 0.02, 3))
    return np.clip(image, 0.02, 0.98).astype(np.float32)


def _direction(yaw: float, height: float) -> Vec3:
    flat = math.cos(height)
    return (flat * math.sin(yaw), math.sin(height), flat * math.cos(yaw))


def _tinted(level: float, warmth: float) -> Vec3:
    return (float(level * (1 + warmth)), float(level), float(level * (1 - warmth)))
