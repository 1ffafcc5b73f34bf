"""Pictures of a training: sample grids of the average generator with fixed latents and cameras, and real
images.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core_model.data.images import ImageDataset
from core_model.discriminators.dual import stretch
from core_model.training.gan.recipes.interface import Moment, Recipe

GRID, EVALUATION = 1001, 1002  # phases of `draw_fakes` that no training step uses


@torch.no_grad()
def average_images(recipe: Recipe, seen: int, count: int, phase: int, chunk: int) -> Tensor:
    """[count, 3, R, R] uint8 on the CPU after `seen` images, untruncated, each conditioned on its own camera.

    Calls with the same phase use the same latents, cameras and random numbers.
    """
    cfg = recipe.cfg
    at = Moment(seen // cfg.batch, seen, cfg.schedule.at(seen))
    drawn = recipe.draw(count, 0.0, 0, phase)
    images = []
    for start in range(0, count, chunk):
        batch = drawn.rows(start, start + chunk).on(recipe.device)
        made = stretch(recipe.pictures(batch, at), cfg.data.resolution)
        images.append(((made + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu())
    return torch.cat(images)


def real_images(dataset: ImageDataset, count: int) -> Tensor:
    """[≤ count, 3, R, R] uint8: images spread evenly over the set."""
    total = len(dataset)
    chosen = [i * total // min(count, total) for i in range(min(count, total))]
    return torch.from_numpy(np.stack([dataset.image(i) for i in chosen]))
