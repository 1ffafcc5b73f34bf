"""Training examples with known truth: points with signed distance and colour, rays with colour, for one head a time.

Every example is a function of its seed alone, so other processes, resuming and repeating give the same data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core_model.data import heads
from core_model.nn.layers import second_moment_norm

NARROW, WIDE = 0.003, 0.015  # spreads of points beside the surface, world units
OUTLINE = 0.006  # spread of rays beside the outline, world units: about a pixel of 128²


@dataclass(frozen=True)
class TruthSpec:
    """How many points and rays, and the cube [-box, box]³ that they fill."""

    z_dim: int
    points: int
    rays: int
    box: float
    image_size: int


def latent_z(seed: int, z_dim: int) -> Tensor:
    """z [1, Z] of a seed, as the viewer draws it: numpy RandomState(seed) normals."""
    return torch.from_numpy(np.random.RandomState(seed).randn(1, z_dim)).float()


def head_of_z(z: Tensor) -> heads.HeadParams:
    """The head that a latent stands for: the first N_PARAMS components of z / rms(z)."""
    return heads.HeadParams.from_latent(second_moment_norm(z)[:, : heads.N_PARAMS])


@torch.no_grad()
def head_points(seeds: Sequence[int], z_dim: int, count: int, box: float) -> dict[str, Tensor]:
    """Points of B heads at once, many times cheaper a head than `head_truth`, for runs that see tens of thousands of heads.

    z [B, Z], points [B, N, 3] with sdf [B, N]; the first 2N/5 of them lie on or beside the surface and have colours [B, 2N/5, 3], the
    next 2N/5 lie near it, the rest anywhere. A function of its arguments alone.
    """
    near_n = 2 * count // 5
    rngs = [torch.Generator().manual_seed(seed + 7_000_003) for seed in seeds]
    z = torch.cat([latent_z(seed, z_dim) for seed in seeds])
    params = head_of_z(z)
    drawn = torch.stack([_surface_seeds(6 * near_n, rng) for rng in rngs]).clamp(-box, box)
    distance = heads.head_sdf(params, drawn)
    # the closest third of the candidates, in random order: near enough for one Newton step, and known already
    close = distance.abs().argsort(dim=-1)[:, : 2 * near_n]
    mixed = torch.stack([torch.randperm(2 * near_n, generator=rng) for rng in rngs])
    close = close.gather(1, mixed)
    candidates = drawn.gather(1, close[..., None].expand(-1, -1, 3))
    on = heads.project_to_surface(params, candidates[:, :near_n], steps=1)
    on = torch.where(on.abs().amax(dim=-1, keepdim=True) < box, on, candidates[:, :near_n])
    normals = heads.head_normals(params, on)
    colours = heads.head_color(params, on, normals)
    spread = torch.stack([torch.randn(near_n, 1, generator=rng) for rng in rngs])
    narrow = torch.stack([torch.rand(near_n, 1, generator=rng) for rng in rngs]) < 0.67
    beside = on + normals * torch.where(narrow, NARROW, WIDE) * spread
    free = torch.stack([(torch.rand(count - 2 * near_n, 3, generator=rng) * 2 - 1) * box for rng in rngs])
    points = torch.cat([beside, candidates[:, near_n:], free], dim=1).clamp(-box, box)
    return {"z": z, "points": points, "sdf": heads.head_sdf(params, points), "colours": colours}


@torch.no_grad()
def head_truth(seed: int, spec: TruthSpec) -> dict[str, Tensor]:
    """Every quantity that a fit needs of the head with this seed; a function of `seed` and `spec` alone."""
    rng = torch.Generator().manual_seed(seed + 1_000_003)
    z = latent_z(seed, spec.z_dim)
    params = head_of_z(z)
    return {"z": z[0], **_points(params, spec, rng), **_rays(params, spec, seed, rng)}


def _points(params: heads.HeadParams, spec: TruthSpec, rng: torch.Generator) -> dict[str, Tensor]:
    """Points [N, 3] with sdf [N]; the first M of them lie near the surface and have colours [M, 3]."""
    n_near = spec.points * 3 // 4
    seeds = _surface_seeds(n_near, rng)
    on = heads.project_to_surface(params, seeds[None], steps=2)[0]
    on = torch.where(on.abs().amax(dim=-1, keepdim=True) < spec.box, on, seeds)
    normals = heads.head_normals(params, on[None])[0]
    colours = heads.head_color(params, on[None], normals[None])[0]
    # two thirds hug the surface (that is where normals and colours are decided), the rest spread around it
    sigma = torch.where(torch.rand(n_near, 1, generator=rng) < 0.67, NARROW, WIDE)
    near = on + normals * sigma * torch.randn(n_near, 1, generator=rng)
    free = (torch.rand(spec.points - n_near, 3, generator=rng) * 2 - 1) * spec.box
    points = torch.cat([near, free]).clamp(-spec.box, spec.box)
    return {"points": points, "sdf": heads.head_sdf(params, points[None])[0], "colours": colours}


def _surface_seeds(n: int, rng: torch.Generator) -> Tensor:
    """Points that are then pulled onto the surface: a third around the eyes, nose and mouth, the rest around the head."""
    n_face = n // 3
    u = torch.rand(n_face, 3, generator=rng)
    face = torch.stack([(u[:, 0] - 0.5) * 0.2, u[:, 1] * 0.24 - 0.14, 0.06 + 0.12 * u[:, 2]], dim=-1)
    n_head = n - n_face
    direction = torch.randn(n_head, 3, generator=rng)
    direction = direction / direction.norm(dim=-1, keepdim=True)
    radius = 0.12 + 0.14 * torch.rand(n_head, 1, generator=rng)
    head = direction * radius * torch.tensor([0.9, 1.15, 1.0]) + torch.tensor([0.0, 0.02, -0.02])
    body = torch.rand(n_head, 3, generator=rng) * torch.tensor([0.8, 0.32, 0.4]) - torch.tensor(
        [0.4, 0.48, 0.2]
    )
    is_body = torch.rand(n_head, 1, generator=rng) < 0.2
    return torch.cat([face, torch.where(is_body, body, head)])


def _rays(params: heads.HeadParams, spec: TruthSpec, seed: int, rng: torch.Generator) -> dict[str, Tensor]:
    """Rays of one camera: origins, dirs [R, 3], rgb [R, 3] on the data's background, depth t [R], hit [R].

    t of a ray that hits nothing is where it passes an edge, or beyond the scene where there is none. Half go through random pixels of
    the picture, half pass close by the outline: a picture's worst errors lie there.
    """
    camera, _ = heads.sample_camera(seed)
    cam = torch.as_tensor(np.asarray(camera), dtype=torch.float32)[None]
    eye = cam[0, :3, 3]
    uv = torch.rand(4 * spec.rays, 2, generator=rng)
    over = torch.cat([(uv - 0.5) / heads.FOCAL, torch.ones(len(uv), 1)], dim=-1)
    over = torch.nn.functional.normalize(over, dim=-1) @ cam[0, :3, :3].T
    # background pixels teach little once they are empty: keep rays that pass the head's surroundings
    closest = (eye - over * (eye * over).sum(-1, keepdim=True)).norm(dim=-1)
    keep = torch.argsort(torch.where(closest < 0.4, torch.rand(len(uv), generator=rng), 2.0))[
        : spec.rays - spec.rays // 2
    ]
    edge, t_edge = _outline_rays(params, eye, spec.rays // 2, rng)
    dirs = torch.cat([over[keep], edge])
    origin = eye.expand_as(dirs)
    t, hit = heads.trace_heads(params, origin[None], dirs[None], 2.0, 3.4)
    t[0, len(keep) :] = torch.where(hit[0, len(keep) :], t[0, len(keep) :], t_edge)
    points = origin + dirs * torch.nan_to_num(t[0], nan=2.7)[:, None]
    normals = heads.head_normals(params, points[None])[0]
    rgb = heads.head_color(params, points[None], normals[None])[0]
    rgb = torch.where(hit[0][:, None], rgb, torch.tensor(heads.BACKGROUND_RGB))
    return {"origins": origin, "dirs": dirs, "rgb": rgb, "t": t[0], "hit": hit[0]}


def _outline_rays(
    params: heads.HeadParams, eye: Tensor, count: int, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Directions [count, 3] from `eye` past points whose normal is nearly square to the line of sight, and how far those are [count]."""
    points = heads.project_to_surface(params, _surface_seeds(6 * count, rng)[None], steps=1)
    normals = heads.head_normals(params, points)[0]
    sight = torch.nn.functional.normalize(points[0] - eye, dim=-1)
    edge = (normals * sight).sum(-1).abs().argsort()[:count]
    beside = points[0, edge] + OUTLINE * torch.randn(count, 1, generator=rng) * normals[edge]
    t = (beside - eye).norm(dim=-1)
    return (beside - eye) / t[:, None], t
