"""Which samples of a training picture get gradients: those that can be seen, found by a coarse pass without
gradients.

A sample adds T σ δ c to its ray, and its gradient is scaled by the same T σ δ, so samples that are empty or
hidden (most of them) contribute nothing and are left out. Used where field evaluations are expensive (CPU).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.families.wysiwyg.decoder import WysiwygField
from core_model.fields.density import volsdf_density
from core_model.geometry.rays import Rays
from core_model.ops.stepfun import alpha_weights, inverse_cdf
from core_model.rendering.empty import outside_only
from core_model.rendering.evaluate import Scene, evaluate
from core_model.rendering.march import Marched, march
from core_model.sampling.types import RaySamples

SUBDIVISION = 3  # pieces of an interval between two samples of the coarse pass
SPARE = 0.05
CERTAIN = 4.0
"""Clamp of signed distances in units of beta; beyond, a steep interval would pull the estimated surface to
its far end.
"""


@dataclass(frozen=True)
class LearningScene(Scene):
    """A scene that holds the generator's field, which can also be evaluated for distances alone and in
    pieces.
    """

    field: WysiwygField


def learning_scene(
    field: WysiwygField, background: Tensor | None, *, camera_dirs: bool = True
) -> LearningScene:
    """A scene of a batch of heads, each seen along its own rays, without empty-space skipping. background
    [3]; None = black. camera_dirs: colours are those of the rays' directions, otherwise of the frontal one.
    """
    device, box = field.planes.levels[0].device, field.planes.conventions.box
    frontal = torch.tensor([0.0, 0.0, -1.0], device=device)
    return LearningScene(field, outside_only(box, device), background, frontal, camera_dirs=camera_dirs)


def march_seen(
    scene: LearningScene, rays: Rays, samples: RaySamples, *, recompute_rays: int = 0, cull_floor: float = 0.0
) -> Marched:
    """`march`; with gradients and a positive cull_floor, only samples with T σ δ above that floor get
    gradients.
    """
    if torch.is_grad_enabled() and cull_floor > 0.0:
        return march_culled(scene, rays, samples, cull_floor)
    return march(scene, rays, samples, recompute_rays=recompute_rays)


def march_culled(scene: LearningScene, rays: Rays, samples: RaySamples, floor: float) -> Marched:
    """`march` of samples [B, R, S], with gradients for those with T σ δ above `floor` (a share of the ray's
    light) only.

    Weights and signed distances come from the coarse pass and have no gradients.
    """
    with torch.no_grad():
        sdf, _, weights, light = coarse_pass(scene, rays, samples.t, samples.delta)
        seen = light > floor
        hit = seen.any(dim=-1).reshape(-1).nonzero()[:, 0]
        t, delta, seen = (x.flatten(0, 1)[hit] for x in (samples.t, samples.delta, seen))
    return Marched(*composited(scene, rays, hit, t, delta, seen), weights, sdf)


def march_refined(
    scene: LearningScene, rays: Rays, coarse: Rays, t: Tensor, u: Tensor, floor: float
) -> Marched:
    """`march_culled` with additional samples where a coarse pass finds a surface.

    coarse: rays of the coarse pass with samples t [B, L, S], from the picture itself or from a smaller
        picture of the same cameras, of which each pixel takes the nearest ray.
    u [B, R, F] in [0, 1): positions of the F added samples within their quantiles. Rays that hit nothing get
    none.

    All samples of a ray are composited together, each over the cell around it: where spacings vary this is
    closer to the integral than the interval behind each sample.
    """
    with torch.no_grad():
        far = coarse.far[..., None]
        delta = torch.diff(t, dim=-1, append=far).clamp_min(0.0)
        sdf, beta, weights, light = coarse_pass(scene, coarse, t, delta)
        met = (light > floor).any(dim=-1)
        parent = torch.arange(len(rays), device=t.device)
        if len(coarse) != len(rays):
            size, small = round(len(rays) ** 0.5), round(len(coarse) ** 0.5)
            place = torch.arange(size, device=t.device) * small // size
            parent = (place[:, None] * small + place).reshape(-1)
            # a silhouette may lie between the rays of the coarse pass
            met = (
                F.max_pool2d(met.float().reshape(-1, 1, small, small), 3, stride=1, padding=1).flatten(1)[
                    :, parent
                ]
                > 0
            )
        picture, pixel = met.nonzero(as_tuple=True)
        hit = picture * len(rays) + pixel
        t_hit, light, sdf_hit, beta = (x[picture, parent[pixel]] for x in (t, light, sdf, beta))
        drawn = _placed(t_hit, sdf_hit, beta, u[picture, pixel])
        t_all, order = torch.cat([t_hit, drawn], dim=-1).sort(dim=-1)
        seen = torch.cat([light > floor, torch.ones_like(drawn, dtype=torch.bool)], dim=-1).gather(1, order)
        near, far = (x[picture, pixel][:, None] for x in (rays.near, rays.far))
        delta = (
            torch.cat([near, 0.5 * (t_all[:, 1:] + t_all[:, :-1]), far], dim=-1).diff(dim=-1).clamp_min(0.0)
        )
    return Marched(*composited(scene, rays, hit, t_all, delta, seen), weights, sdf)


def _placed(t: Tensor, sdf: Tensor, beta: Tensor, u: Tensor) -> Tensor:
    """Samples [H, F] where a surface is likely, given signed distance and beta at t [H, S].

    Both are interpolated linearly between samples, which locates a surface far more closely than the samples'
    own weights do. SPARE of the samples are spread over the whole ray.
    """
    sdf = torch.minimum(torch.maximum(sdf, -CERTAIN * beta), CERTAIN * beta)
    parts = torch.arange(SUBDIVISION, device=t.device) / SUBDIVISION
    fine = lambda x, at: torch.lerp(x[:, :-1, None], x[:, 1:, None], at).flatten(1)
    edges = torch.cat([fine(t, parts), t[:, -1:]], dim=-1)
    middle = parts + 0.5 / SUBDIVISION
    weights, _ = alpha_weights(volsdf_density(fine(sdf, middle), fine(beta, middle)), edges.diff(dim=-1))
    weights = weights + SPARE * weights.sum(dim=-1, keepdim=True) / weights.shape[1]
    return inverse_cdf(edges, weights, (torch.arange(u.shape[1], device=u.device) + u) / u.shape[1])[0]


def coarse_pass(
    scene: LearningScene, rays: Rays, t: Tensor, delta: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Signed distance, beta, weights and light T σ δ [B, R, S] of samples, without gradients."""
    points = rays.points(t)
    inside = points.abs().amax(dim=-1) <= scene.space.box
    sdf, beta = scene.field.distances(points.reshape(t.shape[0], -1, 3))
    density = torch.where(inside, volsdf_density(sdf, beta).reshape(t.shape), torch.zeros_like(t))
    weights, through = alpha_weights(density, delta)
    return sdf.reshape(t.shape), beta.reshape(t.shape), weights, through * density * delta


