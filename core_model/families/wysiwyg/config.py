"""Configuration, presets and description of the WYSIWYG SDF-GAN generator (arXiv 2401.02411). Torch-free."""

from __future__ import annotations

import math

from pydantic import model_validator

from core_model.families.configs import read_config
from core_model.families.description import Description, Sizes
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.network import NetworkConfig


class WysiwygConfig(NetworkConfig):
    """Sizes that fit together."""

    @model_validator(mode="after")
    def _sizes(self) -> "WysiwygConfig":
        for name in ("base_size", "plane_size"):
            v = getattr(self, name)
            if v & (v - 1):
                raise ValueError(f"{name} must be a power of two, got {v}")
        if self.start_size & (self.start_size - 1) or 2 * self.start_size > self.base_size:
            raise ValueError(
                f"start_size must be a power of two, at most half of base_size ({self.base_size}), got {self.start_size}"
            )
        if self.plane_size not in (self.base_size, 2 * self.base_size):
            raise ValueError(
                f"plane_size must be base_size or twice it ({self.base_size}), got {self.plane_size}"
            )
        widest = self.base_size if self.plane_block_channels else self.plane_size
        if self.channel_base < widest:
            raise ValueError(f"channel_base must be {widest} or more, or the last block has no channels")
        ratio = self.proposal_size / self.probe_size
        if self.proposal_channels and ratio not in (1.0, 2.0, 4.0):
            raise ValueError(
                f"proposal_size must be 1, 2 or 4 times probe_size ({self.probe_size}), got {self.proposal_size}"
            )
        return self

    @property
    def num_ws(self) -> int:
        """Style slots: two for each backbone block."""
        return 2 * round(math.log2(self.base_size / self.start_size)) + 2

    @property
    def proposal_ups(self) -> int:
        """Doublings inside the proposal network (Table A5 has two)."""
        return round(math.log2(self.proposal_size / self.probe_size))


PRESETS: dict[str, WysiwygConfig] = {
    "ffhq512": WysiwygConfig(),
    "heads256": WysiwygConfig(
        z_dim=64,
        c_dim=0,
        w_dim=256,
        mapping_layers=3,
        mapping_width=512,
        channel_base=8192,
        channel_max=64,
        start_size=128,
        base_size=256,
        plane_size=256,
        plane_channels=32,
        noise=False,
        sdf_hidden=96,
        geo_dim=32,
        rgb_hidden=32,
        image_size=512,
        probe_size=64,
        probe_samples=128,
        proposal_channels=48,
        proposal_size=128,
        default_spp=8.8,
    ),
    "tiny": WysiwygConfig(
        z_dim=16,
        c_dim=25,
        w_dim=16,
        channel_base=128,
        channel_max=16,
        base_size=16,
        plane_size=32,
        plane_channels=4,
        plane_block_channels=4,
        sdf_hidden=16,
        geo_dim=8,
        rgb_hidden=8,
        image_size=32,
        probe_size=8,
        probe_samples=16,
        proposal_channels=8,
        proposal_size=32,
        default_spp=6.0,
    ),
    "tiny-heads": WysiwygConfig(
        z_dim=64,
        c_dim=0,
        w_dim=16,
        channel_base=128,
        channel_max=16,
        base_size=16,
        plane_size=32,
        plane_channels=27,
        plane_block_channels=4,
        noise=False,
        sdf_hidden=16,
        geo_dim=8,
        rgb_hidden=8,
        image_size=32,
        probe_size=8,
        probe_samples=16,
        proposal_channels=8,
        proposal_size=16,
        default_spp=6.0,
    ),
}


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
