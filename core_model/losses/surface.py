"""Losses that shape the surface (What You See is What You GAN, section 5).

Its width follows a target, space is clearly inside or outside, and (not in the paper) the signed distance
bends no more than few samples per ray can follow.

The weights are not published; `LossConfig` states triscope's. All are means where the paper sums, so that a
weight means the same at every resolution.
"""

from __future__ import annotations

import torch
from torch import Tensor


def surface_loss(width: Tensor, target: float) -> Tensor:
    """Mean over pixels of (B - B_target)²; width B = Σ w beta of each pixel, any shape, world units."""
    return (width - target).square().mean()


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
