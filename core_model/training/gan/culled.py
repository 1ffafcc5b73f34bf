"""Rendering with gradients for the samples that can matter: the trainer's path where points are dear (CPU).

A first look without gradients finds which samples can be seen; only those go through the field again with gradients. A sample adds
T σ δ c to its ray, and what the ray tells it is scaled by the same T σ δ: of an empty or hidden sample nothing is lost, and these are
most of them. Planes are read by grid_sample, whose backward pass is several times faster than that of the inference path's table.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.families.wysiwyg.decoder import WysiwygField
from core_model.fields.density import volsdf_density
from core_model.fields.encoding import frequency_encoding, frequency_parts
from core_model.fields.triplane import sample_planes
from core_model.ops.rows import stock
from core_model.ops.stepfun import alpha_weights, inverse_cdf
from core_model.training.gan.rays import BatchRays

SUBDIVISION = 3  # pieces of an interval between two samples of the first look
SPARE = 0.05
PIECE = 4096  # points evaluated at once with gradients
CERTAIN = 4.0  # in beta: signed distances beyond are cut, or a steep one would draw the surface towards its other end

Picture = tuple[Tensor, ...]  # rgb [B, R, 3]; opacity, width, depth [B, R]; weights, sdf [B, R, S] of the first look


def march_culled(field: WysiwygField, rays: BatchRays, t: Tensor, delta: Tensor, background: Tensor | None, floor: float) -> Picture:
    """What `march` makes of samples t [B, R, S] with intervals δ, from those with T σ δ above `floor`, a share of the ray's light.

    Weights and signed distances, which are the first look's, have no gradients.
    """
    with torch.no_grad():
        sdf, _, weights, light = _look(field, rays, t, delta)
        seen = light > floor
        hit = seen.any(dim=-1).reshape(-1).nonzero()[:, 0]
        rows = [x.flatten(0, 1)[hit] for x in (t, delta, seen)]
    return (*_composited(field, rays, hit, rows[0], rows[1], rows[2], background), weights, sdf)


def march_refined(
    field: WysiwygField, rays: BatchRays, look: BatchRays, t: Tensor, u: Tensor, background: Tensor | None, floor: float
) -> Picture:
    """As `march_culled`, with samples added where a first look tells of a surface.

    look: the rays of the first look with samples t [B, L, S]: those of the picture, or of a smaller one of the same cameras, of which
    each pixel takes the ray that is nearest. u [B, R, F] in [0, 1): places of the F added samples within their quantiles. Rays that met
    nothing get none. All samples of a ray are composited together, each for the cell around it: where spacings differ this is nearer
    to the integral than intervals behind.
    """
    with torch.no_grad():
        far = look.far[:, None, None].expand(*t.shape[:2], 1)
        sdf, beta, weights, light = _look(field, look, t, torch.diff(t, dim=-1, append=far).clamp_min(0.0))
        met = (light > floor).any(dim=-1)
        parent = torch.arange(rays.count, device=t.device)
        if look.count != rays.count:
            size, small = round(rays.count**0.5), round(look.count**0.5)
            place = torch.arange(size, device=t.device) * small // size
            parent = (place[:, None] * small + place).reshape(-1)
            # an outline may run between the rays of the first look
            met = F.max_pool2d(met.float().reshape(-1, 1, small, small), 3, stride=1, padding=1).flatten(1)[:, parent] > 0
        picture, pixel = met.nonzero(as_tuple=True)
        hit = picture * rays.count + pixel
        t_hit, light, sdf_hit, beta = (x[picture, parent[pixel]] for x in (t, light, sdf, beta))
        drawn = _placed(t_hit, sdf_hit, beta, u[picture, pixel])
        t_all, order = torch.cat([t_hit, drawn], dim=-1).sort(dim=-1)
        seen = torch.cat([light > floor, torch.ones_like(drawn, dtype=torch.bool)], dim=-1).gather(1, order)
        near, far = (x[picture][:, None] for x in (rays.near, rays.far))
        delta = torch.cat([near, 0.5 * (t_all[:, 1:] + t_all[:, :-1]), far], dim=-1).diff(dim=-1).clamp_min(0.0)
    return (*_composited(field, rays, hit, t_all, delta, seen, background), weights, sdf)


def _placed(t: Tensor, sdf: Tensor, beta: Tensor, u: Tensor) -> Tensor:
    """Samples [H, F] where a surface is likely, given signed distance and beta at t [H, S]: both are taken for straight lines from
    sample to sample, which finds a surface far more closely than the samples' own weights; SPARE of the samples go anywhere."""
    sdf = torch.minimum(torch.maximum(sdf, -CERTAIN * beta), CERTAIN * beta)
    parts = torch.arange(SUBDIVISION, device=t.device) / SUBDIVISION
    fine = lambda x, at: torch.lerp(x[:, :-1, None], x[:, 1:, None], at).flatten(1)  # noqa: E731
    edges = torch.cat([fine(t, parts), t[:, -1:]], dim=-1)
    middle = parts + 0.5 / SUBDIVISION
    weights, _ = alpha_weights(volsdf_density(fine(sdf, middle), fine(beta, middle)), edges.diff(dim=-1))
    weights = weights + SPARE * weights.sum(dim=-1, keepdim=True) / weights.shape[1]
    return inverse_cdf(edges, weights, (torch.arange(u.shape[1], device=u.device) + u) / u.shape[1])[0]


