"""EpiGRAF's settings as its family's config and its discriminator, and back from a checkpoint that is fine-tuned."""

from __future__ import annotations

import math
from typing import Any

import torch
from pydantic import ValidationError

from core_model.checkpoints.store import load_tensors
from core_model.discriminators.patch_aware import BandedDiscriminator, CameraCode, PatchDiscriminator
from core_model.families.epigraf.config import EpigrafConfig, SphereConfig
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.complaint import first_complaint
from core_model.schema.errors import InputError
from core_model.schema.train import TrainConfig
from core_model.schema.train_epigraf import EpigrafNetworkConfig, EpigrafRenderConfig

FRONTAL = 0.5 * math.pi
"""Yaw of a camera on +z."""


def family_config(cfg: TrainConfig) -> EpigrafConfig:
    """The family's config of the settings. Raises InputError."""
    network, render = cfg.epigraf.network, cfg.epigraf.render
    shared = {name: getattr(network, name) for name in _shared_names()}
    sphere = SphereConfig(
        widths=network.sphere_widths, period=network.sphere_period, steps=network.sphere_steps
    )
    try:
        return EpigrafConfig(
            **shared,
            **render.model_dump(),
            image_size=cfg.data.resolution,
            background=None if network.background == "none" else network.background,
            sphere=sphere,
        )
    except ValidationError as error:
        first = first_complaint(error)
        raise InputError(
            what=f"bad value of epigraf.network.{first.place}".rstrip("."), expected=first.says
        ) from None


def adopted_network(header: CheckpointHeader, path: str) -> dict[str, Any]:
    """The settings of the branch that a checkpoint of the family has, by dotted path.

    Its mean camera says where its subjects face: +x in the program, +z where triscope trained it.
    """
    cfg = EpigrafConfig.model_validate(dict(header.config))
    found = {f"network.{name}": getattr(cfg, name) for name in _shared_names()}
    found |= {f"render.{name}": getattr(cfg, name) for name in EpigrafRenderConfig.model_fields}
    found["network.background"] = cfg.background or "none"
    if cfg.background == "sphere":
        found |= {
            f"network.sphere_{name}": getattr(cfg.sphere, name) for name in ("widths", "steps", "period")
        }
    yaw = load_tensors(path).get("mean_camera_pose", torch.full((3,), FRONTAL))[0]
    found["camera.front"] = 0.0 if abs(float(yaw)) < 0.5 * FRONTAL else FRONTAL
    return found


def discriminator(cfg: TrainConfig) -> PatchDiscriminator | BandedDiscriminator:
    """Fresh; it knows the camera where the data's poses are true and fakes are seen from them."""
    own, d, edge = cfg.epigraf.judge, cfg.discriminator, cfg.schedule.at(0).resolution
    knows = d.pose and cfg.data.labels and cfg.epigraf.camera.prior == "data"
    camera = CameraCode(own.camera_raw, own.camera_drop, own.camera_noise) if knows else None

    def one() -> PatchDiscriminator:
        return PatchDiscriminator(
            cfg.data.resolution,
            edge,
            classes=cfg.epigraf.network.c_dim,
            camera=camera,
            placed=own.placed,
            hyper=own.hyper,
            channel_base=d.channel_base,
            channel_max=d.channel_max,
            label_layers=d.label_layers,
            std_group=d.std_group,
            std_channels=d.std_channels,
        )

    if own.bands == 1:
        return one()
    smallest = cfg.epigraf.smallest_scale(edge, cfg.data.resolution)
    return BandedDiscriminator([one() for _ in range(own.bands)], smallest, cfg.epigraf.patch.max_scale)


def _shared_names() -> tuple[str, ...]:
    """Settings of the network that the family's config has by the same name."""
    own = EpigrafConfig.model_fields
    return tuple(n for n in EpigrafNetworkConfig.model_fields if n in own and n != "background")
