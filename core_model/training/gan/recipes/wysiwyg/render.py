"""The images of one WYSIWYG training step, rendered from latents, and the losses that need the rendered field."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from core_model.discriminators.dual import stretch
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.families.wysiwyg.sparse_march import LearningScene, learning_scene, march_refined, march_seen
from core_model.geometry.rays import Rays, Window, label_rays
from core_model.losses.terms import LossTerm, surface_loss
from core_model.rendering.march import Marched
from core_model.rendering.probe import ProbeResult, run_dense_probe
from core_model.sampling.placement import in_strata, stratified_samples
from core_model.schema.schedule import ScheduleValues
from core_model.schema.train import TrainConfig
from core_model.training.gan.draws import NOISE, FakeBatch, generator, item_uniform
from core_model.training.gan.recipes.interface import autocast
from core_model.training.gan.recipes.wysiwyg.proposals import march_by_proposals, march_importance, supervise
from core_model.training.gan.recipes.wysiwyg.shaping import bend, decision


@dataclass(frozen=True)
class Rendered:
    """images [B, 3, r, r] and coarse (for dual discrimination, else None) in [-1, 1]; w_mean [D] of the
    mapping's outputs.

    losses: what the generator's step adds to the adversarial loss; figures: scalars by name, without
    gradients.
    """

    images: Tensor
    coarse: Tensor | None
    w_mean: Tensor
    losses: tuple[LossTerm, ...] = ()
    figures: dict[str, Tensor] = field(default_factory=dict)


def make_fakes(
    g: WysiwygGenerator,
    batch: FakeBatch,
    cfg: TrainConfig,
    values: ScheduleValues,
    *,
    train: bool,
    seen: int = 0,
) -> Rendered:
    """Images of a batch at the schedule's resolution.

    train: also the generator's own losses and figures, else none. seen: images shown so far.
    """
    device = g.mapping.w_avg.device
    network = cfg.network
    w = g.mapping(batch.z, batch.condition if network.c_dim else None)
    ws = w.unsqueeze(1).expand(-1, g.num_ws, -1)
    with autocast(cfg, device):
        rng = generator(device, batch.seeds[0], NOISE)
        planes = g.synthesize(ws, "random" if network.noise else "none", rng)
    dtype = torch.bfloat16 if cfg.optim.precision == "bf16" else torch.float32
    planes = type(planes)(tuple(level.float() for level in planes.levels), planes.conventions)
    background = None if cfg.render.background is None else torch.tensor(cfg.render.background, device=device)
    scene = learning_scene(g.field(planes, fast=device.type == "cpu", dtype=dtype), background)
    figures: dict[str, Tensor] = {}
    marched, probe, losses = _render(g, scene, batch, cfg, values, train, figures)
    images = marched.picture(marched.rgb) * 2.0 - 1.0
    coarse = None
    if cfg.discriminator.dual:
        coarse = images if probe is None else probe.image * 2.0 - 1.0
        coarse = stretch(coarse, min(network.probe_size, coarse.shape[-1]))
    if not train:
        return Rendered(images, coarse, w.detach().float().mean(dim=0))
    if cfg.loss.surface:
        losses.append(
            LossTerm(
                "surface",
                surface_loss(
                    marched.width,
                    values.surface_target,
                    cfg.loss.surface_reduction,
                    marched.opacity if cfg.loss.surface_rays == "met" else 1.0,
                ),
                cfg.loss.surface,
            )
        )
    if cfg.loss.decision and seen >= cfg.loss.decision_start:
        value = decision(scene.field, marched, probe is not None, batch.label, batch.seeds, cfg)
        losses.append(LossTerm("decision", value, cfg.loss.decision))
    if cfg.loss.bend:
        rays = _rays(scene, batch, values.resolution)
        value = bend(scene.field, marched, rays, batch.seeds, cfg)
        losses.append(LossTerm("bend", value, cfg.loss.bend))
    return Rendered(
        images, coarse, w.detach().float().mean(dim=0), tuple(losses), {**_figures(marched), **figures}
    )


def _render(
    g: WysiwygGenerator,
    scene: LearningScene,
    batch: FakeBatch,
    cfg: TrainConfig,
    values: ScheduleValues,
    train: bool,
    figures: dict[str, Tensor],
) -> tuple[Marched, ProbeResult | None, list[LossTerm]]:
    """The picture with the scheduled sampler, using the probe if there is one; adds the sampler loss when it
    is scheduled.
    """
    r, device = cfg.render, batch.label.device
    rays = _rays(scene, batch, values.resolution)
    losses: list[LossTerm] = []
    propose, learn = values.propose and r.sampler, values.supervise and r.sampler and train
    if not propose and values.propose:  # the ablation gets as many samples as the learned sampler
        n = max(4, round(r.budget_low + r.hard_share * (r.budget_high - r.budget_low)))
        return march_importance(scene, rays, n, batch.seeds, r.checkpoint_rays), None, losses
    probe = None
    log_p: Tensor | None = None
    if propose or learn:
        assert g.proposal is not None
        with torch.no_grad():
            probe = run_dense_probe(
                scene, _rays(scene, batch, cfg.network.probe_size), cfg.network.probe_samples
            )
        with autocast(cfg, device):
            if learn:
                value, log_p = supervise(g.proposal, probe, scene, batch.label, r, batch.seeds)
                losses.append(LossTerm("sampler", value, cfg.loss.sampler))
            else:
                with torch.no_grad():
                    log_p = g.proposal(probe.weights, probe.image, probe.dirs).float()
        if train and log_p is not None:
            figures["sampler/entropy"] = _entropy(log_p)
    if propose:
        assert probe is not None and log_p is not None
        p = log_p.detach().float().exp()
        return march_by_proposals(scene, rays, p, probe.opacity, r, batch.seeds), probe, losses
    if r.first_stage == "two-pass":
        return march_importance(scene, rays, r.samples, batch.seeds, r.checkpoint_rays), probe, losses
    coarse = (
        rays if not r.refine or r.look >= values.resolution or not r.look else _rays(scene, batch, r.look)
    )
    u = item_uniform(
        batch.seeds, (len(rays) if r.jitter == "ray" else 1, r.samples + r.refine), device
    ).expand(-1, len(rays), -1)
    samples = stratified_samples(coarse.near, coarse.far, in_strata(u[:, : len(coarse), : r.samples]))
    if r.refine:
        return march_refined(scene, rays, coarse, samples.t, u[..., r.samples :], r.cull_floor), probe, losses
    return (
        march_seen(scene, rays, samples, recompute_rays=r.checkpoint_rays, cull_floor=r.cull_floor),
        probe,
        losses,
    )


def _rays(scene: LearningScene, batch: FakeBatch, size: int) -> Rays:
    """The rays of all pixels of size² pictures."""
    return label_rays(batch.label, Window(size, 0, 0, size), scene.field.planes.conventions)


@torch.no_grad()
def _entropy(log_p: Tensor) -> Tensor:
    """Mean entropy of the predicted distributions [B, K, H, W] in nats: it falls when all samples crowd into
    one bin.
    """
    return -(log_p.exp() * log_p).sum(dim=1).mean()


@torch.no_grad()
def _figures(marched: Marched) -> dict[str, Tensor]:
    solid = marched.opacity > 0.5
    return {
        "opacity": marched.opacity.mean(),
        "beta": torch.where(solid, marched.width / marched.opacity.clamp_min(1e-6), 0.0).sum()
        / solid.sum().clamp_min(1),
        "depth_std": marched.depth[solid].std() if int(solid.sum()) > 1 else marched.depth.new_zeros(()),
    }
