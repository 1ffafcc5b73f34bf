"""How well a fitted generator knows its heads: chamfer distance, normal error and PSNR on seeds that it never saw."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean, median
from typing import TypeAlias

import numpy as np
import torch
import trimesh
from scipy.spatial import KDTree
from torch import Tensor

from core_model.data.headpack.assembly import assemble
from core_model.data.headpack.truth import HeadTruth
from core_model.meshing.marching import marching_cubes
from core_model.schema.conventions import HEAD_HEIGHT
from core_model.session import RenderSession
from core_model.training.fit.latent import head_of_z, latent_z
from core_model.training.fit.pictures import FIRST_UNSEEN, unseen_head

GRID = 160
SURFACE_POINTS = 20_000
NEAR = 12

Triangles: TypeAlias = np.ndarray  # [F, 3 corners, 3], world units


def score_heads(
    path: str, count: int = 32, *, size: int = 128, progress: Callable[[int, int], None] | None = None
) -> dict[str, float]:
    """Means over `count` unseen seeds, untruncated (psi 1): chamfer [% of head height], median normal error [degrees], PSNR [dB].

    Pictures are rendered by the default sampler at twice the size and averaged down, as the data's are. The chamfer distance is the
    mean of both directions' mean distances from one zero level set to the other.
    """
    session = RenderSession()
    rows = []
    for i in range(count):
        rows.append(_score_one(session, path, FIRST_UNSEEN + i, size))
        if progress:
            progress(i + 1, count)
    columns = {k: [r[k] for r in rows] for k in rows[0]}
    return {
        "seeds": float(count),
        "chamfer_percent": mean(columns["chamfer"]),
        "normal_error_deg": mean(columns["normal"]),
        "psnr_db": mean(columns["psnr"]),
        "psnr_worst_db": min(columns["psnr"]),
        "psnr_worst_seed": float(FIRST_UNSEEN + columns["psnr"].index(min(columns["psnr"]))),
        "psnr_median_db": median(columns["psnr"]),
        "chamfer_worst_percent": max(columns["chamfer"]),
        "chamfer_worst_seed": float(FIRST_UNSEEN + columns["chamfer"].index(max(columns["chamfer"]))),
    }


@torch.no_grad()
def _score_one(session: RenderSession, path: str, seed: int, size: int) -> dict[str, float]:
    head = unseen_head(session, path, seed, size)
    both = head.mask & torch.isfinite(head.normal).all(dim=0) & (head.true_normal.norm(dim=0) > 0.5)
    cosine = (head.normal * head.true_normal).sum(dim=0)[both].clamp(-1, 1)
    field = session.field_of(head.request)
    truth = HeadTruth(assemble(head_of_z(latent_z(seed, session.open(path).z_dim))))
    box = session.open(path).header.conventions.box
    own = level_set(lambda p: field.geometry(p).sdf, 0.96 * box)
    return {
        "psnr": -10.0 * float(np.log10(max(head.squared_error, 1e-12))),
        "normal": float(torch.rad2deg(torch.acos(cosine)).median()),
        "chamfer": 100.0 * head_distance(own, truth, 0.96 * box, seed) / HEAD_HEIGHT,
    }


def head_distance(own: Triangles, truth: HeadTruth, reach: float, seed: int = 0) -> float:
    """Chamfer distance of a level set to the surface of a head, world units: mean of both directions' mean distances.

    Of the head only what is seen from outside and lies in [-reach, reach]³ counts, found by rays from all around: the inside of
    the mouth or the underside of hair is nothing that a picture shows.
    """
    rng = np.random.default_rng([seed, 0x5EE])
    on = _on_surface(own, rng)
    own_to_head = float(np.abs(truth.distance(on)).mean())
    dirs = rng.standard_normal((6 * SURFACE_POINTS, 3))
    dirs /= np.linalg.norm(dirs, axis=1, keepdims=True)
    aim = rng.uniform(-0.94 * reach, 0.94 * reach, (len(dirs), 3))
    t, _ = truth.first_hit(aim - 1.5 * dirs, dirs)
    seen = aim + dirs * (np.where(np.isfinite(t), t, 9.0) - 1.5)[:, None]
    seen = seen[(np.abs(seen) < reach).all(axis=1)][:SURFACE_POINTS]
    return 0.5 * (own_to_head + _to_surface(seen, own))


def level_set(sdf: Callable[[Tensor], Tensor | None], reach: float) -> Triangles:
    """Triangles [F, 3 corners, 3] of the zero level set in [-reach, reach]³, on GRID³ points (world units)."""
    axis = torch.linspace(-reach, reach, GRID)
    points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1).reshape(-1, 3)
    values = torch.cat([sdf(p[None])[0] for p in points.split(1 << 17)])  # type: ignore[index]
    vertices, faces = marching_cubes(values.reshape(GRID, GRID, GRID).numpy())
    return vertices[faces] * float(axis[1] - axis[0]) + float(axis[0])


def chamfer_distance(a: Triangles, b: Triangles, seed: int = 0) -> float:
    """Mean of the mean distances from SURFACE_POINTS of each surface to the *surface* of the other, world units.

    Not to points drawn on the other: two draws of 20,000 points from one and the same head lie 0.86 % of its height apart, so that
    number would tell how densely one draws, not how well the surfaces agree.
    """
    rng = np.random.default_rng(seed)
    return 0.5 * (_to_surface(_on_surface(a, rng), b) + _to_surface(_on_surface(b, rng), a))


def _on_surface(triangles: Triangles, rng: np.random.Generator) -> np.ndarray:
    """Points [SURFACE_POINTS, 3], uniform by area."""
    areas = trimesh.triangles.area(triangles)
    chosen = triangles[rng.choice(len(triangles), SURFACE_POINTS, p=areas / areas.sum())]
    u = rng.random((SURFACE_POINTS, 2))
    u = np.where(u.sum(axis=1, keepdims=True) > 1.0, 1.0 - u, u)
    return chosen[:, 0] + u[:, :1] * (chosen[:, 1] - chosen[:, 0]) + u[:, 1:] * (chosen[:, 2] - chosen[:, 0])


def _to_surface(points: np.ndarray, triangles: Triangles) -> float:
    """Mean distance from the points to the triangles: exact to the NEAR triangles with the nearest centres (cells are of one size)."""
    _, near = KDTree(triangles.mean(axis=1)).query(points, k=min(NEAR, len(triangles)))
    near = near.reshape(len(points), -1)
    spread = np.repeat(points, near.shape[1], axis=0)
    closest = trimesh.triangles.closest_point(triangles[near.reshape(-1)], spread)
    return float(np.linalg.norm(closest - spread, axis=1).reshape(near.shape).min(axis=1).mean())
