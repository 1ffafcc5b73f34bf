"""Losses on signed distances at points of their own, where a picture's samples say too little about the
shape.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from core_model.families.wysiwyg.decoder import WysiwygField
from core_model.geometry.rays import Rays, Window, label_rays
from core_model.losses.terms import bend_loss, decision_loss
from core_model.rendering.march import Marched
from core_model.sampling.placement import uniform_samples
from core_model.schema.train import TrainConfig
from core_model.training.gan.draws import item_uniform, mix_seed

PIECE_POINTS = 1 << 17
_DECISION, _BEND = 3, 4  # what the random numbers of an image are for (1 and 2: `proposals`)


def decision(
    field: WysiwygField,
    marched: Marched,
    probed: bool,
    labels: Tensor,
    seeds: tuple[int, ...],
    cfg: TrainConfig,
) -> Tensor:
    """exp(-k|sdf|) at the probe's points (the paper's S_128), or at some on its rays.

    `decision_points` of a batch are drawn anew each time; 0 = all points of the probe, whose gradients take the
    memory of as many samples. Where only some are wanted and the picture has none by proposals, its own samples
    are uniform and are used, if all of them have gradients.
    """
    r = cfg.render
    own = r.first_stage == "stratified" and not r.refine and not r.cull_floor
    if cfg.loss.decision_points and not probed and own:
        return decision_loss(marched.sdf, cfg.loss.decision_sharpness)
    size, points = cfg.network.probe_size, cfg.loss.decision_points
    rays = label_rays(labels, Window(size, 0, 0, size), field.planes.conventions)
    if not points:
        t = uniform_samples(rays.near, rays.far, cfg.network.probe_samples).t
        whole = rays.points(t).flatten(1, 2)

        def part(places: Tensor) -> Tensor:
            return (
                decision_loss(field.learned_distance(places), cfg.loss.decision_sharpness) * places.shape[1]
            )

        # recomputed in the backward pass: what all of them keep would not fit in memory
        parts = [checkpoint(part, places, use_reentrant=False) for places in whole.split(PIECE_POINTS, dim=1)]
        return torch.stack(parts).sum() / whole.shape[1]
    seeds = tuple(mix_seed(s, _DECISION) for s in seeds)
    u = item_uniform(seeds, (max(1, points // cfg.batch), 2), labels.device)
    ray = (u[..., 0] * len(rays)).long().clamp_max(len(rays) - 1)
    some = rays.take(ray)
    t = some.near + (some.far - some.near) * u[..., 1]
    places = some.points(t[..., None])[:, :, 0]
    return decision_loss(field.learned_distance(places), cfg.loss.decision_sharpness)


def bend(
    field: WysiwygField, marched: Marched, rays: Rays, seeds: tuple[int, ...], cfg: TrainConfig
) -> Tensor:
    """How far signed distances bend along short lines of random direction.

    Half of the lines lie anywhere on rays of the picture, half near the visible depth: the picture's samples
    are too far apart to show thin layers and the slits between them.
    """
    count, step = max(2, cfg.loss.bend_points // cfg.batch), cfg.loss.bend_step
    u = item_uniform(tuple(mix_seed(s, _BEND) for s in seeds), (count, 5), rays.dirs.device)
    ray = (u[..., 0] * len(rays)).long().clamp_max(len(rays) - 1)
    some = rays.take(ray)
    anywhere = some.near + (some.far - some.near) * u[..., 1]
    seen = marched.depth.detach().gather(1, ray) + (u[..., 1] - 0.5) * 8.0 * step
    solid = (marched.opacity.detach().gather(1, ray) > 0.5) & (torch.arange(count, device=u.device) % 2 == 0)
    middle = some.points(torch.where(solid, seen, anywhere)[..., None])
    line = F.normalize(u[..., None, 2:] - 0.5, dim=-1) * torch.arange(-1.0, 2.0, device=u.device)[:, None]
    sdf = field.learned_distance((middle + step * line).flatten(1, 2)).unflatten(1, (count, 3))
    return bend_loss(sdf[..., 0], sdf[..., 1], sdf[..., 2], step)
