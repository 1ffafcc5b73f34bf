"""EG3D's generator: mapping, StyleGAN2 backbone, planes, OSG decoder, super-resolution."""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.families.eg3d.config import Eg3dConfig
from core_model.families.osg.model import VolumetricGenerator, make_superres
from core_model.fields.triplane import Planes
from core_model.nn.mapping import MappingNetwork
from core_model.nn.osg import OsgDecoder
from core_model.nn.synthesis import SynthesisNetwork
from core_model.schema.conventions import Conventions


class Eg3dGenerator(VolumetricGenerator):
    """Channels 32·p … 32·p + 31 of the backbone's picture are plane p; nothing activates them."""

    def __init__(self, cfg: Eg3dConfig, conventions: Conventions) -> None:
        super().__init__()
        self.cfg, self.conventions, self.num_ws = cfg, conventions, cfg.num_ws
        self.mapping = MappingNetwork(
            cfg.z_dim,
            cfg.c_dim,
            cfg.w_dim,
            lr_mul=cfg.mapping_lr_mul,
            hidden=cfg.mapping_hidden,
            embed_dim=cfg.embed_dim,
        )
        self.backbone = SynthesisNetwork(
            cfg.w_dim,
            cfg.plane_size,
            3 * cfg.plane_channels,
            channels=cfg.channels,
            use_noise=cfg.noise,
            clamp=cfg.clamp,
        )
        self.decoder = OsgDecoder(
            cfg.plane_channels, cfg.decoder_hidden, cfg.decoder_colours, cfg.decoder_lr_mul
        )
        self.superres = make_superres(cfg.superres, cfg.decoder_colours)

    def synthesize(self, ws: Tensor, noise: str = "const", rng: torch.Generator | None = None) -> Planes:
        """ws [B, L, D] → one level [B, 3, C, H, W]."""
        flat = self.backbone(ws, noise, rng)
        return Planes((flat.unflatten(1, (3, self.cfg.plane_channels)),), self.conventions)
