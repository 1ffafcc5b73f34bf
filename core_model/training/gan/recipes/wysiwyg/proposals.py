"""The learned sampler inside training: probe, prediction, supervision, and samples by it (What You See is
What You GAN, section 4).
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.families.wysiwyg.sparse_march import LearningScene, march_seen
from core_model.geometry.rays import Rays, Window, label_rays
from core_model.losses.terms import sampler_loss
from core_model.ops.pixel_noise import PixelNoise
from core_model.ops.stepfun import leftover_mass, supervision_target
from core_model.rendering.march import Marched, march
from core_model.rendering.probe import SEEN, ProbeResult
from core_model.sampling.placement import (
    adaptive_mask,
    cdf_samples,
    fine_samples,
    in_strata,
    pdf_on_bins,
    robust_samples,
    stratified_samples,
    uniform_samples,
    with_deltas,
)
from core_model.sampling.proposal_net import ProposalNetwork
from core_model.sampling.types import RaySamples
from core_model.schema.train import RenderConfig
from core_model.training.gan.draws import item_uniform, mix_seed


def supervise(
    net: ProposalNetwork,
    probe: ProbeResult,
    scene: LearningScene,
    labels: Tensor,
    cfg: RenderConfig,
    seeds: tuple[int, ...],
) -> tuple[Tensor, Tensor]:
    """(cross-entropy on one random patch per image, log p̂ [B, K, H, W] of the whole picture).

    The patch has cfg.patch² pixels of the prediction; its target is traced densely with the probe's number of
    samples.
    """
    log_p = net(probe.weights, probe.image, probe.dirs).float()
    full = log_p.shape[-1]
    size = min(cfg.patch, full)
    samples = probe.weights.shape[1] + 1
    losses = []
    for i, seed in enumerate(seeds):
        corner = torch.randint(
            full - size + 1, (2,), generator=torch.Generator().manual_seed(mix_seed(seed, 1))
        ).tolist()
        window = Window(full, corner[0], corner[1], size)
        with torch.no_grad():
            one = replace(scene, field=scene.field.of_image(i))
            rays = label_rays(labels[i : i + 1], window, scene.field.planes.conventions)
            traced = march(one, rays, uniform_samples(rays.near, rays.far, samples))
            target = traced.picture(supervision_target(traced.weights[..., :-1], cfg.blur_bins))
        losses.append(
            sampler_loss(log_p[i : i + 1, :, window.y : window.y + size, window.x : window.x + size], target)
        )
    return torch.stack(losses).mean(), log_p


def march_by_proposals(
    scene: LearningScene, rays: Rays, p: Tensor, opacity: Tensor, cfg: RenderConfig, seeds: tuple[int, ...]
) -> Marched:
    """A picture of size² rays with samples drawn from p̂ [B, K, H, W]; the hardest share of the rays gets
    more (A3.4).

    The prediction is first reduced to the picture's size. opacity [B, 1, h, w] of the probe separates hard
    pixels from background.
    """
    size = round(len(rays) ** 0.5)
    p = _resized(p.detach(), size).flatten(2).transpose(1, 2)
    chance = _resized(F.max_pool2d(opacity, 3, stride=1, padding=1), size).flatten(1)
    left = leftover_mass(p, cfg.budget_low) * torch.where(
        chance > SEEN, chance.clamp(0.0, 1.0), torch.zeros_like(chance)
    )
    hard = torch.stack([adaptive_mask(row, cfg.hard_share) for row in left])
    order = torch.argsort(
        (~hard).to(torch.uint8), dim=1, stable=True
    )  # hard rays first; the same number in every picture
    cut = round(cfg.hard_share * len(rays))
    parts = [(order[:, :cut], cfg.budget_high), (order[:, cut:], cfg.budget_low)]
    done = [_march_part(scene, rays, p, index, n, cfg, seeds) for index, n in parts if index.shape[1]]
    back = torch.argsort(order, dim=1)
    scalar = lambda parts: torch.cat(parts, dim=1).gather(1, back)
    flat = lambda parts: torch.cat([x.flatten(1) for x in parts], dim=1)
    return Marched(
        rgb=torch.cat([m.rgb for m in done], dim=1).gather(1, back[..., None].expand(-1, -1, 3)),
        opacity=scalar([m.opacity for m in done]), width=scalar([m.width for m in done]), depth=scalar([m.depth for m in done]),
        weights=flat([m.weights for m in done]), sdf=flat([m.sdf for m in done]),
    )  # fmt: skip


def _march_part(
    scene: LearningScene,
    rays: Rays,
    p: Tensor,
    index: Tensor,
    n: int,
    cfg: RenderConfig,
    seeds: tuple[int, ...],
) -> Marched:
    chosen = rays.take(index)
    samples = place(p.gather(1, index[..., None].expand(-1, -1, p.shape[-1])), chosen, index, n, cfg, seeds)
    return march_seen(scene, chosen, samples, recompute_rays=cfg.checkpoint_rays, cull_floor=cfg.cull_floor)


@torch.no_grad()
def place(
    p: Tensor, rays: Rays, index: Tensor, n: int, cfg: RenderConfig, seeds: tuple[int, ...]
) -> RaySamples:
    """n samples [B, M, n] per ray by p̂ [B, M, K]; index [B, M] numbers the pixels for the random offsets."""
    drawn = []
    for i, seed in enumerate(seeds):
        pdf = pdf_on_bins(p[i], rays.near[i], rays.far[i])
        noise = PixelNoise(mix_seed(seed, 2) & 0xFFFFFFFF, index[i])
        if cfg.stratified and cfg.robust:
            drawn.append(robust_samples(pdf, cfg.tau, n, noise))
        else:
            drawn.append(cdf_samples(pdf, n, stratified=cfg.stratified, rng=noise))
    return RaySamples(*(torch.stack([getattr(s, name) for s in drawn]) for name in ("t", "delta", "valid")))


def march_importance(
    scene: LearningScene, rays: Rays, n: int, seeds: tuple[int, ...], recompute_rays: int
) -> Marched:
    """Two-pass importance sampling at n samples in all (NeRF): the ablation without the learned sampler.

    The coarse half is evaluated without gradients to place the fine half; both halves are then rendered
    together.
    """
    first = max(2, n // 2)
    u = item_uniform(seeds, (len(rays), n), rays.dirs.device)
    with torch.no_grad():
        coarse = stratified_samples(rays.near, rays.far, in_strata(u[..., :first]))
        pdf = march(scene, rays, coarse).pdf(coarse)
        fine = fine_samples(pdf, in_strata(u[..., first:]), rays.far)
        t = torch.cat([coarse.t, fine.t], dim=-1).sort(dim=-1).values
        samples = with_deltas(t, torch.maximum(rays.far[..., None], t[..., -1:]) - t[..., -1:])
    return march(scene, rays, samples, recompute_rays=recompute_rays)


def _resized(x: Tensor, size: int) -> Tensor:
    if x.shape[-1] == size:
        return x
    return F.interpolate(
        x, size=(size, size), mode="bilinear", align_corners=False, antialias=x.shape[-1] > size
    )
