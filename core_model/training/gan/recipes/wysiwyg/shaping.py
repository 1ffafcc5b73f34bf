"""Losses on signed distances at points of their own, where a picture's samples say too little about the
shape.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.families.wysiwyg.decoder import WysiwygField
from core_model.geometry.rays import Rays, Window, label_rays
from core_model.losses.terms import bend_loss, decision_loss
from core_model.rendering.march import Marched
from core_model.schema.train import TrainConfig
from core_model.training.gan.draws import item_uniform, mix_seed

_DECISION, _BEND = 3, 4  # what the random numbers of an image are for (1 and 2: `proposals`)


def decision(
    field: WysiwygField,
    marched: Marched,
    probed: bool,
    labels: Tensor,
    seeds: tuple[int, ...],
    cfg: TrainConfig,
) -> Tensor:
    """exp(-k|sdf|) at probe points.

    Before there are proposals the picture's own samples are uniform and are used, if all of them have
    gradients. Otherwise random points on the probe's rays are evaluated: gradients through all of them would
    not fit in memory.
    """
    if not probed and not cfg.render.refine and not cfg.render.cull_floor:
        return decision_loss(marched.sdf, cfg.loss.decision_sharpness)
    size = cfg.network.probe_size
    rays = label_rays(labels, Window(size, 0, 0, size), field.planes.conventions)
    u = item_uniform(
        tuple(mix_seed(s, _DECISION) for s in seeds),
        (max(1, cfg.loss.decision_points // cfg.batch), 2),
        labels.device,
    )
    ray = (u[..., 0] * len(rays)).long().clamp_max(len(rays) - 1)
    some = rays.take(ray)
    t = some.near + (some.far - some.near) * u[..., 1]
    return decision_loss(
        field.learned_distance(some.points(t[..., None])[:, :, 0]), cfg.loss.decision_sharpness
    )


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
