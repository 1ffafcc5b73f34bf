"""What an image of EpiGRAF's recipe costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core_model.families.epigraf.config import octaves_of
from core_model.families.epigraf.generator import EpigrafGenerator
from core_model.nn.layers import EqualLinear
from core_model.training.gan.recipes.counting import BACKWARD, counted, judged
from core_model.training.gan.recipes.interface import Cost


@dataclass(frozen=True)
class EpigrafSizes:
    """(FLOP, numbers kept) of one image through backbone and discriminator; of one sample, and of one ray's
    background.
    """

    synthesis: tuple[float, float]
    judge: tuple[float, float]
    sample: tuple[float, float]
    behind: tuple[float, float]

    @classmethod
    def of(cls, g: EpigrafGenerator, judge: nn.Module, verdict: Callable[[], Tensor]) -> "EpigrafSizes":
        """verdict: one patch through the judge, on the meta device."""
        cfg = g.cfg
        ws = torch.empty(1, g.num_ws, cfg.w_dim, device="meta")
        synthesis = counted(lambda: g.synthesize(ws, "none").levels[0], g)
        layers = [m.weight.shape for m in g.decoder.modules() if isinstance(m, EqualLinear)]
        flop = 2.0 * sum(o * i for o, i in layers) + 3 * 8 * cfg.plane_channels
        kept = sum(i + 2 * o for o, i in layers) + 4 * cfg.plane_channels + 24
        behind = (0.0, 0.0)
        if cfg.background == "sphere":
            widths, first = cfg.sphere.widths, 8 * octaves_of(cfg.sphere.period)
            inside = 2.0 * (
                first * widths[0] + sum(a * b + b * b for a, b in zip(widths[:-1], widths[1:], strict=True))
            )
            steps = cfg.sphere.steps
            behind = (steps * inside, steps * (2.0 * first + 4.0 * sum(widths)))
        return cls(synthesis, counted(verdict, judge), (flop, float(kept)), behind)

    def cost(self, rays: float, samples: int, interval: int) -> Cost:
        """Of patches with so many rays, `samples` on each; R1 every `interval` steps, 0 = never."""
        part = lambda k: self.synthesis[k] + rays * (samples * self.sample[k] + self.behind[k])
        # the generator's step, fakes without gradients, and the judge's own phases
        flop = BACKWARD * (part(0) + self.judge[0]) + part(0) + judged(self.judge[0], interval)
        return Cost(flop, max(part(1) + self.judge[1], 4.0 * self.judge[1]))
