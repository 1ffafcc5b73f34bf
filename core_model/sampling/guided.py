"""One pass of samples where a cached density grid says that light is lost: no coarse pass, no evaluation in
empty or hidden space.

The grid gives each ray a step function of likely weights. Samples stand at equal quantiles of it, each for
the length of ray 1 / (N p), p being the probability density at its place, so that Σ σ δ approaches the
integral however wrong the grid is; a share of the samples is kept for everything that the grid does not
exclude, in case that the grid is wrong.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.geometry.rays import Rays, box_span
from core_model.ops.pixel_noise import PixelNoise
from core_model.ops.stepfun import inverse_cdf, stratified_u
from core_model.sampling.occupancy import DensityGrid
from core_model.sampling.types import RaySamples

DEFENSIVE = 0.3  # share of the samples that is spread over all that may be seen
HIDDEN = 1e-3  # light that is left, at most, where nothing more is sampled
STEPS_PER_CELL = 1.0


def guided_samples(
    rays: Rays, grid: DensityGrid, count: int, rng: PixelNoise | None
) -> tuple[RaySamples, Tensor]:
    """`count` samples on each ray that can meet anything, none on the others; and where the field is asked
    for each [R, S].

    It is asked in the middle of the stretch that a sample stands for, which emits from its beginning
    (left rule).
    """
    enter, leave = box_span(rays.origins, rays.dirs, grid.box)
    near, far = torch.maximum(rays.near, enter), torch.minimum(rays.far, leave)
    near = torch.where(rays.hit, near, rays.near)
    far = torch.where(rays.hit, torch.maximum(far, near + 1e-6), near + 1e-6)
    edges, mass = likely_mass(rays, grid, near, far)
    live = (mass.sum(dim=-1) > 0) & rays.hit
    t = near[:, None].expand(len(rays), count).clone()
    delta, valid = torch.zeros_like(t), live[:, None].expand(len(rays), count)
    if bool(live.any()):
        t[live], delta[live] = quantile_samples(
            edges[live], mass[live], count, None if rng is None else rng.select(live)
        )
    return RaySamples(t - 0.5 * delta, delta, valid), t


def quantile_samples(
    edges: Tensor, mass: Tensor, count: int, rng: PixelNoise | None
) -> tuple[Tensor, Tensor]:
    """t and δ [R, count] of samples at equal quantiles of the step function (edges [R, K+1], mass [R, K],
    which no ray may lack).
    """
    at, bins = inverse_cdf(edges, mass, stratified_u(len(edges), count, rng, edges.device))
    share = mass.gather(-1, bins) / mass.sum(dim=-1, keepdim=True)
    width = edges.gather(-1, bins + 1) - edges.gather(-1, bins)
    return at, width / (count * share.clamp_min(1e-9))


def likely_mass(rays: Rays, grid: DensityGrid, near: Tensor, far: Tensor) -> tuple[Tensor, Tensor]:
    """Edges [R, K+1] and mass [R, K] of where light is likely lost on each ray; rays without mass meet
    nothing.
    """
    longest = float((far - near).max()) if len(near) else 0.0
    steps = max(8, min(512, int(STEPS_PER_CELL * longest / (2.0 * grid.edge / grid.size)) + 1))
    edges = near[:, None] + (far - near)[:, None] * torch.linspace(0.0, 1.0, steps + 1, device=near.device)
    length = ((far - near) / steps)[:, None]
    cell = grid.cells(rays.points(0.5 * (edges[:, 1:] + edges[:, :-1])))
    seen = torch.exp(-F.pad(torch.cumsum(grid.low[cell] * length, dim=-1)[:, :-1], (1, 0))) > HIDDEN
    possible = (grid.occupied[cell] & seen).float()
    depth = grid.mean[cell] * length * possible
    weight = torch.exp(-F.pad(torch.cumsum(depth, dim=-1)[:, :-1], (1, 0))) * -torch.expm1(-depth)
    # a surface may lie in the neighbouring step
    weight = F.max_pool1d(weight[:, None], 3, stride=1, padding=1)[:, 0] * possible
    total = weight.sum(dim=-1, keepdim=True)
    guided = torch.where(total > 1e-6, weight / total.clamp_min(1e-6), 0.0)
    even = possible / possible.sum(dim=-1, keepdim=True).clamp_min(1.0)
    return edges, torch.where(total > 1e-6, (1.0 - DEFENSIVE) * guided + DEFENSIVE * even, even)
