"""The discriminator of the WYSIWYG recipe: whatever is rendered, stretched to the size of the data."""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.discriminators.augment import AdaAugment, AugmentSpec
from core_model.discriminators.dual import gaussian_blur2d
from core_model.discriminators.network import Discriminator
from core_model.schema.train import TrainConfig
from core_model.training.gan.draws import AUGMENT, POSE_NOISE, generator
from core_model.training.gan.recipes.interface import Judge, Key, Moment, Sight, autocast


class WysiwygJudge(Judge):
    """Sees one picture (six channels in dual discrimination) and its camera; R1 by what was not blurred yet."""

    def __init__(
        self, module: Discriminator, cfg: TrainConfig, device: torch.device, spread: Tensor | None, rank: int
    ) -> None:
        super().__init__(module)
        self.network, self.cfg, self.device, self.rank = module, cfg, device, rank
        self.interval = cfg.loss.r1_interval
        self.spread = None if spread is None else spread.to(device)
        self.augment = (
            AdaAugment(AugmentSpec.of(cfg.augment.pipe)).to(device) if cfg.augment.mode != "none" else None
        )

    def gamma(self, at: Moment) -> float:
        return at.values.r1_gamma

    def prepare(self, sight: Sight, at: Moment, key: Key) -> Sight:
        x = gaussian_blur2d(sight.pictures[0], at.values.blur)
        if self.augment is not None:
            x = self.augment(x, at.p, generator(self.device, self.cfg.seed, *key, AUGMENT, self.rank))
        return sight.with_pictures((x,))

    def logits(self, sight: Sight, at: Moment, key: Key) -> Tensor:
        labels, noise = sight.labels, self.cfg.discriminator.pose_noise
        if self.network.label is None:
            seen = None
        elif noise:
            assert self.spread is not None
            rng = generator(self.device, self.cfg.seed, *key, POSE_NOISE, self.rank)
            drawn = torch.randn(labels.shape, generator=rng, device=self.device)
            seen = labels + drawn * self.spread * noise
        else:
            seen = labels
        with autocast(self.cfg, self.device):
            return self.network(sight.pictures[0], seen)
