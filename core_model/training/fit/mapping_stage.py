"""Stage zero of `triscope fit`: the mapping network learns which head a latent is, before any plane is drawn.

The parameters of a head are known functions of its latent, some of them nearly switches (hat, glasses, bun). Regressing them
from w through one linear layer, which is thrown away afterwards, takes a minute and leaves every parameter linearly readable
in w; learned through planes and decoders alone, the rarer ones came last or not at all. They also get lost again, since a step
of the generator sees few heads: after 42,500 steps w was 2.6 % of the parameters' variance off, and setting that right in w alone,
with no other weight touched, took 16 % off the squared error of pictures. So the loss goes on beside the generator's.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core_model.nn.layers import EqualLinear
from core_model.nn.mapping import MappingNetwork
from core_model.schema.fit import FitConfig
from core_model.training.fit.latent import LatentHeads

LR_MUL = 0.01
"""Of StyleGAN2's mapping network."""
STATISTICS = 16384
"""Latents from which mean and spread of the parameters are taken, the readout of w, and at last its scale."""


@dataclass(frozen=True)
class Readout:
    """A fixed linear map from w to the heads' parameters, in units of their spread: weight [P, D], bias [P]."""

    weight: Tensor
    bias: Tensor

    def unexplained(self, w: Tensor, z: Tensor) -> Tensor:
        """Mean squared error of the parameters that w [B, D] tells of latents z [B, Z]; 1 = nothing is known of them."""
        return (
            (torch.nn.functional.linear(w, self.weight, self.bias) - standard_parameters(z)).square().mean()
        )


def fit_mapping(
    mapping: MappingNetwork,
    cfg: FitConfig,
    report: Callable[[str, int, dict[str, float]], None],
    stops: Callable[[], bool] = lambda: False,
) -> bool:
    """Train `mapping` in place for cfg.mapping_steps; w has mean square 1 afterwards. The report tells the unexplained variance.

    stops: asked before each step; True ends the stage early. False is returned then: what was learned is of no use.
    """
    if cfg.mapping_steps == 0:
        return True
    rng = torch.Generator().manual_seed(cfg.seed + 17)
    readout = nn.Linear(mapping.w_dim, len(_statistics(mapping.z_dim)[0]))
    with torch.no_grad():
        readout.weight.copy_(torch.randn(readout.weight.shape, generator=rng) / math.sqrt(mapping.w_dim))
        readout.bias.zero_()
    # equalised weights are of order 1/lr_mul whatever their fan-in, the readout's are of order 1/√fan-in
    optimizer = torch.optim.Adam(
        [
            {"params": list(mapping.parameters()), "scale": cfg.mapping_fit_lr / LR_MUL},
            {"params": list(readout.parameters()), "scale": cfg.mapping_fit_lr / math.sqrt(mapping.w_dim)},
        ],
        betas=(0.9, 0.99),
    )
    for step in range(cfg.mapping_steps):
        if stops():
            return False
        cosine = 0.5 * (1.0 + math.cos(math.pi * step / cfg.mapping_steps))
        for group in optimizer.param_groups:
            group["lr"] = group["scale"] * (0.01 + 0.99 * cosine) * min(1.0, (step + 1) / 100)
        z = torch.randn(cfg.mapping_batch, mapping.z_dim, generator=rng)
        loss = Readout(readout.weight, readout.bias).unexplained(mapping(z), z)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        report("mapping", step, {"unexplained": float(loss.detach())})
    _normalise(mapping, rng)
    return True


@torch.no_grad()
def best_readout(mapping: MappingNetwork, ridge: float = 1e-5) -> Readout:
    """The linear map that explains most of the parameters from the w of STATISTICS latents (least squares)."""
    z = _latents(mapping.z_dim)
    w, known = mapping(z).double(), standard_parameters(z).double()
    mean = w.mean(dim=0)
    covariance = (w - mean).T @ (w - mean) / len(w)
    covariance += ridge * covariance.diagonal().mean() * torch.eye(mapping.w_dim, dtype=torch.float64)
    weight = torch.linalg.solve(covariance, (w - mean).T @ known / len(w)).T
    return Readout(weight.float(), (known.mean(dim=0) - weight @ mean).float())


def standard_parameters(z: Tensor) -> Tensor:
    """`parameters_of(z)` less their mean over all heads, in units of their spread."""
    mean, spread = _statistics(z.shape[1])
    return (parameters_of(z) - mean) / spread


def parameters_of(z: Tensor) -> Tensor:
    """All that describes the heads of latents z [B, Z], as numbers [B, P]."""
    return torch.from_numpy(LatentHeads.of(z).columns()).float()


def _latents(z_dim: int) -> Tensor:
    return torch.randn(STATISTICS, z_dim, generator=torch.Generator().manual_seed(17))


@functools.cache
def _statistics(z_dim: int) -> tuple[Tensor, Tensor]:
    """Mean and spread [P] of the parameters."""
    known = parameters_of(_latents(z_dim))
    return known.mean(dim=0), known.std(dim=0).clamp_min(1e-6)


@torch.no_grad()
def _normalise(mapping: MappingNetwork, rng: torch.Generator) -> None:
    """Scale the last layer so that w has mean square 1, as the styles expect; its activation is positively homogeneous."""
    w = mapping(torch.randn(STATISTICS, mapping.z_dim, generator=rng))
    last = mapping.layers[-1]
    assert isinstance(last, EqualLinear) and last.bias is not None
    scale = w.square().mean().rsqrt()
    last.weight.mul_(scale)
    last.bias.mul_(scale)
