"""Which windows EpiGRAF trains on (Skorokhodov et al. 2022, Eq. 3 to 5), and from which cameras."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from core_model.geometry.patches import Windows
from core_model.ops.draw_source import DrawSource
from core_model.schema.errors import InputError
from core_model.training.gan.phases.schedules import linear

Distribution = Literal["beta", "uniform", "discrete_uniform"]


@dataclass(frozen=True)
class PatchLaw:
    """Scales between min_scale and max_scale, annealed over `kimg` thousand images.

    beta: s_min + (s_max - s_min)·Beta(alpha, β), β from beta_start to beta_end. uniform: between a and s_max,
    a falling from s_max to s_min. discrete_uniform: among `scales` even steps of [s_min, s_max] that are at
    least a. group: so many neighbours in the batch share a window.
    """

    distribution: Distribution = "beta"
    min_scale: float = 0.25
    max_scale: float = 1.0
    kimg: float = 10000.0
    alpha: float = 1.0
    beta_start: float = 0.001
    beta_end: float = 0.8
    scales: int = 2
    group: int = 4

    def smallest(self, images: float) -> float:
        """The smallest scale now."""
        if self.distribution == "beta":
            return self.min_scale
        return linear(self.max_scale, self.min_scale, images, self.kimg)

    def beta(self, images: float) -> float:
        return linear(self.beta_start, self.beta_end, images, self.kimg)

    def support(self, images: float) -> Tensor:
        """Scales of discrete_uniform now; a little slack, for the ends are computed."""
        even = torch.linspace(self.min_scale, self.max_scale, self.scales, dtype=torch.float64)
        return even[even >= self.smallest(images) - 1e-9]

    def draw(self, draws: DrawSource, batch: int, images: float) -> Windows:
        """Windows of a batch: scales, then offsets, one for each group."""
        if batch % self.group:
            raise InputError(
                what="micro-batch that groups of patches do not divide",
                where="discriminator.std_group",
                expected=f"a multiple of {self.group}",
                got=str(batch),
            )
        count, low, span = batch // self.group, self.smallest(images), self.max_scale
        if self.distribution == "beta":
            s = low + (span - low) * draws.beta(self.alpha, self.beta(images), count).double()
        elif self.distribution == "uniform":
            s = low + (span - low) * draws.uniform(count).double()
        else:
            support = self.support(images)
            s = support[draws.choice(len(support), count).cpu()]
        s = s.float()[:, None].expand(-1, 2)
        u = draws.uniform(count, 2)
        s = s.to(u.device)
        repeat = lambda x: x.repeat_interleave(self.group, dim=0)
        return Windows(repeat(s), repeat(u * (1.0 - s)))


CameraDistribution = Literal["uniform", "normal", "spherical_uniform"]


@dataclass(frozen=True)
class CameraLaw:
    """Cameras where the data set has none: yaw and pitch about their means [radians]. spherical_uniform is
    even on the sphere: mean and spread of the pitch then count along the axis.
    """

    distribution: CameraDistribution = "spherical_uniform"
    yaw: float = 0.0
    yaw_spread: float = math.pi
    pitch: float = math.pi / 2
    pitch_spread: float = math.pi / 2

    def draw(self, draws: DrawSource, batch: int) -> Tensor:
        """(yaw, pitch, roll 0) [B, 3]."""
        if self.distribution == "normal":
            yaw = self.yaw + draws.normal(batch, 1) * self.yaw_spread
            pitch = self.pitch + draws.normal(batch, 1) * self.pitch_spread
        else:
            yaw = self.yaw + (draws.uniform(batch, 1) * 2 - 1) * self.yaw_spread
            u = draws.uniform(batch, 1) * 2 - 1
            if self.distribution == "uniform":
                pitch = self.pitch + u * self.pitch_spread
            else:
                v = self.pitch / math.pi + u * self.pitch_spread / math.pi
                pitch = torch.arccos(1.0 - 2.0 * v.clamp(1e-5, 1.0 - 1e-5))
        pitch = pitch.clamp(1e-5, math.pi - 1e-5)
        return torch.cat([yaw, pitch, torch.zeros_like(yaw)], dim=1)


def spoofed(angles: Tensor, probability: float, u: Tensor) -> Tensor:
    """Cameras that the generator is told: those of a random subset (u < probability) rolled by one within it.

    angles [N, 3] of all phases of an iteration, u [N].
    """
    chosen = torch.nonzero(u < probability).flatten()
    out = angles.clone()
    out[chosen] = angles[chosen].roll(1, 0)
    return out
