"""Mimic3D's second discriminator: windows of pictures at full resolution, without their camera and place."""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.discriminators.ada_pipe import AdaPipe
from core_model.discriminators.augment import AugmentSpec
from core_model.discriminators.fade_blur import fade_blur
from core_model.discriminators.stylegan2 import ImageDiscriminator
from core_model.ops.draw_source import TorchDraws
from core_model.schema.train import TrainConfig
from core_model.training.gan.draws import AUGMENT, generator
from core_model.training.gan.recipes.interface import Judge, Key, Moment, Sight, autocast

PATCH = "patch_discriminator"


class PatchJudge(Judge):
    """Sights hold one window. Windows are blurred as the pictures are and augmented on their own; R1 differentiates by
    them as they are judged. The controller of the augmentation listens to the other judge.
    """

    name = PATCH
    suffix = "_patch"
    steers = False
    prepared_leaf = True

    def __init__(self, module: ImageDiscriminator, cfg: TrainConfig, device: torch.device, rank: int) -> None:
        super().__init__(module)
        self.network, self.cfg, self.device, self.rank = module, cfg, device, rank
        self.interval, self.weight = cfg.loss.r1_interval, cfg.mimic3d.patch.weight
        self.augment = AdaPipe(AugmentSpec.of(cfg.augment.pipe)) if cfg.augment.mode != "none" else None

    def awake(self, at: Moment) -> bool:
        return self.cfg.mimic3d.imitates(at.images)

    def gamma(self, at: Moment) -> float:
        return self.cfg.mimic3d.patch.gamma.at(at.images)

    def prepare(self, sight: Sight, at: Moment, key: Key) -> Sight:
        x = fade_blur(sight.pictures[0], at.values.blur)
        if self.augment is not None:
            x = self.augment(
                x, at.p, TorchDraws(generator(self.device, self.cfg.seed, *key, AUGMENT, self.rank))
            )
        return sight.with_pictures((x,))

    def logits(self, sight: Sight, at: Moment, key: Key) -> Tensor:
        with autocast(self.cfg, self.device):
            return self.network(sight.pictures[0])[:, 0]
