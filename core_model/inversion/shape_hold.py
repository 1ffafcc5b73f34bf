"""Keeps the shape of the latent found while the weights are tuned.

A photograph says little of depth, so weights that are free to follow it bend the surface until its picture fits. The latent alone
gives a plausible head (pivotal tuning's premise, Roich et al. 2021, whose locality term holds pictures of other latents): its
field is remembered at points near the surface, and at some anywhere in the box, where nothing may grow.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core_model.fields.base import Field
from core_model.fields.lattice import cell_centres

CELLS = 48
"""Edge of the lattice on which the surface is looked for."""
POOL, POINTS = 16384, 2048
"""Points remembered, and those of them that one step compares."""
ANYWHERE = 0.25
"""Share of the points that lie anywhere in the box."""
REACH = 4.0
"""Signed distances beyond so many units are all alike: there is no surface near."""


@dataclass(frozen=True)
class ShapeHold:
    """points [POOL, 3] world units and what the field was there [POOL], of `solidity`; unit: world units."""

    points: Tensor
    values: Tensor
    unit: float
    seed: int

    @classmethod
    @torch.no_grad()
    def of(cls, field: Field, box: float, seed: int, device: torch.device) -> ShapeHold:
        """Of the present field in the cube ±box. unit: half a cell of the lattice."""
        rng = torch.Generator().manual_seed(seed)
        cell = 2.0 * box / CELLS
        unit = 0.5 * cell
        places = cell_centres(CELLS, box, device)[0]
        solid = solidity(field, places, unit)
        near = (solid.abs() < 2.0 if field.is_sdf else (solid - 0.5).abs() < 0.4).nonzero()[:, 0].cpu()
        if not len(near):  # nothing solid: every cell is as good
            near = torch.arange(len(places))
        pick = near[torch.randint(len(near), (POOL,), generator=rng)]
        wide = torch.rand(POOL, generator=rng) < ANYWHERE
        pick[wide] = torch.randint(len(places), (int(wide.sum()),), generator=rng)
        shift = (torch.rand(POOL, 3, generator=rng) - 0.5) * cell
        points = places[pick.to(device)] + shift.to(device)
        return cls(points, solidity(field, points, unit), unit, seed)

    def loss(self, field: Field, step: int) -> Tensor:
        """Mean squared change of the field at `POINTS` of the points, those of this step."""
        rng = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        some = torch.randint(len(self.points), (POINTS,), generator=rng).to(self.points.device)
        return (solidity(field, self.points[some], self.unit) - self.values[some]).square().mean()


def solidity(field: Field, points: Tensor, unit: float) -> Tensor:
    """What the field is at points [N, 3], without units, with gradients [N].

    Signed distances in multiples of `unit` within ±REACH; of densities the share of light that a layer two units thick stops.
    """
    found = field.geometry(points[None])
    if found.sdf is not None:
        return (found.sdf[0] / unit).clamp(-REACH, REACH)
    return 1.0 - torch.exp(-2.0 * unit * found.density[0])
