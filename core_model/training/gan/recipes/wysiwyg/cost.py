"""What an image of the WYSIWYG recipe costs: convolutions counted, the field by its layers and points."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core_model.discriminators.network import Discriminator
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.schema.train import TrainConfig
from core_model.training.gan.recipes.counting import BACKWARD, counted, judged
from core_model.training.gan.recipes.interface import Cost, Moment, Networks

SEEN_SHARE = 0.15  # of all samples, those that pass `render.cull_floor` on heads (measured 0.13 to 0.2)
HIT_SHARE = 0.45  # of all rays, those that meet a head


def cost(cfg: TrainConfig, sizes: PartSizes, at: Moment) -> Cost:
    """Of one image at one moment of the schedule."""
    return Cost(_flop_image(cfg, sizes, at), _kept(cfg, sizes, at))


@dataclass(frozen=True)
class PartSizes:
    """FLOP and kept values [numbers] of one image through each part; per point for the field, per prediction
    for the proposals.
    """

    synthesis: float
    synthesis_values: float
    judge: float
    judge_values: float
    proposal: float
    proposal_values: float
    point: float
    point_values: float

    @classmethod
    def of(cls, cfg: TrainConfig, networks: Networks[WysiwygGenerator]) -> "PartSizes":
        n, d = cfg.network, networks.discriminator
        assert isinstance(d, Discriminator)
        g = networks.generator
        ws = torch.empty(1, g.num_ws, n.w_dim, device="meta")
        image = torch.empty(1, d.image_channels, d.resolution, d.resolution, device="meta")
        label = torch.empty(1, 25, device="meta")
        synthesis = counted(lambda: g.synthesize(ws, "none").levels[0], g)
        verdict = counted(lambda: d(image, label if d.label is not None else None), d)
        proposed = (0.0, 0.0)
        if g.proposal is not None:
            net, edge = g.proposal, n.probe_size
            shapes = [torch.empty(1, c, edge, edge, device="meta") for c in (n.probe_samples - 1, 3, 3)]
            proposed = counted(lambda: net(*shapes), net)
        encoded, dirs = 3 + 6 * n.point_freqs, 3 + 6 * n.dir_freqs
        layers = (
            (n.plane_channels + encoded, n.sdf_hidden), (n.sdf_hidden, n.sdf_hidden), (n.sdf_hidden, 2 + n.geo_dim),
            (n.geo_dim + dirs, n.rgb_hidden), (n.rgb_hidden, 3),
        )  # fmt: skip
        point = 2.0 * sum(i * o for i, o in layers) + 3 * 8 * n.plane_channels
        values = sum(i + 2 * o for i, o in layers) + 4 * n.plane_channels + 24
        return cls(*synthesis, *verdict, *proposed, point, values)


def _points(cfg: TrainConfig, at: Moment) -> tuple[float, float]:
    """(points with gradients, points without) of one rendered image in the generator's phase."""
    r, n, values = cfg.render, cfg.network, at.values
    rays = values.resolution**2
    if not values.propose:
        kept, free = float(rays * r.samples), 0.0
        if r.first_stage == "two-pass":
            free = kept / 2
    else:
        kept = rays * (r.budget_low + r.hard_share * (r.budget_high - r.budget_low))
        free = 0.0 if r.sampler else kept / 2
    if r.cull_floor and (r.sampler or not values.propose):
        looked = (
            min(r.look or values.resolution, values.resolution) ** 2 / rays
            if r.refine and not values.propose
            else 1.0
        )
        kept, free = SEEN_SHARE * kept, free + kept * looked
    if r.refine and not values.propose:
        kept += HIT_SHARE * rays * r.refine
    if cfg.loss.bend:
        kept += 3.0 * cfg.loss.bend_points / cfg.batch
    if cfg.loss.decision and at.images >= cfg.loss.decision_start:
        kept += cfg.loss.decision_points / cfg.batch if cfg.loss.decision_points else _probe_points(cfg)
    if (values.propose or values.supervise) and r.sampler:
        free += n.probe_size**2 * n.probe_samples
        if values.supervise:
            free += min(r.patch, n.proposal_size) ** 2 * n.probe_samples
    return kept, free


def _flop_image(cfg: TrainConfig, s: PartSizes, at: Moment) -> float:
    """FLOP of one image of a step, all phases."""
    kept, free = _points(cfg, at)
    values = at.values
    proposals = s.proposal if (values.propose or values.supervise) and cfg.render.sampler else 0.0
    extra = 1.0 if cfg.render.checkpoint_rays else 0.0
    generator = BACKWARD * s.synthesis + s.point * ((BACKWARD + extra) * kept + free)
    generator += proposals * (BACKWARD if values.supervise else 1.0) + BACKWARD * s.judge
    again = (
        0.0
        if cfg.reuse_fakes
        else s.synthesis + s.point * (kept + (_probe_points(cfg) if proposals else 0.0)) + proposals
    )
    discriminator = again + judged(s.judge, cfg.loss.r1_interval)
    return generator + discriminator


def _probe_points(cfg: TrainConfig) -> float:
    """Points of one probe."""
    return float(cfg.network.probe_size**2 * cfg.network.probe_samples)


def _kept(cfg: TrainConfig, s: PartSizes, at: Moment) -> float:
    """Numbers of one image that the backward pass keeps."""
    kept, free = _points(cfg, at)
    values = at.values
    if cfg.render.checkpoint_rays:
        kept = min(kept, kept / values.resolution**2 * cfg.render.checkpoint_rays)
    proposals = s.proposal_values if (values.propose or values.supervise) and cfg.render.sampler else 0.0
    generator = s.point_values * (kept + 0.3 * free) + s.synthesis_values + proposals + s.judge_values
    return max(generator, 4.0 * s.judge_values)
