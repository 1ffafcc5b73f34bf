"""EpiGRAF's own picture: corner-aligned rays, stratified and importance samples, left-point integration,
background.

Quirks of the program, by name:

corner_aligned_rays       the first and last pixel centres lie on the picture's edges
stratified_at_inference   depths are drawn from their cells also at inference (here: cell middles)
endless_last_interval     the last interval is 1e10 long without a background model and 1e-3 with one
depth_not_normalised      depth is Σ w t, not divided by Σ w
empty_is_grey             an empty ray is 0
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.families.epigraf.background import SphereBackground, inverse_sphere_points
from core_model.families.epigraf.config import EpigrafConfig
from core_model.families.epigraf.decoder import EpigrafField
from core_model.families.epigraf.generator import EpigrafGenerator
from core_model.fields.density import density_of
from core_model.fields.triplane import Planes
from core_model.rendering.composite import OPACITY_FLOOR, field_normals
from core_model.rendering.empty import outside_only
from core_model.rendering.evaluate import Scene
from core_model.sampling.occupancy import Guide
from core_model.schema.camera import MatrixCamera, OrbitPose
from core_model.schema.conventions import DensityRule
from core_model.schema.errors import InputError
from core_model.schema.render import RenderRequest

ENDLESS, CLOSED = 1e10, 1e-3
CHUNK_SAMPLES = 1 << 20


@dataclass(frozen=True)
class Integrated:
    """colour [B, R, 3] in [-1, 1].

    depth, opacity, passed [B, R] (passed: transmittance at the last sample); t, weights [B, R, S].
    """

    colour: Tensor
    depth: Tensor
    opacity: Tensor
    passed: Tensor
    t: Tensor
    weights: Tensor
    t_fine: Tensor
    weights_coarse: Tensor


def camera_dirs(camera: OrbitPose | MatrixCamera, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Origins, dirs [1, size², 3]; rows from the top, pixel centres from edge to edge."""
    pose = torch.as_tensor(camera.world_from_cam(), dtype=torch.float32, device=device)
    k = torch.as_tensor(camera.intrinsics(), dtype=torch.float32, device=device)
    return matrix_dirs(pose, k, size)


