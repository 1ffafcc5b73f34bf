"""Generator and discriminator of the WYSIWYG recipe, built from a `TrainConfig`."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from pydantic import ValidationError
from torch import Tensor

from core_model.discriminators.network import Discriminator
from core_model.families.wysiwyg.config import WysiwygConfig
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.schema.complaint import first_complaint
from core_model.schema.conventions import Conventions
from core_model.schema.errors import InputError
from core_model.schema.train import TrainConfig
from core_model.training.gan.recipes.interface import Networks

START = 4  # edge of StyleGAN2's learned constant
JUDGE = "discriminator"


def network_config(cfg: TrainConfig) -> WysiwygConfig:
    """The family's config of the tree's network group; raises InputError naming what cannot be built."""
    try:
        return WysiwygConfig.model_validate(cfg.network.model_dump())
    except ValidationError as error:
        first = first_complaint(error)
        raise InputError(
            what=f"bad value of network.{first.place}".rstrip("."), expected=first.says
        ) from None


def conventions_of(cfg: TrainConfig) -> Conventions:
    """Box, ray span and background of the renders."""
    r = cfg.render
    return Conventions(box=r.box, scene_radius=r.scene_radius, background=r.background)


def build_networks(cfg: TrainConfig, device: torch.device | str) -> Networks[WysiwygGenerator]:
    """Fresh networks; weights depend on cfg.seed alone. device may be `meta` (sizes only)."""
    network = network_config(cfg)
    if network.c_dim not in (0, 25):
        raise InputError(
            what="bad value of network.c_dim",
            expected="25 (EG3D's camera label) or 0",
            got=str(network.c_dim),
        )
    d = cfg.discriminator
    torch.manual_seed(cfg.seed)
    with torch.device("meta" if str(device) == "meta" else "cpu"):
        generator = WysiwygGenerator(network, conventions_of(cfg), seed=cfg.seed)
        judge = Discriminator(
            cfg.data.resolution,
            image_channels=6 if d.dual else 3,
            label_dim=25 if d.pose and cfg.data.labels else 0,
            channel_base=max(d.channel_base, cfg.data.resolution),
            channel_max=d.channel_max,
            label_layers=d.label_layers,
            std_group=d.std_group,
            std_channels=d.std_channels,
        )
    if str(device) != "meta":
        _smooth_start(generator)
    generator, judge = generator.to(device), judge.to(device)
    average = copy.deepcopy(generator).requires_grad_(False)
    return Networks(generator, average, {JUDGE: judge})


@torch.no_grad()
def _smooth_start(generator: WysiwygGenerator) -> None:
    """Make a learned constant that is larger than StyleGAN2's 4² as smooth as a 4² one.

    Noise at the constant's own resolution gives a first surface full of spikes, which takes thousands of
    images to unlearn.
    """
    const = generator.backbone.blocks[0].const
    assert isinstance(const, Tensor)
    if const.shape[-1] > START:
        smooth = F.interpolate(
            F.adaptive_avg_pool2d(const[None], START),
            size=const.shape[-1],
            mode="bicubic",
            align_corners=False,
        )[0]
        const.copy_(smooth / smooth.square().mean().sqrt())
