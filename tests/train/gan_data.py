"""A small set of pictures with cameras, made in a moment, for tests of the GAN trainer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from core_model.schema.camera import OrbitPose, label25
from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import PRESETS


def write_set(folder: Path, count: int = 6, size: int = 16) -> Path:
    """A folder in EG3D's layout: grey discs on a light ground, seen from different sides."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size] / size - 0.5
    labels = []
    for i in range(count):
        pixels = np.full((size, size, 3), 220, np.uint8)
        pixels[x * x + y * y < 0.1 + 0.02 * i] = rng.integers(30, 200, 3)
        Image.fromarray(pixels).save(folder / f"{i:03d}.png")
        pose = OrbitPose(yaw=0.3 * (i - count / 2), pitch=0.05 * i)
        labels.append([f"{i:03d}.png", label25(pose).tolist()])
    (folder / "dataset.json").write_text(json.dumps({"labels": labels}))
    return folder


SIZES = {"wysiwyg": 16, "eg3d": 64, "epigraf": 32, "mimic3d": 64}
"""Recipe → edge of its tiny pictures."""
RENDERED = {"epigraf": "16"}
"""Recipe → edge of what is rendered in a step, where it may not grow."""


def tiny_of(recipe: str, folder: Path, **changes: object) -> TrainConfig:
    """The tiny training of a recipe, on a set that is made in `folder` where none is: 20 steps of two images."""
    if not folder.exists():
        write_set(folder, size=SIZES[recipe])
    if recipe == "wysiwyg":
        return tiny_config(folder, **changes)
    smoke = PRESETS.get(f"{recipe}-smoke")
    curve = type(smoke.schedule.swap).model_validate
    tiny = smoke.replace(
        batch=2, images=40,
        data=smoke.data.replace(path=str(folder)),
        schedule=smoke.schedule.replace(resolution=curve(RENDERED.get(recipe, "0:12,16:12,24:16"))),
        output=smoke.output.replace(tick_images=10, snapshot_ticks=2, image_ticks=2, grid=(2, 1), evaluate=False, tensorboard=False),
    )  # fmt: skip
    return tiny.replace(**changes)


def tiny_config(data: Path, **changes: object) -> TrainConfig:
    """The smoke preset made smaller still: 16² pictures, all stages within 20 steps of two images."""
    smoke = PRESETS.get("smoke")
    s = smoke.schedule
    curve = type(s.swap).model_validate
    tiny = smoke.replace(
        batch=2, images=40,
        data=smoke.data.replace(path=str(data), resolution=16),
        network=smoke.network.replace(
            channel_base=64, base_size=8, plane_size=16, image_size=16, probe_size=8, probe_samples=8, proposal_channels=4, proposal_size=16
        ),
        discriminator=smoke.discriminator.replace(channel_base=64, channel_max=8),
        render=smoke.render.replace(samples=5, patch=4, blur_bins=0.8),
        schedule=s.replace(resolution=curve("0:8,16:8,24:16"), supervise=curve("0:0,10:0,10:1"), propose=curve("0:0,26:0,26:1")),
        output=smoke.output.replace(tick_images=10, snapshot_ticks=2, image_ticks=2, grid=(2, 1), evaluate=False, tensorboard=False),
    )  # fmt: skip
    return tiny.replace(**changes)