def matrix_dirs(pose: Tensor, k: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """`camera_dirs` of world_from_cam [4, 4] and intrinsics [3, 3], with gradients to both."""
    device = pose.device
    at = torch.linspace(0.0, 1.0, size, device=device)
    v, u = (g.reshape(-1) for g in torch.meshgrid(at, at, indexing="ij"))
    cam = torch.stack([(u - k[0, 2]) / k[0, 0], (v - k[1, 2]) / k[1, 1], torch.ones_like(u)], dim=-1)
    dirs = F.normalize(cam, dim=-1) @ pose[:3, :3].T
    return pose[:3, 3].expand_as(dirs)[None], dirs[None]


def coarse_depths(cfg: EpigrafConfig, like: Tensor, jitter: Tensor | None = None) -> Tensor:
    """[B, R, n] in cells between the midpoints of an even grid; like [B, R, 3]. jitter [B, R, n] replaces ½."""
    grid = torch.linspace(cfg.near, cfg.far, cfg.steps, device=like.device)
    middle = 0.5 * (grid[1:] + grid[:-1])
    low, high = torch.cat([grid[:1], middle]), torch.cat([middle, grid[-1:]])
    t = low + (high - low) * (0.5 if jitter is None else jitter)
    return t.expand(*like.shape[:2], cfg.steps)


def integrate(density: Tensor, t: Tensor, last: float) -> tuple[Tensor, Tensor]:
    """Weights [B, R, S] and transmittance at the last sample [B, R], by the left-point rule; density, t
    [B, R, S].
    """
    delta = torch.cat([torch.diff(t, dim=-1), torch.full_like(t[..., :1], last)], dim=-1)
    alpha = 1.0 - torch.exp(-delta * density)
    passed = torch.cumprod(torch.cat([torch.ones_like(alpha[..., :1]), 1.0 - alpha + 1e-10], dim=-1), dim=-1)[
        ..., :-1
    ]
    return alpha * passed, passed[..., -1]


def fine_depths(t: Tensor, weights: Tensor, u: Tensor | None = None) -> Tensor:
    """Importance samples [B, R, n], as many as coarse ones; u [B, R, n] replaces the middles (j + ½)/n."""
    b, r, n = t.shape
    edges = (0.5 * (t[..., 1:] + t[..., :-1])).reshape(b * r, n - 1)
    inner = weights.reshape(b * r, n)[:, 1:-1] + 1e-5 + 1e-5  # the program adds its epsilon twice
    cdf = torch.cumsum(inner / inner.sum(dim=-1, keepdim=True), dim=-1)
    cdf = torch.cat([torch.zeros_like(cdf[:, :1]), cdf], dim=-1)
    if u is None:
        u = ((torch.arange(n, device=t.device, dtype=t.dtype) + 0.5) / n).expand(b * r, n)
    u = u.reshape(b * r, n).contiguous()
    i = torch.searchsorted(cdf, u)
    low, high = (i - 1).clamp_min(0), i.clamp_max(n - 2)
    c0, c1, b0, b1 = cdf.gather(1, low), cdf.gather(1, high), edges.gather(1, low), edges.gather(1, high)
    span = torch.where(c1 - c0 < 1e-5, torch.ones_like(c0), c1 - c0)
    return (b0 + (u - c0) / span * (b1 - b0)).reshape(b, r, n)


def foreground(
    field: EpigrafField,
    origins: Tensor,
    dirs: Tensor,
    *,
    jitter: Tensor | None = None,
    u: Tensor | None = None,
    noise: tuple[Tensor, Tensor] | None = None,
) -> Integrated:
    """origins, dirs [B, R, 3] → Integrated, before any background.

    noise: added to the raw density of the coarse samples [B, R, n] and of all samples [B, R, 2n], near to far
        (while a network learns).
    """
    cfg = field.cfg
    size = max(1, CHUNK_SAMPLES // (origins.shape[0] * 2 * cfg.steps))
    part = lambda x, s: None if x is None else x[:, s]
    parts = []
    for start in range(0, origins.shape[1], size):
        s = slice(start, start + size)
        added = None if noise is None else (noise[0][:, s], noise[1][:, s])
        parts.append(_foreground_chunk(field, origins[:, s], dirs[:, s], part(jitter, s), part(u, s), added))
    return Integrated(
        *(torch.cat([getattr(p, name) for p in parts], dim=1) for name in Integrated.__dataclass_fields__)
    )


def _foreground_chunk(
    field: EpigrafField,
    origins: Tensor,
    dirs: Tensor,
    jitter: Tensor | None,
    u: Tensor | None,
    noise: tuple[Tensor, Tensor] | None,
) -> Integrated:
    cfg = field.cfg
    last = ENDLESS if cfg.background is None else CLOSED
    density = lambda raw: density_of(raw + cfg.density_shift, cfg.activation)
    t = coarse_depths(cfg, origins, jitter)
    raw, features = _at(field, origins, dirs, t)
    coarse, _ = integrate(density(raw if noise is None else raw + noise[0]), t, last)
    t_fine = fine_depths(t, coarse.detach(), u)  # as in the program, also while it learns
    raw_fine, features_fine = _at(field, origins, dirs, t_fine)
    t_all, order = torch.cat([t, t_fine], dim=-1).sort(dim=-1)
    raw = torch.cat([raw, raw_fine], dim=-1).gather(-1, order)
    features = torch.cat([features, features_fine], dim=2)
    features = features.gather(2, order[..., None].expand_as(features))
    weights, passed = integrate(density(raw if noise is None else raw + noise[1]), t_all, last)
    opacity = weights.sum(dim=-1)
    if cfg.last_back:
        weights = torch.cat([weights[..., :-1], weights[..., -1:] + (1.0 - opacity)[..., None]], dim=-1)
    b, r, s = t_all.shape
    seen = dirs[:, :, None].expand(b, r, s, 3).reshape(b, r * s, 3)
    colours = field.colours(features.flatten(1, 2), seen).reshape(b, r, s, 3)
    colour = (weights[..., None] * colours).sum(dim=2)
    if cfg.white_back:
        colour = colour + (1.0 - weights.sum(dim=-1))[..., None]
    return Integrated(colour, (weights * t_all).sum(dim=-1), opacity, passed, t_all, weights, t_fine, coarse)


def _at(field: EpigrafField, origins: Tensor, dirs: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """(raw density [B, R, S], features [B, R, S, F]) at the depths t [B, R, S]."""
    points = origins[:, :, None] + dirs[:, :, None] * t[..., None]
    raw, features = field.query(points.flatten(1, 2))
    return raw.reshape(t.shape), features.reshape(*t.shape, -1)


def sphere_colours(
    network: SphereBackground,
    origins: Tensor,
    dirs: Tensor,
    ws: Tensor,
    activation: DensityRule,
    *,
    jitter: Tensor | None = None,
    white_back: bool = False,
) -> Tensor:
    """Background colours [B, R, 3]; ws [B, 2·blocks, D] are the slots after the backbone's.

    jitter: see `SphereBackground.depths`. white_back: what light is left ends on white here too.
    """
    inverse = network.depths(dirs.device, jitter)
    x = inverse_sphere_points(origins, dirs, inverse)
    out = network.field(x.flatten(1, 2), ws).reshape(*x.shape[:3], -1)
    weights, _ = integrate(density_of(out[..., -1], activation), (-inverse).expand(x.shape[:3]), ENDLESS)
    colours = (weights[..., None] * out[..., :3]).sum(dim=2)
    return colours + (1.0 - weights.sum(dim=-1, keepdim=True)) if white_back else colours


def plane_colours(planes: Planes, size: int) -> Tensor:
    """Background colours [B, size², 3] of a plane background."""
    picture = F.interpolate(planes.levels[1][:, 0], size=(size, size), mode="bilinear", align_corners=True)
    return picture.flatten(2).transpose(1, 2)


def backdrop(
    generator: EpigrafGenerator, planes: Planes, origins: Tensor, dirs: Tensor, places: Tensor
) -> Tensor:
    """Colours [R, 3] of the background as Field radiance ((c + 1)/2) for triscope's own samplers.

    places [R, 2] in [-1, 1].
    """
    if generator.background is None:
        found = F.grid_sample(
            planes.levels[1][:, 0], places[None, None], align_corners=True, padding_mode="border"
        )[0, :, 0].T
    else:
        found = sphere_colours(
            generator.background, origins[None], dirs[None], planes.levels[1], generator.cfg.activation
        )[0]
    return (found + 1.0) * 0.5


def picture(
    generator: EpigrafGenerator, origins: Tensor, dirs: Tensor, ws: Tensor, planes: Planes, size: int
) -> tuple[Tensor, Integrated]:
    """(colours [B, size², 3] with the background, foreground)."""
    field = EpigrafField(planes, generator.decoder, fast=False)
    cfg = field.cfg
    front = foreground(field, origins, dirs)
    if cfg.background is None:
        return front.colour, front
    if cfg.background == "plane":
        behind = plane_colours(planes, size)
    else:
        assert generator.background is not None
        behind = sphere_colours(generator.background, origins, dirs, ws[:, cfg.plane_ws :], cfg.activation)
    return front.colour + behind * front.passed[..., None], front


def render(
    model: Any, request: RenderRequest, ws: Tensor | None, planes: Planes | None, guide: Guide | None = None
) -> dict[str, np.ndarray]:
    """rgb before any clamp, depth, opacity, samples …, at the request's size; square perspective pictures
    only.
    """
    assert ws is not None and planes is not None
    generator: EpigrafGenerator = model.module
    size = request.width
    if guide is not None:
        raise InputError(
            what="no occupancy-guided native picture of EpiGRAF",
            where="sampler",
            expected="--native or the sampler alone",
        )
    if request.camera.orthographic or request.height != size:
        raise InputError(
            what="no native picture of this camera",
            where="camera",
            expected="a square perspective picture",
            got="orthographic" if request.camera.orthographic else f"{request.width} x {request.height}",
        )
    origins, dirs = camera_dirs(request.camera, size, ws.device)
    colours, front = picture(generator, origins, dirs, ws, planes, size)
    grid = lambda x: x.reshape(size, size)
    out = {
        "rgb": (colours[0].T.reshape(3, size, size) + 1.0) * 0.5,
        "depth": grid(front.depth),
        "opacity": grid(front.opacity),
        "samples": torch.full((size, size), 2.0 * generator.cfg.steps),
    }
    seen = grid(front.opacity) > OPACITY_FLOOR
    surface = origins[0] + dirs[0] * (front.depth / front.opacity.clamp_min(1e-6))[0, :, None]
    if "position" in request.channels:
        out["position"] = torch.where(seen, surface.T.reshape(3, size, size), torch.nan)
    if "normal" in request.channels:
        field = EpigrafField(planes, generator.decoder, fast=False)
        scene = Scene(
            field, outside_only(1.0, ws.device), None, torch.tensor([0.0, 0.0, -1.0], device=ws.device)
        )
        normals = torch.cat([field_normals(scene, part[None])[0] for part in surface.split(65536)])
        out["normal"] = torch.where(seen, normals.T.reshape(3, size, size), torch.nan)
    return {name: value.float().cpu().numpy() for name, value in out.items()}
