"""What the generators of EG3D and Mimic3D share, and both families as the session sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from core_model.families.base import FAMILIES, FamilySpec, FinalPicture, NativePicture, Painter
from core_model.families.configs import read_config
from core_model.families.description import Description, Sizes
from core_model.families.latents import class_centre, styles_of
from core_model.families.osg.settings import CAMERA_LABEL, GeneratorConfig, SuperResConfig, VolumetricConfig
from core_model.fields.osg import OsgField
from core_model.fields.triplane import Planes
from core_model.nn.mapping import MappingNetwork
from core_model.nn.osg import OsgDecoder
from core_model.nn.superres import SuperResolution
from core_model.nn.synthesis import SynthesisNetwork
from core_model.schema.camera import label25
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.conventions import Conventions
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec


class VolumetricGenerator(nn.Module):
    """Mapping, StyleGAN2 backbone, OSG decoder and super-resolution; `synthesize` turns ws into Planes."""

    def __init__(self, cfg: GeneratorConfig, conventions: Conventions) -> None:
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
            cfg.backbone_size,
            3 * cfg.plane_channels,
            channels=cfg.channels,
            use_noise=cfg.noise,
            clamp=cfg.clamp,
        )
        self.decoder = OsgDecoder(
            cfg.plane_channels, cfg.decoder_hidden, cfg.decoder_colours, cfg.decoder_lr_mul
        )
        self.superres: SuperResolution | None = None
        if cfg.superres is not None:
            up = cfg.superres
            self.superres = SuperResolution(
                up.variant,
                cfg.decoder_colours,
                up.w_dim,
                clamp=up.clamp,
                antialias=up.antialias,
                use_noise=up.use_noise,
            )

    def synthesize(
        self, ws: Tensor, noise: str = "const", rng: torch.Generator | None = None, levels: int | None = None
    ) -> Planes:
        """ws [B, L, D] → levels of [B, 3, C, H, W], the first `levels` of them or all."""
        raise AssertionError("each family has its own backbone")


class VolumetricModel:
    """A generator as a `Model`; its module starts on the meta device.

    depth_guide: half range about the depth of the first plane level, within which all levels are rendered; 0
    = off.
    """

    def __init__(
        self,
        header: CheckpointHeader,
        sizes: Sizes,
        volumetric: VolumetricConfig,
        superres: SuperResConfig | None,
        build: Callable[[], VolumetricGenerator],
        depth_guide: float = 0.0,
    ) -> None:
        self.conventions, self.prior, self.sizes = header.conventions, header.camera, sizes
        self.volumetric, self.superres, self.depth_guide = volumetric, superres, depth_guide
        with torch.device("meta"):
            self.module = build()

    @property
    def device(self) -> torch.device:
        return self.module.mapping.w_avg.device

    def label(self, latent: LatentSpec) -> Tensor | None:
        """Conditioning label [1, C] as the mapping takes it.

        Frontal unless the latent says otherwise; scaled, or zeros. The camera's 25 numbers, then one for each
        class (a label of other widths was trained with more than cameras); narrower labels are classes alone.
        Without a class all of those are zero.
        """
        width = self.module.mapping.c_dim
        if not width:
            return None
        if self.volumetric.zero_condition or self.volumetric.c_scale == 0:
            return torch.zeros(1, width, device=self.device)
        out = torch.zeros(1, width, device=self.device)
        classes = self.sizes.num_classes
        if width >= CAMERA_LABEL:
            camera = latent.cond or self.prior.default.replace(yaw=0.0, pitch=0.0, roll=0.0)
            out[0, :CAMERA_LABEL] = torch.from_numpy(label25(camera)).to(out)
        if latent.class_index is not None and classes:
            if latent.class_index >= classes:
                raise InputError(
                    what="no such class",
                    where="latent",
                    expected=f"0 … {classes - 1}",
                    got=str(latent.class_index),
                )
            out[0, width - classes + latent.class_index] = 1.0
        return out * self.volumetric.c_scale

    def map(self, latent: LatentSpec) -> Tensor:
        label, mapping = self.label(latent), self.module.mapping
        centre = class_centre(self, latent, self.sizes.z_dim, mapping.w_avg)
        return styles_of(
            latent, lambda z: mapping(z, label), centre, z_dim=self.sizes.z_dim, num_ws=self.module.num_ws
        )

    def planes(self, ws: Tensor | None, noise: str) -> Planes:
        assert ws is not None
        return self.module.synthesize(ws, noise)

    def field(self, planes: Planes | None, precision: torch.dtype) -> OsgField:
        assert planes is not None
        return OsgField(planes, self.module.decoder, dtype=precision)

    def propose(self, weights: Tensor, image: Tensor, dirs: Tensor) -> Tensor:
        raise InputError(what="no proposal network", where=self.sizes.title)


def register_volumetric(
    description: Description,
    config: type[GeneratorConfig],
    generator: Callable[[Any, Conventions], VolumetricGenerator],
    native: NativePicture,
    final: FinalPicture,
    painter: Callable[[Any], Painter],
    depth_guide: Callable[[Any], float] = lambda cfg: 0.0,
) -> None:
    """Add a family whose checkpoints hold such a generator; depth_guide: read from its configuration."""

    def build(header: CheckpointHeader, where: str) -> VolumetricModel:
        cfg = read_config(config, header, where)
        sizes = description.describe(header, where)
        return VolumetricModel(
            header,
            sizes,
            cfg.volumetric,
            cfg.superres,
            lambda: generator(cfg, header.conventions),
            depth_guide(cfg),
        )

    FAMILIES.add(description.name, FamilySpec(description, build, native, final, painter))
