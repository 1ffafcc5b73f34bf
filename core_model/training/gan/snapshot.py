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
from core_model.schema.checkpoint import CheckpointHeader, Provenance
from core_model.schema.errors import InputError
from core_model.schema.overrides import changed_paths
from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import PRESETS
from core_model.training.common.run_directory import STATE_SUFFIX
from core_model.training.gan.networks import Networks, network_config
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
    path: Path,
    networks: Networks,
    cfg: TrainConfig,
    prior: CameraPrior,
    step: int,
    *,
    with_proposals: bool,
    scores: dict[str, float] | None = None,
) -> None:
    """The average generator as a native checkpoint.

    Its proposal network is left out until it has been trained: it would place samples at random, and without
    it the viewer uses another sampler.
    """
    network = network_config(cfg)
    tensors = dict(networks.average.state_dict())
    if not with_proposals and network.proposal_channels:
        network = network.replace(proposal_channels=0)
        tensors = {name: value for name, value in tensors.items() if not name.startswith("proposal.")}
    header = CheckpointHeader(
        family="wysiwyg", name=f"{cfg.preset} {step * cfg.batch / 1000:.1f} kimg", config=network.model_dump(),
        conventions=networks.average.conventions, camera=prior,
        provenance=Provenance(
            made_by="triscope train", made_at=time.strftime("%Y-%m-%d"), command=command_text(cfg), data=Path(cfg.data.path).name,
            steps=step, images_seen=float(step * cfg.batch), ema=True, scores=scores or {}, notes="Trained adversarially (WYSIWYG 3D GAN).",
        ),
        target_blur=cfg.render.blur_bins if network.proposal_channels else None,
    )  # fmt: skip
    save_checkpoint(path, header, tensors)


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


def load_start(source: str, networks: Networks) -> str:
    """Load weights to fine-tune from; returns what was loaded.

    A resume state gives all networks. A native checkpoint gives the generator (its proposal network may be
    missing), and the discriminator starts from scratch. Raises InputError when a tensor does not fit.
    """
    if source.endswith(STATE_SUFFIX):
        return f"{Path(source).name}: {load_weights(Path(source), networks)} tensors, discriminator included"
    header = read_header(source).header
    if header.family != "wysiwyg":
        raise InputError(
            what="cannot start from this checkpoint",
            where=source,
            expected="family wysiwyg",
            got=header.family,
        )
    tensors = load_tensors(source)
    own = networks.generator.state_dict()
    missing = [n for n in own if n not in tensors and not n.startswith("proposal.")]
    wrong = [n for n in own if n in tensors and tensors[n].shape != own[n].shape]
    for names, what in ((missing, "lacks tensor"), (wrong, "has another shape of tensor")):
        if names:
            raise InputError(
                what=f"cannot start: the checkpoint {what} {names[0]!r}",
                where=source,
                expected="the networks of this preset",
            )
    merged = {**own, **{n: t for n, t in tensors.items() if n in own}}
    networks.generator.load_state_dict(merged)
    networks.average.load_state_dict(merged)
    return f"{header.name or Path(source).name}: {sum(n in tensors for n in own)} of {len(own)} tensors"