def _look(field: WysiwygField, rays: BatchRays, t: Tensor, delta: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Signed distance, beta, weights and light T σ δ [B, R, S] of samples, without gradients."""
    points = rays.points(t)
    inside = points.abs().amax(dim=-1) <= field.planes.conventions.box
    sdf, beta = first_look(field, points.reshape(t.shape[0], -1, 3))
    density = torch.where(inside, volsdf_density(sdf, beta).reshape(t.shape), torch.zeros_like(t))
    weights, through = alpha_weights(density, delta)
    return sdf.reshape(t.shape), beta.reshape(t.shape), weights, through * density * delta


@torch.no_grad()
def first_look(field: WysiwygField, points: Tensor) -> tuple[Tensor, Tensor]:
    """Signed distance and beta [B, N] at points [B, N, 3], without gradients: picture by picture, in pieces that fit the cache."""
    level, conv = field.planes.levels[0], field.planes.conventions
    sdf = field.sdf_mlp.frozen()
    out = torch.empty(*points.shape[:2], 2, device=points.device)
    for i in range(points.shape[0]):
        for first in range(0, points.shape[1], field.chunk):
            part = points[i : i + 1, first : first + field.chunk]
            features = sample_planes(level[i : i + 1], part, conv)[0]
            encoded = frequency_parts(part[0] / conv.box, field.cfg.point_freqs)
            out[i, first : first + field.chunk] = sdf(torch.cat([features.float(), *encoded], dim=-1))[:, :2]
    return -out[..., 0], field.beta_of(out[..., 1])


def _composited(
    field: WysiwygField, rays: BatchRays, hit: Tensor, t: Tensor, delta: Tensor, seen: Tensor, background: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """rgb [B, R, 3], opacity, width and depth [B, R] of all rays; `hit` [H] numbers those with samples t, δ [H, S], of which `seen`
    take part, with gradients."""
    b, r = rays.dirs.shape[:2]
    ray, place = seen.nonzero(as_tuple=True)
    picture, dirs = hit // r, rays.dirs.reshape(-1, 3)[hit]
    t_seen, d_seen = t[ray, place][:, None], dirs[ray]
    points = rays.origins[picture][ray] + d_seen * t_seen
    density, beta, colour = _evaluated(field, points, d_seen, torch.bincount(picture[ray], minlength=b).tolist())
    density = torch.where(points.abs().amax(dim=-1) <= field.planes.conventions.box, density, torch.zeros_like(density))
    weights, _ = alpha_weights(torch.zeros_like(t).index_put((ray, place), density), delta)
    parts = torch.cat([colour, beta[:, None], t_seen, torch.ones_like(t_seen)], dim=1)
    summed = torch.zeros(b * r, 6, device=t.device).index_add(0, hit[ray], weights[ray, place][:, None] * parts).reshape(b, r, 6)
    rgb, width, depth, opacity = summed[..., :3], summed[..., 3], summed[..., 4], summed[..., 5]
    if background is not None:
        rgb = rgb + (1.0 - opacity)[..., None] * background
    return rgb, opacity, width, depth / opacity.clamp_min(1e-6)


def _evaluated(field: WysiwygField, points: Tensor, dirs: Tensor, counts: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Density and beta [M] and colour [M, 3] at points [M, 3] seen along dirs [M, 3]; counts: of each picture, one after the other.

    In pieces of one picture: what a piece makes on its way stays in the cache.
    """
    conv, done = field.planes.conventions, []
    for level, own, d in zip(field.planes.levels[0].split(1), points.split(counts), dirs.split(counts), strict=True):
        for piece, along in zip(own.split(PIECE), d.split(PIECE), strict=True):
            p, direction = stock(piece), stock(along)
            features = sample_planes(level, p[None], conv)[0]
            encoded = frequency_encoding(p / conv.box, field.cfg.point_freqs)
            with torch.autocast(points.device.type, dtype=field.dtype, enabled=field.dtype != torch.float32):
                out = field.sdf_mlp(features, encoded)
                colour = field.rgb_mlp(out[:, 2:], direction)
            done.append(torch.cat([out[:, :2].float(), colour.float()], dim=1)[: len(piece)])
    out = torch.cat(done)
    beta = field.beta_of(out[:, 1])
    return volsdf_density(-out[:, 0], beta), beta, out[:, 2:]
