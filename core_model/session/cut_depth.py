"""Depth maps for the non-flatness score as its source defines it (3D generation on ImageNet, arXiv 2303.01416, and its published code).

All samples of the picture are placed first, by the request's sampler and with nothing skipped. Densities below their median are then set to
zero, the weights follow from what is left, and the depth is Σ w t: not divided by Σ w, so that a ray which meets nothing has depth 0.
t is the middle of the interval that a sample stands for; the last interval of a ray ends at the ray's far end.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from core_model.ops import cpu_parallel
from core_model.ops.stepfun import alpha_weights
from core_model.sampling.samplers import SAMPLERS
from core_model.session.picture import Picture
from core_model.session.stages import StageRun


def cut_depth(run: StageRun) -> np.ndarray:
    """[H, W] float32, world units along unit rays, 0 where nothing is left; of the run's latent, camera, size and sampler."""
    run = replace(run, request=run.request.replace(skip_empty=False, channels=("depth",)))
    field = run.field(run.w())
    space, sampler = run.space(field), SAMPLERS.get(run.request.sampler.name)
    proposals = run.proposals(field, space) if sampler.needs_proposal else None
    picture = Picture(run, run.scene(field, space), proposals, run.guide(sampler, field), (), run.device)
    parts = []
    for pixels in picture.tiles(cpu_parallel.width(run.device)):
        placed = picture.placed(pixels)
        parts.append((pixels, placed.samples, placed.density))
    depth = torch.zeros(run.request.width * run.request.height, device=run.device)
    if parts:
        limit = float(np.median(torch.cat([d[s.valid] for _, s, d in parts]).float().cpu().numpy()))
        for pixels, samples, density in parts:
            kept = torch.where(samples.valid & (density >= limit), density, 0.0)
            delta = torch.where(samples.valid, samples.delta, 0.0)
            weights, _ = alpha_weights(kept, delta)
            depth[pixels] = (weights * (samples.t + 0.5 * delta)).sum(dim=-1)
    return depth.reshape(run.request.height, run.request.width).float().cpu().numpy()
