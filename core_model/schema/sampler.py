"""Sampler settings: one record for every sampler, so that requests stay comparable and hashable.

Learned sampler: What You See is What You GAN (arXiv 2401.02411), section 4 and supplement A3.4 and A3.5.
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from core_model.schema.frozen import Frozen

Strategy = Literal["robust", "stratified", "unstratified"]
HardRule = Literal["weighted", "leftover"]
AUTO = "auto"
"""Name of the choice that the session makes by the measured emptiness of a scene; families with a
super-resolution have it."""


class SamplerSpec(Frozen):
    """How points are placed on a ray.

    spp is the number of samples per ray in all (importance: half coarse, half fine; learned: the adaptive
    mean, the probe not counted). None takes the checkpoint's default.
    """

    name: str = Field(
        default="learned", description="uniform, stratified, importance, occupancy, surface, learned or auto"
    )
    strategy: Strategy = Field(
        default="robust", description="how the learned sampler draws from the predicted distribution"
    )
    spp: float | None = Field(default=None, gt=1, le=4096, description="samples per ray")
    tau: float = Field(default=0.98, gt=0, le=1, description="mass that the robust set must hold")
    adaptive: bool = Field(default=True, description="give the hardest rays the large budget")
    adaptive_share: float = Field(
        default=0.1, ge=0, le=1, description="share of rays that get the large budget"
    )
    low_budget: int | None = Field(
        default=None, ge=1, le=2048, description="samples of an ordinary ray; overrides spp"
    )
    high_budget: int | None = Field(
        default=None, ge=1, le=4096, description="samples of a hard ray; overrides spp"
    )
    hard_rule: HardRule = Field(
        default="weighted",
        description="what ranks the hard rays: leftover = A3.4's leftover mass; weighted = that times the chance to meet anything",
    )
    leftover_bins: int = Field(
        default=16, ge=1, le=4096, description="largest bins that the leftover mass leaves out (A3.4)"
    )
    jitter: bool = Field(
        default=False, description="random offsets from the request's seed; off = midpoints, repeatable"
    )

    def count(self, default_spp: float) -> int:
        """Samples per ray of samplers with one budget: the setting's, else the checkpoint's; at least two."""
        return max(2, round(self.spp if self.spp is not None else default_spp))

    def budgets(self, default_spp: float) -> tuple[int, int]:
        """(ordinary, hard) samples per ray whose adaptive mean is spp.

        A3.4's 16 and 32 for 17.6, 9 and 19 for 10.
        """
        if self.low_budget is not None and self.high_budget is not None:
            return self.low_budget, max(self.low_budget, self.high_budget)
        spp = self.spp if self.spp is not None else default_spp
        if not self.adaptive or self.adaptive_share <= 0:
            n = max(1, round(spp))
            return n, n
        share = self.adaptive_share
        low = max(1, math.floor(spp / (1.0 + share) + 1e-9))
        if share >= 1:
            return low, max(1, round(spp))
        high = max(low, round((spp - (1.0 - share) * low) / share))
        return low, high


class SamplerInfo(Frozen):
    """What the GUI shows of one sampler of one checkpoint."""

    name: str
    title: str
    description: str
    strategies: tuple[str, ...] = ()
    default_spp: float = 48.0
    available: bool = True
    why_not: str = ""
