"""A wysiwyg checkpoint small enough for tests: untrained, a sharp rippled sphere, saved as a native file."""

from __future__ import annotations

from pathlib import Path

import torch

from core_model.checkpoints.store import save_checkpoint
from core_model.families.wysiwyg.config import PRESETS, WysiwygConfig
from core_model.families.wysiwyg.decoder import beta_pre_for
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.conventions import Conventions

TINY = PRESETS["tiny"]
BETA = 0.002
RIPPLE = 0.15  # how much of the planes' say in the distance is kept


def tiny_generator(
    cfg: WysiwygConfig = TINY, *, seed: int = 0, beta: float | None = BETA
) -> WysiwygGenerator:
    """An untrained generator.

    With `beta` it looks like a trained one: that width, and planes that ripple the sphere of the geometric
    start instead of drowning it (their weights are turned down about the features' start at 1).
    """
    torch.manual_seed(seed)
    generator = WysiwygGenerator(cfg, Conventions(), seed).eval().requires_grad_(False)
    if beta is not None:
        mlp, c = generator.sdf_mlp, cfg.plane_channels
        mlp.fc2.bias[1] = beta_pre_for(beta, cfg)
        mlp.fc0.bias += (1 - RIPPLE) * mlp.fc0.weight[:, :c].sum(dim=1)
        mlp.fc0.weight[:, :c] *= RIPPLE
    return generator


def save_tiny(path: Path, cfg: WysiwygConfig = TINY, *, seed: int = 0, beta: float | None = BETA) -> str:
    generator = tiny_generator(cfg, seed=seed, beta=beta)
    header = CheckpointHeader(family="wysiwyg", name="tiny", config=cfg.model_dump())
    return str(save_checkpoint(path, header, generator.state_dict()))
