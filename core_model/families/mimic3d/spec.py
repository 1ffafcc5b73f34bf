"""The mimic3d family as the session sees it."""

from __future__ import annotations

from core_model.families.base import FAMILIES, FamilySpec, Sizes
from core_model.families.configs import read_config
from core_model.families.mimic3d import native
from core_model.families.mimic3d.config import Mimic3dConfig
from core_model.families.mimic3d.convert import to_native
from core_model.families.mimic3d.generator import Mimic3dGenerator
from core_model.families.volumetric_model import VolumetricModel
from core_model.schema.checkpoint import CheckpointHeader


def describe(header: CheckpointHeader, where: str) -> Sizes:
    cfg = read_config(Mimic3dConfig, header, where)
    return Sizes(
        title="Mimic3D",
        z_dim=cfg.z_dim,
        w_dim=cfg.w_dim,
        num_ws=cfg.num_ws,
        c_dim=cfg.c_dim,
        image_size=cfg.image_size,
        plane_size=cfg.plane_size,
        plane_channels=cfg.plane_channels,
        is_sdf=False,
    )


def build(header: CheckpointHeader, where: str) -> VolumetricModel:
    cfg = read_config(Mimic3dConfig, header, where)
    return VolumetricModel(header, describe(header, where), cfg.volumetric, cfg.superres, lambda: Mimic3dGenerator(cfg, header.conventions))


FAMILIES.add("mimic3d", FamilySpec("mimic3d", describe, build, native.render, to_native))
