"""EG3D's discriminator: the picture and the raw render of the same scene together, with their camera."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core_model.discriminators.ada_pipe import AdaPipe
from core_model.discriminators.augment import AugmentSpec
from core_model.discriminators.fade_blur import fade_blur
from core_model.discriminators.stylegan2 import DualDiscriminator, noisy_label
from core_model.families.osg.learning import Picture
from core_model.ops.draw_source import TorchDraws
from core_model.schema.train import TrainConfig
from core_model.training.gan.draws import AUGMENT, POSE_NOISE, generator
from core_model.training.gan.phases.eg3d import View, augmented
from core_model.training.gan.recipes.interface import Judge, Key, Moment, Sight, autocast


class DualJudge(Judge):
    """Sights hold the picture and the raw render. R1 differentiates by both as they are judged, blurred and augmented.

    Fakes: the picture blurred, the raw render not. Reals come with both blurred (`Eg3dRecipe.reals`).
    """

    prepared_leaf = True
    steers_by_penalty = True

    def __init__(
        self, module: DualDiscriminator, cfg: TrainConfig, device: torch.device, rank: int, label_noise: float
    ) -> None:
        super().__init__(module)
        self.network, self.cfg, self.device, self.rank = module, cfg, device, rank
        self.interval, self.label_noise = cfg.loss.r1_interval, label_noise
        self.augment = AdaPipe(AugmentSpec.of(cfg.augment.pipe)) if cfg.augment.mode != "none" else None

    def gamma(self, at: Moment) -> float:
        return at.values.r1_gamma

    def prepare(self, sight: Sight, at: Moment, key: Key) -> Sight:
        if self.augment is None:
            return sight
        draws = TorchDraws(generator(self.device, self.cfg.seed, *key, AUGMENT, self.rank))
        view = View(size=0, sigma=0.0, draws=draws, augment=self.augment, p=at.p)
        image, raw = sight.pictures
        both = augmented(Picture(image, raw), view)
        return sight.with_pictures((both.image, both.raw))

    def logits(self, sight: Sight, at: Moment, key: Key) -> Tensor:
        label: Tensor | None = sight.labels if self.network.label_dim else None
        if label is not None and self.label_noise and len(label) > 1:
            rng = generator(self.device, self.cfg.seed, *key, POSE_NOISE, self.rank)
            label = noisy_label(label, self.label_noise, TorchDraws(rng).normal(*label.shape))
        with autocast(self.cfg, self.device):
            return self.network.judge(sight.pictures[0], sight.pictures[1], label)[:, 0]


def blurred_fake(picture: Picture, at: Moment, label: Tensor) -> Sight:
    """A fake as the judge is shown it."""
    return Sight((fade_blur(picture.image, at.values.blur), picture.raw), label)


HIGHEST_P = math.inf
"""Above p = 1 nothing changes more often, but it takes p longer to come down again."""
