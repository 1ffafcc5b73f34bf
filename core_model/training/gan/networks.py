"""Generator, discriminator and the generator's running average, built from a `TrainConfig`."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from pydantic import ValidationError
from torch import Tensor, nn

from core_model.discriminators.network import Discriminator
from core_model.families.wysiwyg.config import WysiwygConfig
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.schema.conventions import Conventions
from core_model.schema.errors import InputError
from core_model.schema.train import TrainConfig

START = 4  # edge of StyleGAN2's learned constant


@dataclass(frozen=True)
class Networks:
    """The three networks of a run; average has the generator's shape and is never trained by gradients."""

    generator: WysiwygGenerator
    discriminator: Discriminator
    average: WysiwygGenerator

    def modules(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, "average": self.average}


def network_config(cfg: TrainConfig) -> WysiwygConfig:
    """The family's config of the tree's network group; raises InputError naming what cannot be built."""
    try:
        return WysiwygConfig.model_validate(cfg.network.model_dump())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(("network", *(str(part) for part in first["loc"])))
        raise InputError(
            what=f"bad value of {field}", expected=first["msg"].removeprefix("Value error, ")
        ) from None


def conventions_of(cfg: TrainConfig) -> Conventions:
    """Box, ray span and background of the renders."""
    r = cfg.render
    return Conventions(box=r.box, scene_radius=r.scene_radius, background=r.background)


def build_networks(cfg: TrainConfig, device: torch.device | str) -> Networks:
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
    return Networks(generator, judge, average)


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


@torch.no_grad()
def update_average(networks: Networks, images_step: int, half_life: float) -> None:
    """average ← generator with the given half-life in images; buffers (w_avg, noise) are copied."""
    keep = 0.5 ** (images_step / max(half_life, 1e-8))
    for target, value in zip(networks.average.parameters(), networks.generator.parameters(), strict=True):
        target.lerp_(value, 1.0 - keep)
    for target, value in zip(networks.average.buffers(), networks.generator.buffers(), strict=True):
        target.copy_(value)


def parameter_counts(module: nn.Module) -> dict[str, int]:
    """Values by child module."""
    counts = {name: sum(p.numel() for p in child.parameters()) for name, child in module.named_children()}
    return {name: n for name, n in counts.items() if n}


def named_tensors(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in module.state_dict().items()}
