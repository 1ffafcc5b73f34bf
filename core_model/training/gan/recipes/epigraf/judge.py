"""EpiGRAF's discriminator as a judge: patches, with their windows, classes and cameras."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core_model.discriminators.ada_pipe import AdaPipe
from core_model.discriminators.augment import AugmentSpec
from core_model.discriminators.fade_blur import fade_blur
from core_model.discriminators.patch_aware import BandedDiscriminator, PatchDiscriminator
from core_model.geometry.patches import Windows, clamped_angles
from core_model.ops.draw_source import TorchDraws
from core_model.schema.train import TrainConfig
from core_model.training.gan.draws import AUGMENT, POSE_NOISE, generator
from core_model.training.gan.recipes.interface import Judge, Key, Moment, Sight, autocast

HIGHEST_P = math.inf
"""Above p = 1 nothing changes more often, but it takes p longer to come down again."""
ANGLES = 3


class PatchJudge(Judge):
    """Sights hold one patch; their labels are angles [B, 3], then classes [B, C]; extra: scales, offsets [B, 2].

    R1 differentiates by the patch before blur and augmentation. What the camera's code drops is drawn by process.
    """

    steers_by_penalty = True

    def __init__(
        self,
        module: PatchDiscriminator | BandedDiscriminator,
        cfg: TrainConfig,
        device: torch.device,
        rank: int,
    ) -> None:
        super().__init__(module)
        self.network, self.cfg, self.device, self.rank = module, cfg, device, rank
        # without R1 the program has no lazy phase, and Adam is not corrected for one
        self.interval = cfg.loss.r1_interval if cfg.schedule.r1_gamma.top else 0
        # not flipped: the camera would have to be flipped too, which `data.mirror` does (appendix B.1)
        self.augment = (
            AdaPipe(AugmentSpec.of(cfg.augment.pipe, xflip=0.0)) if cfg.augment.mode != "none" else None
        )

    def gamma(self, at: Moment) -> float:
        return at.values.r1_gamma

    def prepare(self, sight: Sight, at: Moment, key: Key) -> Sight:
        patch = fade_blur(sight.pictures[0], at.values.blur)
        if self.augment is not None:
            rng = generator(self.device, self.cfg.seed, *key, AUGMENT, self.rank)
            patch = self.augment(patch, at.p, TorchDraws(rng))
        return sight.with_pictures((patch,))

    def logits(self, sight: Sight, at: Moment, key: Key) -> Tensor:
        windows = Windows(sight.extra["scales"], sight.extra["offsets"])
        draws = TorchDraws(generator(self.device, self.cfg.seed, *key, POSE_NOISE, self.rank))
        angles, classes = sight.labels[:, :ANGLES], sight.labels[:, ANGLES:]
        with autocast(self.cfg, self.device):
            return self.network(
                sight.pictures[0], windows, classes=classes, angles=clamped_angles(angles), draws=draws
            )


def seen(patch: Tensor, windows: Windows, labels: Tensor) -> Sight:
    """A patch as the judge is shown it."""
    return Sight((patch,), labels, {"scales": windows.scales, "offsets": windows.offsets})
