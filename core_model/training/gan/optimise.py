"""Adam for both networks, learning rates by part, and the check that gradients are finite, which reports and
never repairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from core_model.losses.terms import lazy_rate
from core_model.schema.train import TrainConfig
from core_model.training.gan.networks import Networks


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
    """One Adam per network; the discriminator's is corrected for lazy R1 (StyleGAN2, appendix B)."""

    def __init__(self, networks: Networks, cfg: TrainConfig) -> None:
        o, g = cfg.optim, networks.generator
        heads = {"sdf": list(g.sdf_mlp.parameters()), "colour": list(g.rgb_mlp.parameters())}
        heads["proposal"] = list(g.proposal.parameters()) if g.proposal is not None else []
        known = {id(p) for part in heads.values() for p in part}
        heads["body"] = [p for p in g.parameters() if id(p) not in known]
        self._scales = {"body": 1.0, "sdf": o.decoder_lr, "colour": o.decoder_lr, "proposal": o.proposal_lr}
        self._lr = o.generator_lr
        groups = [{"params": params, "name": name} for name, params in heads.items() if params]
        self.generator = torch.optim.Adam(groups, lr=o.generator_lr, betas=(o.beta1, o.beta2), eps=1e-8)
        lazy = lazy_rate(cfg.loss.r1_interval)
        self.discriminator = torch.optim.Adam(
            networks.discriminator.parameters(),
            lr=o.discriminator_lr * lazy,
            betas=(o.beta1**lazy, o.beta2**lazy),
            eps=1e-8,
        )
        self._warmup = o.warmup_images
        self.set_rates(1.0, 0.0)

    def set_rates(self, colour_multiplier: float, images: float) -> None:
        """Learning rates of the generator's parts for a step after `images` images; the colour head's follows
        the schedule.

        warm-up: Adam without momentum moves every weight by its full rate from the first step on, which can
        make a small first surface vanish before the discriminator has an opinion.
        """
        warm = min(1.0, (images + 1.0) / self._warmup) if self._warmup else 1.0
        for group in self.generator.param_groups:
            extra = colour_multiplier if group["name"] == "colour" else 1.0
            group["lr"] = self._lr * self._scales[group["name"]] * extra * warm

    def both(self) -> dict[str, torch.optim.Adam]:
        return {"generator": self.generator, "discriminator": self.discriminator}


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