@torch.no_grad()
def light_of(scene: Scene, rays: Rays, samples: RaySamples) -> Tensor:
    """Light T σ δ [R, S] that each sample of rays [R] takes; none where the scene's grid says that there is nothing."""
    evaluated = evaluate(scene, rays, samples)
    _, through = alpha_weights(evaluated.density, samples.delta)
    return through * -torch.expm1(-evaluated.density * samples.delta)


def composited(
    scene: LearningScene, rays: Rays, hit: Tensor, t: Tensor, delta: Tensor, seen: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """rgb [B, R, 3], opacity, width and depth [B, R] of all rays.

    hit [H]: the rays that have samples t, δ [H, S]; of these the `seen` ones are composited, with gradients.
    """
    b, r = rays.dirs.shape[:2]
    ray, place = seen.nonzero(as_tuple=True)
    picture, dirs = hit // r, rays.dirs.reshape(-1, 3)[hit]
    t_seen, d_seen = t[ray, place][:, None], dirs[ray]
    points = rays.origins.reshape(-1, 3)[hit][ray] + d_seen * t_seen
    along = d_seen if scene.camera_dirs else scene.frontal.expand_as(d_seen)
    sdf, beta, colour = scene.field.learned_pieces(
        points, along, torch.bincount(picture[ray], minlength=b).tolist()
    )
    density = volsdf_density(sdf, beta)
    density = torch.where(points.abs().amax(dim=-1) <= scene.space.box, density, torch.zeros_like(density))
    weights, _ = alpha_weights(torch.zeros_like(t).index_put((ray, place), density), delta)
    parts = torch.cat([colour, beta[:, None], t_seen, torch.ones_like(t_seen)], dim=1)
    summed = (
        torch.zeros(b * r, 6, device=t.device)
        .index_add(0, hit[ray], weights[ray, place][:, None] * parts)
        .reshape(b, r, 6)
    )
    rgb, width, depth, opacity = summed[..., :3], summed[..., 3], summed[..., 4], summed[..., 5]
    if scene.background is not None:
        rgb = rgb + (1.0 - opacity)[..., None] * scene.background
    return rgb, opacity, width, depth / opacity.clamp_min(1e-6)
