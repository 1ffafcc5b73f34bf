"""The running average as a native checkpoint, which the viewer and `triscope render` open like any other."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np

from core_model.checkpoints.layout import read_header
from core_model.checkpoints.store import load_tensors, save_checkpoint
from core_model.data.labels import LabelTable
from core_model.schema.camera import CameraPrior, OrbitPose, fov_from_focal
from core_model.schema.checkpoint import Provenance
from core_model.schema.errors import InputError
from core_model.schema.overrides import changed_paths
from core_model.schema.recipes import RECIPES
from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import PRESETS
from core_model.training.common.run_directory import STATE_SUFFIX
from core_model.training.gan.recipes.interface import Moment, Recipe
from core_model.training.gan.state import load_weights


def camera_prior(labels: LabelTable) -> CameraPrior:
    """Spread of the data's cameras and their mean distance and angle of view, as seen from the scene's
    centre.
    """
    table = labels.labels.double().numpy()
    eyes = table[:, :16].reshape(-1, 4, 4)[:, :3, 3]
    radius = np.linalg.norm(eyes, axis=1)
    yaw = np.arctan2(eyes[:, 0], eyes[:, 2])
    pitch = np.arcsin(np.clip(eyes[:, 1] / np.maximum(radius, 1e-9), -1.0, 1.0))
    pose = OrbitPose(
        radius=float(max(np.median(radius), 1e-3)), fov=min(fov_from_focal(float(np.median(table[:, 16]))), math.pi - 0.01),
    )  # fmt: skip
    return CameraPrior(yaw_std=float(yaw.std()), pitch_std=float(pitch.std()), law="labels", default=pose)


def write_snapshot(
    path: Path, recipe: Recipe, prior: CameraPrior, step: int, scores: dict[str, float] | None = None
) -> None:
    """The average generator as a native checkpoint of its family."""
    cfg = recipe.cfg
    images = step * cfg.batch
    made = recipe.snapshot(Moment(step, images, cfg.schedule.at(images)))
    header = recipe.header(
        made, name=f"{cfg.preset} {images / 1000:.1f} kimg", camera=prior,
        provenance=Provenance(
            made_by="triscope train", made_at=time.strftime("%Y-%m-%d"), command=command_text(cfg), data=Path(cfg.data.path).name,
            steps=step, images_seen=float(images), ema=True, scores=scores or {}, notes=made.notes,
        ),
    )  # fmt: skip
    save_checkpoint(path, header, dict(made.tensors))


def command_text(cfg: TrainConfig) -> str:
    """The command line that starts this run again."""
    changed = {
        k: v
        for k, v in changed_paths(cfg, PRESETS.get(cfg.preset)).items()
        if k not in ("data.path", "preset")
    }
    flags = "".join(f" --{path}={value}" for path, value in changed.items())
    return (
        f"triscope train --preset {cfg.preset} --data {Path(cfg.data.path).name or 'DATA'} --out RUN{flags}"
    )


def load_start(source: str, recipe: Recipe) -> str:
    """Load weights to fine-tune from; returns what was loaded.

    A resume state gives all networks. A native checkpoint gives the generator, and the judges start from
    scratch. Raises InputError for another family, or when a tensor does not fit.
    """
    if source.endswith(STATE_SUFFIX):
        taken = load_weights(Path(source), recipe.networks, recipe.fresh)
        return f"{Path(source).name}: {taken} tensors, those of discriminators included"
    header = read_header(source).header
    families = RECIPES.get(recipe.cfg.recipe).starts_from
    if header.family not in (
        recipe.cfg.recipe,
        *families,
    ):  # a recipe is named after the family that it trains
        raise InputError(
            what="cannot start from this checkpoint",
            where=source,
            expected=" or ".join(f"family {name}" for name in (recipe.cfg.recipe, *families)),
            got=header.family,
        )
    taken = recipe.start(header, load_tensors(source), source)
    own = len(recipe.networks.generator.state_dict())
    return f"{header.name or Path(source).name}: {taken} of {own} tensors"
