"""Regularisers of a density field that is a network's raw output (EG3D, supplement; its released program).

Points fill [-1, 1]³ whatever the size of the box: with EG3D's box of edge 1, seven eighths of them lie outside
the planes, where features are zero. Raw densities, before any activation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.ops.draw_source import DrawSource

RawDensity = Callable[[Tensor], Tensor]
"""points [B, N, 3] → raw density [B, N]."""
DensityKind = Literal["l1", "monotonic-detach", "monotonic-fixed"]

NEIGHBOURS, FRONTS = 1000, 2000
BEHIND = 1.0 / 256.0  # of the box's edge
MONOTONIC_WEIGHT = 10.0


def smooth_density(query: RawDensity, batch: int, offset: float, draws: DrawSource) -> Tensor:
    """Mean |σ(x) - σ(y)|, y = x + offset·N(0, 1)."""
    x = draws.uniform(batch, NEIGHBOURS, 3) * 2.0 - 1.0
    y = x + draws.normal(batch, NEIGHBOURS, 3) * offset
    here, there = query(torch.cat([x, y], dim=1)).chunk(2, dim=1)
    return (here - there).abs().mean()


def falling_density(query: RawDensity, batch: int, step: float, draws: DrawSource, *, detach: bool) -> Tensor:
    """Mean of what the density falls by from x to the point `step` behind it, along -z.

    detach: only the point behind learns.
    """
    x = draws.uniform(batch, FRONTS, 3) * 2.0 - 1.0
    behind = x + x.new_tensor([0.0, 0.0, -step])
    front, back = query(torch.cat([x, behind], dim=1)).chunk(2, dim=1)
    return F.relu((front.detach() if detach else front) - back).mean()


def density_terms(
    kind: DensityKind,
    query: Callable[[], RawDensity],
    batch: int,
    *,
    weight: float,
    offset: float,
    edge: float,
    draws: DrawSource,
) -> Iterator[Tensor]:
    """The weighted terms of a kind, each to be differentiated before the next is asked for.

    query: makes the field anew for every term (the program maps and synthesises again).
    offset: std of the neighbours of `l1`, world units; the monotonic kinds have edge / 256.
    """
    if kind != "l1":
        step = edge * BEHIND
        fall = falling_density(query(), batch, step, draws, detach=kind == "monotonic-detach")
        yield MONOTONIC_WEIGHT * fall
        offset = step
    yield weight * smooth_density(query(), batch, offset, draws)
