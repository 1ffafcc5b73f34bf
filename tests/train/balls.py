"""Balls in the place of heads: examples in closed form, for tests of the fit that need no people."""

from __future__ import annotations

import numpy as np

from core_model.training.fit.latent import latent_z
from core_model.training.fit.truth import MISS, TruthSpec
from core_model.training.fit.views import FAR_OUTLINE


def radius_of(seed: int) -> float:
    return 0.2 + 0.02 * (seed % 5)


def ball_truth(seed: int, spec: TruthSpec) -> dict[str, np.ndarray]:
    """What `head_truth` tells, of a ball about the origin whose colour is its normal."""
    rng, r, n = np.random.default_rng(seed), radius_of(seed), spec.view_size
    unit = lambda k: (lambda v: v / np.linalg.norm(v, axis=1, keepdims=True))(rng.standard_normal((k, 3)))
    at = ((np.arange(n) + 0.5) / n * 2 - 1) * spec.box
    across = np.hypot(*np.meshgrid(at, at))
    depth = np.sqrt(np.clip(r**2 - across**2, 0, None))
    surface, points = unit(spec.surface), rng.uniform(-spec.box, spec.box, (spec.points, 3))
    eyes = 2.7 * unit(spec.rays)
    dirs = rng.uniform(-0.3, 0.3, (spec.rays, 3)) - eyes
    dirs /= np.linalg.norm(dirs, axis=1, keepdims=True)
    b = (eyes * dirs).sum(1)
    root = b**2 - (eyes**2).sum(1) + r**2
    t = np.where(root > 0, -b - np.sqrt(np.clip(root, 0, None)), MISS)
    colour = lambda v: np.rint(127.5 * (v + 1)).astype(np.uint8)
    return {
        "z": latent_z(seed, spec.z_dim)[0].numpy(),
        "view_depth": np.tile(np.stack([depth, -depth]), (3, 1, 1, 1)).astype(np.float16),
        "view_rgb": np.full((3, 2, n, n, 3), 128, np.uint8),
        "view_outline": np.tile((across - r).clip(-FAR_OUTLINE, FAR_OUTLINE), (3, 1, 1)).astype(np.float16),
        "view_seen": np.tile(across < r, (3, 1, 1)),
        "points": points.astype(np.float32),
        "sdf": (np.linalg.norm(points, axis=1) - r).astype(np.float32),
        "surface": (r * surface).astype(np.float32),
        "normals": surface.astype(np.float16),
        "colours": colour(surface),
        "origins": eyes.astype(np.float32),
        "dirs": dirs.astype(np.float32),
        "rgb": np.where(root[:, None] > 0, colour((eyes + t[:, None] * dirs) / r), 0).astype(np.uint8),
        "t": t.astype(np.float32),
        "hit": root > 0,
    }
