"""The learned sampler inside training: probe, prediction, supervision, and samples by it (What You See is What You GAN, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.families.wysiwyg.decoder import WysiwygField
from core_model.losses.sampler import sampler_loss
from core_model.ops.pixel_noise import PixelNoise
from core_model.ops.stepfun import clean, inverse_cdf, leftover_mass, supervision_target
from core_model.rendering.probe import SEEN
from core_model.sampling.placement import adaptive_mask, cdf_samples, robust_samples
from core_model.sampling.proposal_net import ProposalNetwork
from core_model.sampling.types import RayPdf
from core_model.schema.train import RenderConfig
from core_model.training.gan.draws import item_uniform, mix_seed
from core_model.training.gan.march import Marched, march
from core_model.training.gan.rays import BatchRays, Window, label_rays, stratified_t, uniform_t


@dataclass(frozen=True)
class Probe:
    """Low-resolution look: weights [B, K, h, w], image [B, 3, h, w] in [0, 1], dirs [B, 3, h, w], opacity [B, 1, h, w]."""

    weights: Tensor
    image: Tensor
    dirs: Tensor
    opacity: Tensor


@torch.no_grad()
def run_probe(field: WysiwygField, labels: Tensor, size: int, samples: int, background: Tensor | None) -> Probe:
    """Uniform samples at size²: what the proposal network gets; no gradients."""
    rays = label_rays(labels, Window(size, 0, 0, size), field.planes.conventions)
    seen = march(field, rays, *uniform_t(rays, samples), background)
    weights = seen.picture(clean(seen.weights[..., :-1]))
    return Probe(weights, seen.picture(seen.rgb).clamp(0.0, 1.0), seen.picture(rays.dirs), seen.picture(seen.opacity))


def supervise(
    net: ProposalNetwork, probe: Probe, field: WysiwygField, labels: Tensor, cfg: RenderConfig, seeds: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """(cross-entropy on one random patch an image, log p̂ [B, K, H, W] of the whole picture).

    The patch has cfg.patch² pixels of the prediction and is traced densely, with the probe's number of samples.
    """
    log_p = net(probe.weights, probe.image, probe.dirs).float()
    full = log_p.shape[-1]
    size = min(cfg.patch, full)
    samples = probe.weights.shape[1] + 1
    losses = []
    for i, seed in enumerate(seeds):
        corner = torch.randint(full - size + 1, (2,), generator=torch.Generator().manual_seed(mix_seed(seed, 1))).tolist()
        window = Window(full, corner[0], corner[1], size)
        with torch.no_grad():
            one = _of_image(field, i)
            rays = label_rays(labels[i : i + 1], window, field.planes.conventions)
            traced = march(one, rays, *uniform_t(rays, samples), None)
            target = traced.picture(supervision_target(traced.weights[..., :-1], cfg.blur_bins))
        losses.append(sampler_loss(log_p[i : i + 1, :, window.y : window.y + size, window.x : window.x + size], target))
    return torch.stack(losses).mean(), log_p


def _of_image(field: WysiwygField, i: int) -> WysiwygField:
    """The field of image i of the batch."""
    planes = type(field.planes)(tuple(level[i : i + 1] for level in field.planes.levels), field.planes.conventions)
    return WysiwygField(planes, field.sdf_mlp, field.rgb_mlp, field.cfg, fast=field.fast, chunk=field.chunk, dtype=field.dtype)


def march_by_proposals(
    field: WysiwygField, rays: BatchRays, p: Tensor, opacity: Tensor, cfg: RenderConfig, seeds: tuple[int, ...], background: Tensor | None
) -> Marched:
    """A picture of size² rays with the samples that p̂ [B, K, H, W] proposes; the hardest share of each picture gets more (A3.4).

    The prediction is reduced to the picture's size first. opacity [B, 1, h, w] of the probe tells hard pixels from background.
    """
    size = round(rays.count**0.5)
    p = _resized(p.detach(), size).flatten(2).transpose(1, 2)
    chance = _resized(F.max_pool2d(opacity, 3, stride=1, padding=1), size).flatten(1)
    left = leftover_mass(p, cfg.budget_low) * torch.where(chance > SEEN, chance.clamp(0.0, 1.0), torch.zeros_like(chance))
    hard = torch.stack([adaptive_mask(row, cfg.hard_share) for row in left])
    order = torch.argsort((~hard).to(torch.uint8), dim=1, stable=True)  # hard rays first; the same number in every picture
    cut = round(cfg.hard_share * rays.count)
    parts = [(order[:, :cut], cfg.budget_high), (order[:, cut:], cfg.budget_low)]
    done = [_march_part(field, rays, p, index, n, cfg, seeds, background) for index, n in parts if index.shape[1]]
    back = torch.argsort(order, dim=1)
    scalar = lambda parts: torch.cat(parts, dim=1).gather(1, back)  # noqa: E731
    flat = lambda parts: torch.cat([x.flatten(1) for x in parts], dim=1)  # noqa: E731 - ragged: one long row per picture
    return Marched(
        rgb=torch.cat([m.rgb for m in done], dim=1).gather(1, back[..., None].expand(-1, -1, 3)),
        opacity=scalar([m.opacity for m in done]), width=scalar([m.width for m in done]), depth=scalar([m.depth for m in done]),
        weights=flat([m.weights for m in done]), sdf=flat([m.sdf for m in done]),
    )  # fmt: skip


def _march_part(
    field: WysiwygField, rays: BatchRays, p: Tensor, index: Tensor, n: int, cfg: RenderConfig, seeds: tuple[int, ...],
    background: Tensor | None,
) -> Marched:
    chosen = rays.take(index)
    t, delta = place(p.gather(1, index[..., None].expand(-1, -1, p.shape[-1])), chosen, index, n, cfg, seeds)
    return march(field, chosen, t, delta, background, recompute_rays=cfg.checkpoint_rays, cull_floor=cfg.cull_floor)


@torch.no_grad()
def place(p: Tensor, rays: BatchRays, index: Tensor, n: int, cfg: RenderConfig, seeds: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """n samples t and δ [B, M, n] a ray by p̂ [B, M, K]; index [B, M] numbers the pixels for the random offsets."""
    edges = torch.linspace(0.0, 1.0, p.shape[-1] + 1, device=p.device)
    ts, deltas = [], []
    for i, seed in enumerate(seeds):
        span = rays.far[i] - rays.near[i]
        pdf = RayPdf((rays.near[i] + span * edges).expand(p.shape[1], -1), p[i])
        noise = PixelNoise(mix_seed(seed, 2) & 0xFFFFFFFF, index[i])
        if cfg.stratified and cfg.robust:
            samples = robust_samples(pdf, cfg.tau, n, noise)
        else:
            samples = cdf_samples(pdf, n, stratified=cfg.stratified, rng=noise)
        ts.append(samples.t)
        deltas.append(samples.delta)
    return torch.stack(ts), torch.stack(deltas)


def march_importance(
    field: WysiwygField, rays: BatchRays, n: int, seeds: tuple[int, ...], background: Tensor | None, recompute_rays: int
) -> Marched:
    """Two-pass importance sampling at n samples in all (NeRF): the ablation without the learned sampler.

    The coarse half is evaluated without gradients to place the fine half; both halves are then rendered together.
    """
    coarse = max(2, n // 2)
    u = item_uniform(seeds, (rays.count, n), rays.dirs.device)
    with torch.no_grad():
        t, delta = stratified_t(rays, u[..., :coarse])
        weights = march(field, rays, t, delta, None).weights[..., :-1]
        spread = F.max_pool1d(weights, 3, stride=1, padding=1)
        fine = n - coarse
        quantiles = (torch.arange(fine, device=u.device) + u[..., coarse:]) / max(1, fine)
        drawn, _ = inverse_cdf(t.flatten(0, 1), (spread + 1e-5).flatten(0, 1), quantiles.flatten(0, 1))
        t = torch.cat([t, drawn.reshape(*t.shape[:2], fine)], dim=-1).sort(dim=-1).values
        far = rays.far[:, None, None].expand(*t.shape[:2], 1)
        delta = torch.diff(t, dim=-1, append=torch.maximum(far, t[..., -1:])).clamp_min(0.0)
    return march(field, rays, t, delta, background, recompute_rays=recompute_rays)


def _resized(x: Tensor, size: int) -> Tensor:
    if x.shape[-1] == size:
        return x
    return F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False, antialias=x.shape[-1] > size)
