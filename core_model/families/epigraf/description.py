"""What is known of an EpiGRAF checkpoint without building it. No torch here."""

from __future__ import annotations

from core_model.families.configs import read_config
from core_model.families.description import Description, Sizes
from core_model.families.epigraf.config import EpigrafConfig
from core_model.families.epigraf.convert import to_native
from core_model.schema.checkpoint import CheckpointHeader

LICENCE_NOTE = "not stated in the file; parts of the EpiGRAF program are NVIDIA's StyleGAN: ask its authors before any use but research"


def describe(header: CheckpointHeader, where: str) -> Sizes:
    cfg = read_config(EpigrafConfig, header, where)
    return Sizes(
        title="EpiGRAF",
        z_dim=cfg.z_dim,
        w_dim=cfg.w_dim,
        num_ws=cfg.num_ws,
        c_dim=cfg.label_dim,
        num_classes=cfg.c_dim,
        image_size=cfg.image_size,
        plane_size=cfg.plane_size,
        plane_channels=cfg.plane_channels,
        is_sdf=False,
        view_dependent=bool(cfg.view_widths),
    )


DESCRIPTION = Description("epigraf", describe, to_native, LICENCE_NOTE)
