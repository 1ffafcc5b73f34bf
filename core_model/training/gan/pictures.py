"""Pictures of a training: sample grids of the average generator with fixed latents and cameras, and real
images.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core_model.data.images import ImageDataset
from core_model.data.labels import LabelTable
from core_model.discriminators.dual import stretch
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.schema.schedule import ScheduleValues
from core_model.schema.train import TrainConfig
from core_model.training.gan.draws import FakeBatch, draw_fakes
from core_model.training.gan.render import make_fakes

GRID, EVALUATION = 1001, 1002  # phases of `draw_fakes` that no training step uses


@torch.no_grad()
def average_images(
    g: WysiwygGenerator,
    cfg: TrainConfig,
    values: ScheduleValues,
    labels: LabelTable,
    count: int,
    phase: int,
    chunk: int,
) -> Tensor:
    """[count, 3, R, R] uint8 on the CPU, untruncated, each conditioned on its own camera.

    Calls with the same phase use the same latents, cameras and random numbers.
    """
    device = g.mapping.w_avg.device
    drawn = draw_fakes(labels, cfg.network.z_dim, count, 0.0, cfg.seed, 0, phase, rank=0, world=1)
    images = []
    for start in range(0, count, chunk):
        rows = drawn.rows(start, start + chunk)
        batch = FakeBatch(rows.z.to(device), rows.condition.to(device), rows.label.to(device), rows.seeds)
        made = stretch(make_fakes(g, batch, cfg, values, train=False).images, cfg.data.resolution)
        images.append(((made + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu())
    return torch.cat(images)


def real_images(dataset: ImageDataset, count: int) -> Tensor:
    """[≤ count, 3, R, R] uint8: images spread evenly over the set."""
    total = len(dataset)
    chosen = [i * total // min(count, total) for i in range(min(count, total))]
    return torch.from_numpy(np.stack([dataset.image(i) for i in chosen]))
