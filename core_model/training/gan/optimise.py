"""Adam for every network, learning rates by part, and the check that gradients are finite, which reports and
never repairs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from core_model.losses.terms import lazy_rate
from core_model.training.gan.recipes.interface import Recipe


@dataclass(frozen=True)
class GradientReport:
    """norm: length of all gradients together. bad: names of parameters with NaN or infinite gradients, and
    how many values.
    """

    norm: float
    bad: tuple[tuple[str, int], ...] = ()

    @property
    def finite(self) -> bool:
        return not self.bad and math.isfinite(self.norm)

    def text(self) -> str:
        first = ", ".join(f"{name} ({count} values)" for name, count in self.bad[:3])
        more = f" and {len(self.bad) - 3} more" if len(self.bad) > 3 else ""
        return f"{first}{more}" if self.bad else f"gradient norm {self.norm}"


class Optimisers:
    """One Adam per network, corrected for its lazy phases (StyleGAN2, appendix B): R1 of a judge, regularisers of the
    generator.
    """

    def __init__(self, recipe: Recipe) -> None:
        o = recipe.cfg.optim
        lazy = lazy_rate(min((r.interval for r in recipe.regularisers), default=0))
        self._lr, self._warmup = o.generator_lr * lazy, o.warmup_images
        groups = [{"params": params, "name": name} for name, params in recipe.groups().items() if params]
        betas = (o.beta1**lazy, o.beta2**lazy)
        self.generator = torch.optim.Adam(groups, lr=self._lr, betas=betas, eps=1e-8)
        self.judges: dict[str, torch.optim.Adam] = {}
        for judge in recipe.judges:
            lazy = lazy_rate(judge.interval)
            self.judges[judge.name] = torch.optim.Adam(
                judge.module.parameters(),
                lr=o.discriminator_lr * lazy,
                betas=(o.beta1**lazy, o.beta2**lazy),
                eps=1e-8,
            )
        self.set_rates({}, 0.0)

    def set_rates(self, multipliers: Mapping[str, float], images: float) -> None:
        """Learning rates of the generator's groups for a step after `images` images.

        warm-up: Adam without momentum moves every weight by its full rate from the first step on, which can
        make a small first surface vanish before the discriminator has an opinion.
        """
        warm = min(1.0, (images + 1.0) / self._warmup) if self._warmup else 1.0
        for group in self.generator.param_groups:
            group["lr"] = self._lr * multipliers.get(group["name"], 1.0) * warm

    def all(self) -> dict[str, torch.optim.Adam]:
        """By network."""
        return {"generator": self.generator, **self.judges}

    def missing_bytes(self) -> int:
        """What gradients (of one network at a time) and moments will take that are not there yet."""
        parameters = [
            [(p, optimiser) for group in optimiser.param_groups for p in group["params"]]
            for optimiser in self.all().values()
        ]
        moments = sum(2 * p.nbytes for one in parameters for p, optimiser in one if p not in optimiser.state)
        return moments + max(sum(p.nbytes for p, _ in one if p.grad is None) for one in parameters)


@torch.no_grad()
def gradient_report(module: nn.Module) -> GradientReport:
    """Norm of a module's gradients, and where they are not finite (looked for only when the norm is not)."""
    named = [(name, p.grad) for name, p in module.named_parameters() if p.grad is not None]
    if not named:
        return GradientReport(0.0)
    norms = [torch.linalg.vector_norm(g) for _, g in named]
    total = float(torch.linalg.vector_norm(torch.stack([n.float() for n in norms])))
    if math.isfinite(total):
        return GradientReport(total)
    bad = tuple((name, count) for name, g in named if (count := int((~torch.isfinite(g)).sum())))
    return GradientReport(total, bad)
