"""The eg3d family as the session sees it."""

from __future__ import annotations

from core_model.families.base import FAMILIES, FamilySpec, Sizes
from core_model.families.configs import read_config
from core_model.families.eg3d import native
from core_model.families.eg3d.config import Eg3dConfig
from core_model.families.eg3d.convert import to_native
from core_model.families.eg3d.generator import Eg3dGenerator
from core_model.families.volumetric_model import VolumetricModel
from core_model.schema.checkpoint import CheckpointHeader


def describe(header: CheckpointHeader, where: str) -> Sizes:
    cfg = read_config(Eg3dConfig, header, where)
    return Sizes(
        title="EG3D",
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
    cfg = read_config(Eg3dConfig, header, where)
    return VolumetricModel(header, describe(header, where), cfg.volumetric, cfg.superres, lambda: Eg3dGenerator(cfg, header.conventions))


FAMILIES.add("eg3d", FamilySpec("eg3d", describe, build, native.render, to_native))
