"""Stage zero of `triscope fit`: the mapping network learns which head a latent is, before any plane is drawn.

The parameters of a head are known functions of its latent, some of them nearly switches (hat, glasses, bun). Regressing them
from w through one linear layer, which is thrown away afterwards, takes a minute and leaves every parameter linearly readable
in w; learned through planes and decoders alone, the rarer ones came last or not at all.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from core_model.nn.layers import EqualLinear
from core_model.nn.mapping import MappingNetwork
from core_model.schema.fit import FitConfig
from core_model.training.fit.truth import head_of_z

LR_MUL = 0.01
"""Of StyleGAN2's mapping network."""
STATISTICS = 8192
"""Latents from which mean and spread of the parameters are taken, and at last the scale of w."""


def fit_mapping(mapping: MappingNetwork, cfg: FitConfig, report: Callable[[str, int, dict[str, float]], None]) -> None:
    """Train `mapping` in place for cfg.mapping_steps; w has mean square 1 afterwards. The report tells the unexplained variance."""
    if cfg.mapping_steps == 0:
        return
    rng = torch.Generator().manual_seed(cfg.seed + 17)
    known = parameters_of(torch.randn(STATISTICS, mapping.z_dim, generator=rng))
    mean, spread = known.mean(dim=0), known.std(dim=0).clamp_min(1e-6)
    readout = nn.Linear(mapping.w_dim, known.shape[1])
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
        cosine = 0.5 * (1.0 + math.cos(math.pi * step / cfg.mapping_steps))
        for group in optimizer.param_groups:
            group["lr"] = group["scale"] * (0.01 + 0.99 * cosine) * min(1.0, (step + 1) / 100)
        z = torch.randn(cfg.mapping_batch, mapping.z_dim, generator=rng)
        loss = (readout(mapping(z)) - (parameters_of(z) - mean) / spread).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        report("mapping", step, {"unexplained": float(loss.detach())})
    _normalise(mapping, rng)


def parameters_of(z: Tensor) -> Tensor:
    """All numbers that describe the heads of latents z [B, Z], as [B, P]."""
    params = head_of_z(z)
    return torch.cat([getattr(params, f.name).reshape(len(z), -1) for f in dataclasses.fields(params)], dim=1)


@torch.no_grad()
def _normalise(mapping: MappingNetwork, rng: torch.Generator) -> None:
    """Scale the last layer so that w has mean square 1, as the styles expect; its activation is positively homogeneous."""
    w = mapping(torch.randn(STATISTICS, mapping.z_dim, generator=rng))
    last = mapping.layers[-1]
    assert isinstance(last, EqualLinear) and last.bias is not None
    scale = w.square().mean().rsqrt()
    last.weight.mul_(scale)
    last.bias.mul_(scale)
