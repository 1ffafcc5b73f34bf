"""How well a fitted generator knows its heads: chamfer distance, normal error and PSNR on seeds that it never saw."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean, median

import mcubes
import numpy as np
import torch
from torch import Tensor

from core_model.data import heads
from core_model.nn.layers import second_moment_norm
from core_model.schema.camera import MatrixCamera
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from core_model.session import RenderSession
from core_model.training.fit.truth import latent_z

FIRST_UNSEEN = 9_000_000
HEAD_HEIGHT = 0.42  # chin to crown of the mean head, world units
GRID = 160
SURFACE_POINTS = 20_000


def score_heads(path: str, count: int = 32, *, size: int = 128, progress: Callable[[int, int], None] | None = None) -> dict[str, float]:
    """Means over `count` unseen seeds, untruncated (psi 1): chamfer [% of head height], median normal error [degrees], PSNR [dB].

    Pictures are rendered by the default sampler at twice the size and averaged down, as the data's are. The chamfer distance is the
    mean of both directions' mean nearest distances between points on the two zero level sets.
    """
    session = RenderSession()
    info = session.open(path)
    rows = []
    for i in range(count):
        rows.append(_score_one(session, path, info.z_dim, FIRST_UNSEEN + i, size))
        if progress:
            progress(i + 1, count)
    columns = {k: [r[k] for r in rows] for k in rows[0]}
    return {
        "seeds": float(count),
        "chamfer_percent": mean(columns["chamfer"]),
        "normal_error_deg": mean(columns["normal"]),
        "psnr_db": mean(columns["psnr"]),
        "psnr_worst_db": min(columns["psnr"]),
        "psnr_median_db": median(columns["psnr"]),
        "chamfer_worst_percent": max(columns["chamfer"]),
    }


@torch.no_grad()
def _score_one(session: RenderSession, path: str, z_dim: int, seed: int, size: int) -> dict[str, float]:
    z = latent_z(seed, z_dim)
    params = heads.HeadParams.from_latent(second_moment_norm(z)[:, : heads.N_PARAMS])
    camera, label = heads.sample_camera(seed)
    truth = heads.render_heads(params, torch.as_tensor(camera)[None].float(), heads.FOCAL, size, supersample=2)
    latent = LatentSpec(z=tuple(z[0].tolist()), psi=1.0)
    request = RenderRequest(
        checkpoint=path,
        latent=latent,
        camera=MatrixCamera.from_label(np.asarray(label)),
        width=2 * size,
        height=2 * size,
        channels=("rgb", "normal"),
    )
    frame = session.render(request)
    if frame.result.error is not None:
        raise RuntimeError(frame.result.error.message)
    rgb = frame.arrays["rgb"].reshape(3, size, 2, size, 2).mean(axis=(2, 4))
    mse = float(np.mean((rgb - truth.rgb[0].numpy()) ** 2))
    normals = torch.from_numpy(frame.arrays["normal"]).reshape(3, size, 2, size, 2).nanmean(dim=(2, 4))
    normals = torch.nn.functional.normalize(normals, dim=0)
    both = truth.mask[0].bool() & torch.isfinite(normals).all(dim=0)
    cosine = (normals * truth.normal[0]).sum(dim=0)[both].clamp(-1, 1)
    field = session.field_of(request)
    own = _surface(lambda p: field.geometry(p).sdf, seed)
    known = _surface(lambda p: heads.head_sdf(params, p), seed)
    chamfer = 0.5 * (_nearest(own, known) + _nearest(known, own))
    return {
        "psnr": -10.0 * float(np.log10(max(mse, 1e-12))),
        "normal": float(torch.rad2deg(torch.acos(cosine)).median()),
        "chamfer": 100.0 * chamfer / HEAD_HEIGHT,
    }


def _surface(sdf: Callable[[Tensor], Tensor | None], seed: int) -> Tensor:
    """Points [M, 3] on the zero level set, uniform by area."""
    axis = torch.linspace(-0.48, 0.48, GRID)
    points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1).reshape(-1, 3)
    values = torch.cat([sdf(p[None])[0] for p in points.split(1 << 17)])  # type: ignore[index]
    vertices, faces = mcubes.marching_cubes(values.reshape(GRID, GRID, GRID).numpy(), 0.0)
    corners = torch.from_numpy(vertices).float()[torch.from_numpy(faces.astype(np.int64))]
    corners = corners * (axis[1] - axis[0]) + axis[0]
    area = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).norm(dim=-1)
    rng = torch.Generator().manual_seed(seed)
    face = torch.multinomial(area, SURFACE_POINTS, replacement=True, generator=rng)
    u = torch.rand(SURFACE_POINTS, 2, generator=rng)
    u = torch.where(u.sum(-1, keepdim=True) > 1, 1 - u, u)
    a, b, c = corners[face].unbind(dim=1)
    return a + u[:, :1] * (b - a) + u[:, 1:] * (c - a)


def _nearest(a: Tensor, b: Tensor) -> float:
    """Mean distance of the points a [M, 3] to their nearest points of b [N, 3]."""
    return float(torch.cat([torch.cdist(p, b).amin(dim=1) for p in a.split(2048)]).mean())
