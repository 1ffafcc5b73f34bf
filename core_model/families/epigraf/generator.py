"""EpiGRAF's generator: mapping, StyleGAN2 backbone, planes, MLP, background."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core_model.families.epigraf.background import SphereBackground
from core_model.families.epigraf.config import EpigrafConfig
from core_model.families.epigraf.decoder import EpigrafMlp
from core_model.fields.triplane import Planes
from core_model.nn.mapping import MappingNetwork
from core_model.nn.synthesis import SynthesisNetwork
from core_model.schema.conventions import Conventions


class EpigrafGenerator(nn.Module):
    """Planes are the first 3·C channels of the backbone's picture; a plane background is its last three."""

    mean_camera_pose: Tensor

    def __init__(self, cfg: EpigrafConfig, conventions: Conventions) -> None:
        super().__init__()
        self.cfg, self.conventions, self.num_ws = cfg, conventions, cfg.num_ws
        self.mapping = MappingNetwork(
            cfg.z_dim,
            cfg.label_dim,
            cfg.w_dim,
            lr_mul=cfg.mapping_lr_mul,
            hidden=cfg.mapping_hidden,
            embed_dim=cfg.embed_dim,
        )
        self.register_buffer("mean_camera_pose", torch.zeros(3))
        self.backbone = SynthesisNetwork(
            cfg.w_dim,
            cfg.plane_size,
            3 * cfg.plane_channels + (3 if cfg.background == "plane" else 0),
            channels=cfg.channels,
            use_noise=cfg.noise,
            clamp=cfg.clamp,
        )
        self.decoder = EpigrafMlp(cfg)
        self.background = SphereBackground(cfg.sphere, cfg.w_dim) if cfg.background == "sphere" else None

    def synthesize(self, ws: Tensor, noise: str = "const", rng: torch.Generator | None = None) -> Planes:
        """ws [B, L, D] → levels [B, 3, C, H, W], and what the background needs.

        A plane background adds its picture [B, 1, 3, H, W], a sphere background its styles [B, 2·blocks, D].
        """
        flat = self.backbone(ws[:, : self.cfg.plane_ws], noise, rng)
        c = 3 * self.cfg.plane_channels
        levels = [flat[:, :c].unflatten(1, (3, self.cfg.plane_channels))]
        if self.cfg.background == "plane":
            levels.append(flat[:, None, c:])
        elif self.background is not None:
            levels.append(ws[:, self.cfg.plane_ws :])
        return Planes(tuple(levels), self.conventions)
