"""The wysiwyg family as the session sees it: description, construction, latents, proposals."""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.families.base import FAMILIES, FamilySpec
from core_model.families.configs import read_config
from core_model.families.latents import styles_of
from core_model.families.wysiwyg.config import DESCRIPTION, WysiwygConfig, describe
from core_model.families.wysiwyg.decoder import WysiwygField
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.families.wysiwyg.painting import WysiwygPainter
from core_model.fields.triplane import Planes
from core_model.schema.camera import label25
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.latent import LatentSpec


class WysiwygModel:
    """A generator as a `Model`; its module starts on the meta device."""

    def __init__(self, header: CheckpointHeader, where: str) -> None:
        self.conventions = header.conventions
        self.sizes = describe(header, where)
        self.prior = header.camera
        with torch.device("meta"):
            self.module = WysiwygGenerator(read_config(WysiwygConfig, header, where), header.conventions)

    @property
    def device(self) -> torch.device:
        return self.module.mapping.w_avg.device

    def label(self, latent: LatentSpec) -> Tensor | None:
        """Conditioning label [1, C]: the latent's camera, else the prior's default pose seen frontally."""
        if not self.sizes.c_dim:
            return None
        camera = latent.cond or self.prior.default.replace(yaw=0.0, pitch=0.0, roll=0.0)
        return torch.from_numpy(label25(camera)).to(self.device)[None]

    def map(self, latent: LatentSpec) -> Tensor:
        label, mapping = self.label(latent), self.module.mapping
        return styles_of(
            latent,
            lambda z: mapping(z, label),
            mapping.w_avg,
            z_dim=self.sizes.z_dim,
            num_ws=self.module.num_ws,
        )

    def planes(self, ws: Tensor | None, noise: str) -> Planes:
        assert ws is not None
        return self.module.synthesize(ws, noise)

    def field(self, planes: Planes | None, precision: torch.dtype) -> WysiwygField:
        assert planes is not None
        return self.module.field(planes, fast=True, dtype=precision)

    def propose(self, weights: Tensor, image: Tensor, dirs: Tensor) -> Tensor:
        assert self.module.proposal is not None
        # channels last is the layout that CPU convolutions and tensor cores want
        layout = torch.channels_last
        return self.module.proposal(*(x.contiguous(memory_format=layout) for x in (weights, image, dirs)))


FAMILIES.add(
    "wysiwyg",
    FamilySpec(DESCRIPTION, WysiwygModel, painter=lambda model: WysiwygPainter(model.module, model.sizes)),
)
