"""The controller of adaptive discriminator augmentation: how strong the augmentation has to be now.

StyleGAN2-ADA (arXiv 2006.06676), section 3.1: the mean sign r of D's outputs for real images tells how far D
has overfitted; p rises while r is above its target and falls while it is below, at a speed that takes p from
0 to 1 in `kimg` thousand images.
"""

from __future__ import annotations

import math

from pydantic import Field

from core_model.schema.frozen import Frozen

HIGHEST_P = 1.0
"""Above it nothing changes more often. The programs of EG3D, EpiGRAF and Mimic3D let p run on (`highest` infinite)."""


class AdaState(Frozen):
    """Everything that resuming needs: p, and what was seen since it was last moved."""

    p: float = Field(default=0.0, ge=0.0, description="probability of each change")
    sign_sum: float = Field(
        default=0.0, description="sum of the signs of D's outputs for real images since then"
    )
    images: int = Field(default=0, ge=0, description="real images since then")
    extra: int = Field(
        default=0, ge=0, description="further outputs for real images since then (of passes for R1)"
    )
    batches: int = Field(default=0, ge=0, description="batches since then")
    last_r: float | None = Field(default=None, description="mean sign at the last move")


class AdaController:
    """Moves p every `interval` batches.

    Distributed: give each rank the mean over all ranks and the images of all ranks, so that every rank keeps
    the same p.
    """

    def __init__(
        self,
        target: float = 0.6,
        interval: int = 4,
        kimg: float = 500.0,
        state: AdaState | None = None,
        *,
        highest: float = HIGHEST_P,
    ) -> None:
        if not -1.0 < target < 1.0 or interval < 1 or not kimg > 0.0:
            raise ValueError(
                f"target {target} in (-1, 1), interval {interval} of 1 or more, kimg {kimg} above 0"
            )
        self.target, self.interval, self.kimg, self.highest = target, interval, kimg, highest
        self.state = state or AdaState()
        if self.state.p > highest:
            raise ValueError(f"p at most {highest} expected, got {self.state.p}")

    @property
    def p(self) -> float:
        return self.state.p

    def update(self, mean_sign: float, images: int, extra: int = 0) -> float:
        """Takes in one batch and returns p from now on.

        mean_sign: of D's outputs for the batch's `images` real images, in [-1, 1]. extra: outputs that it is
            the mean of beyond one per image (the programs count R1's passes too); the size of a step of p
            goes by the images alone.

        Raises ValueError for a mean that is not finite or out of range, and leaves the state as it was.
        """
        if not (math.isfinite(mean_sign) and -1.0 <= mean_sign <= 1.0) or images < 1:
            raise ValueError(
                f"mean sign of D's outputs in [-1, 1] expected, got {mean_sign} of {images} images"
            )
        s = self.state
        seen = s.replace(
            sign_sum=s.sign_sum + mean_sign * (images + extra),
            images=s.images + images,
            extra=s.extra + extra,
            batches=s.batches + 1,
        )
        if seen.batches < self.interval:
            self.state = seen
            return seen.p
        r = seen.sign_sum / (seen.images + seen.extra)
        step = seen.images / (self.kimg * 1000.0)
        direction = (r > self.target) - (r < self.target)
        self.state = AdaState(p=min(self.highest, max(0.0, s.p + direction * step)), last_r=r)
        return self.state.p
