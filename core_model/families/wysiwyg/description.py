"""What is known of a wysiwyg checkpoint without building it. No torch here."""

from __future__ import annotations

from core_model.families.configs import read_config
from core_model.families.description import Description, Sizes
from core_model.families.wysiwyg.config import WysiwygConfig
from core_model.schema.checkpoint import CheckpointHeader


def describe(header: CheckpointHeader, where: str) -> Sizes:
    cfg = read_config(WysiwygConfig, header, where)
    return Sizes(
        title="WYSIWYG SDF-GAN",
        z_dim=cfg.z_dim,
        w_dim=cfg.w_dim,
        num_ws=cfg.num_ws,
        c_dim=cfg.c_dim,
        image_size=cfg.image_size,
        plane_size=cfg.plane_size,
        plane_channels=cfg.plane_channels,
        is_sdf=True,
        view_dependent=True,
        has_proposal=cfg.proposal_channels > 0,
        default_spp=cfg.default_spp,
        probe_size=cfg.probe_size,
        probe_samples=cfg.probe_samples,
        proposal_size=cfg.proposal_size,
    )


DESCRIPTION = Description("wysiwyg", describe)
