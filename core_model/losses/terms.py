"""The losses of training, and the record that carries one with its name and weight.

Adversarial: the non-saturating GAN loss (Goodfellow et al. 2014) with the R1 penalty (Mescheder et al. 2018);
logits [B] are positive where the discriminator takes an image for real.
Surface and sampler: What You See is What You GAN, sections 4.3 and 5. The width of a surface follows a
target, space is clearly inside or outside, and (not in the paper) signed distances bend no more than few
samples per ray can follow.

The weights are not published; `LossConfig` states triscope's. All losses are means over points or pixels but for the
surface loss, which is the paper's sum over the pixels of an image unless the settings say mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class LossTerm:
    """A loss of one step. value: scalar with gradients, before the weight, as the run log shows it."""

    name: str
    value: Tensor
    weight: float

    @property
    def weighted(self) -> Tensor:
        """What is added to the step's loss."""
        return self.weight * self.value


def generator_loss(fake_logits: Tensor) -> Tensor:
    """mean softplus(-D(fake)): minus the log-likelihood that fakes pass as real."""
    return F.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """mean softplus(-D(real)) + mean softplus(D(fake))."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def r1_penalty(images: Sequence[Tensor], logits: Tensor) -> Tensor:
    """Squared gradient norm of each image's logit [B]; differentiable.

    images, each [B, C, H, W], require gradients and together made the logits [B]. Applied lazily (StyleGAN2):
    every k-th step, k times as strong.
    """
    gradients = torch.autograd.grad(logits.sum(), list(images), create_graph=True)
    parts = [gradient.float().square().sum(dim=(1, 2, 3)) for gradient in gradients]
    return parts[0] if len(parts) == 1 else torch.stack(parts).sum(dim=0)


def lazy_rate(interval: int) -> float:
    """k / (k + 1): by which a network's learning rate and the logarithms of its betas shrink when every k-th
    step counts twice. interval 0: there is no such step.
    """
    return interval / (interval + 1.0) if interval else 1.0


def surface_loss(
    width: Tensor, target: float, reduction: Literal["sum", "mean"] = "mean", opacity: Tensor | float = 1.0
) -> Tensor:
    """(B - O B_target)² over the pixels of an image, mean over images; width B = Σ w beta [B, R], world units.

    sum: the paper's; a pixel weighs the same at every resolution. mean: the whole picture does.
    opacity: O = Σ w [B, R], so that the loss asks for the width of what a ray meets and not for meeting something; 1, the
    paper's, also presses rays that meet nothing to B_target, which they reach by haze of the background's colour.
    """
    off = (width - target * opacity).square()
    return off.mean() if reduction == "mean" else off.flatten(1).sum(dim=1).mean()


def decision_loss(sdf: Tensor, sharpness: float = 2.0) -> Tensor:
    """Mean of exp(-sharpness |sdf|): space should be clearly inside or outside.

    sdf any shape, world units.
    """
    return torch.exp(-sharpness * sdf.abs()).mean()


def bend_loss(before: Tensor, here: Tensor, behind: Tensor, step: float) -> Tensor:
    """Mean of ((s₋ - 2 s + s₊) / step)², without unit.

    s: signed distances at three points `step` apart on a line, any shape, world units.

    A distance to a smooth surface of radius r gives (step / r)² at most; a thin layer that lies between
    two samples gives far more.
    """
    return ((before - 2.0 * here + behind) / step).square().mean()


def sampler_loss(log_p: Tensor, target: Tensor) -> Tensor:
    """Mean over pixels of -Σ_j target_j log p̂_j; log_p, target [B, K, H, W].

    target sums to 1 over K, or to 0 where a ray met nothing: such pixels teach nothing and do not count. 0
    when all are such.
    """
    mass = target.sum(dim=1)
    seen = mass > 0
    cross = -(target * log_p).sum(dim=1)
    return torch.where(seen, cross, torch.zeros_like(cross)).sum() / seen.sum().clamp_min(1)
