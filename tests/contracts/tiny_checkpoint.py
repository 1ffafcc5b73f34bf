"""A wysiwyg checkpoint small enough for tests: untrained, sharp surface, saved as a native file."""

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


def tiny_generator(cfg: WysiwygConfig = TINY, *, seed: int = 0, beta: float | None = BETA) -> WysiwygGenerator:
    """An untrained generator; `beta` replaces the width of its surface, as training would."""
    torch.manual_seed(seed)
    generator = WysiwygGenerator(cfg, Conventions(), seed)
    if beta is not None:
        generator.sdf_mlp.fc2.bias.data[1] = beta_pre_for(beta, cfg)
    return generator.eval().requires_grad_(False)


def save_tiny(path: Path, cfg: WysiwygConfig = TINY, *, seed: int = 0, beta: float | None = BETA) -> str:
    generator = tiny_generator(cfg, seed=seed, beta=beta)
    header = CheckpointHeader(family="wysiwyg", name="tiny", config=cfg.model_dump())
    return str(save_checkpoint(path, header, generator.state_dict()))
