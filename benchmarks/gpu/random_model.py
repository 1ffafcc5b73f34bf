"""A checkpoint of a network preset with random weights: training changes the picture, not its cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from core_model.checkpoints.store import save_checkpoint
from core_model.families.wysiwyg.config import PRESETS, WysiwygConfig
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.ops.devices import accelerator, choose
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.conventions import Conventions
from core_model.schema.errors import InputError


def preset_config(name: str) -> WysiwygConfig:
    """The preset's sizes; raises InputError for a name that does not exist."""
    if name not in PRESETS:
        raise InputError(what="unknown preset", where="--preset", expected=", ".join(PRESETS), got=name)
    return PRESETS[name]


def needs_device(name: str) -> torch.device:
    """The device, `auto` = this machine's accelerator; raises InputError, one line, where there is none of the kind."""
    if name == "auto" and accelerator() is None:
        expected = "one that torch knows, or --device cpu with --quick to test the scripts"
        raise InputError(what="no accelerator here", where="--device", expected=expected)
    return choose(name, "--device")


@contextmanager
def random_checkpoint(preset: str, seed: int = 0) -> Iterator[str]:
    """Path of a temporary native checkpoint; the first SDF is a sphere, as at the start of training."""
    cfg, conventions = preset_config(preset), Conventions(scene_radius=0.5)
    torch.manual_seed(seed)
    generator = WysiwygGenerator(cfg, conventions, seed)
    header = CheckpointHeader(family="wysiwyg", name=preset, config=cfg.model_dump(), conventions=conventions)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{preset}.safetensors"
        save_checkpoint(path, header, generator.state_dict())
        del generator
        yield str(path)
