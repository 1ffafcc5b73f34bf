"""EG3D's two-pass renderer that evaluates only the samples which can change the picture.

The sample positions are exactly those of the two passes. A sample counts if its cell of the density grid, or
that of a neighbour on the ray (marching averages neighbours before the activation), is occupied, and if the
grid's lower bounds leave light at its depth. All others are taken as empty. Of the samples that count, only
those that carry weight are coloured.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.families.osg.twopass import (
    Marched,
    TwoPassRule,
    coarse_depths,
    fine_depths,
    march_weights,
    ray_limits,
)
from core_model.fields.osg import OsgField
from core_model.sampling.occupancy import DensityGrid

CHUNK_SAMPLES = 1 << 18
HIDDEN = 1e-4  # light that is left, at most, where nothing more is evaluated
COLOUR_FLOOR = 1e-5  # weight below which a sample goes without colour
EMPTY = -30.0  # raw density whose activation is nothing


def render_occupied(
    field: OsgField,
    origins: Tensor,
    dirs: Tensor,
    rule: TwoPassRule,
    grid: DensityGrid,
    *,
    near_far: tuple[Tensor, Tensor] | None = None,
) -> tuple[Marched, Tensor]:
    """What `render_two_pass` gives for origins, dirs [1, R, 3], without t and weights.

    Also returns the evaluated samples of each ray [1, R].
    """
    near, far = near_far if near_far is not None else ray_limits(origins, dirs, rule)
    size = max(1, CHUNK_SAMPLES // (rule.coarse + rule.fine))
    parts = [
        _render_chunk(field, o, d, n[:, None], f[:, None], rule, grid)
        for o, d, n, f in zip(*(x[0].split(size) for x in (origins, dirs, near, far)), strict=True)
    ]
    features, depth, total, counts = (
        torch.cat(column)[None] for column in zip(*(p[:4] for p in parts), strict=True)
    )
    low, high = min(p[4] for p in parts), max(p[5] for p in parts)
    depth = torch.nan_to_num(depth, nan=float("inf")).clamp(low, high)
    none = depth[..., None][..., :0]
    return Marched(features, depth, total, none, none, none, none, none), counts


def _render_chunk(
    field: OsgField,
    origins: Tensor,
    dirs: Tensor,
    near: Tensor,
    far: Tensor,
    rule: TwoPassRule,
    grid: DensityGrid,
) -> tuple[Tensor, Tensor, Tensor, Tensor, float, float]:
    """Features [R, C], unclamped depth, Σw and evaluations [R] of some rays.

    Also the smallest and largest depth of the samples.
    """
    t = coarse_depths(near[None, :, 0], far[None, :, 0], rule, None)[0]
    lowest, highest = float(t.min()), float(t.max())
    needed = _needed(grid, origins, dirs, t)
    live = torch.nonzero(needed.any(dim=-1)).flatten()
    features = origins.new_full((len(origins), field.colour_features), 1.0 if rule.white_back else -1.0)
    depth, total, counts = (
        torch.full_like(t[:, 0], torch.nan),
        torch.zeros_like(t[:, 0]),
        torch.zeros_like(t[:, 0]),
    )
    if not len(live):
        return features, depth, total, counts, lowest, highest
    o, d, t, needed = origins[live], dirs[live], t[live], needed[live]
    samples = _Samples(field, o, d)
    row, raw = samples.evaluate(
        t, needed, torch.full_like(t, -1, dtype=torch.long), torch.full_like(t, EMPTY)
    )
    weights = march_weights(raw, t)
    if rule.fine > 0:
        t_fine = fine_depths(t[None], weights[None], rule.fine, None)[0]
        lowest, highest = min(lowest, float(t_fine.min())), max(highest, float(t_fine.max()))
        t, order = torch.cat([t, t_fine], dim=-1).sort(dim=-1)
        more = lambda x, fill: F.pad(x, (0, rule.fine), value=fill).gather(-1, order)
        row, raw = more(row, -1), more(raw, EMPTY)
        needed = _needed(grid, o, d, t)
        row, raw = samples.evaluate(t, needed & (row < 0), row, raw)
        weights = march_weights(raw, t)
    # an interval has the mean colour of its two samples
    share = 0.5 * (F.pad(weights, (0, 1)) + F.pad(weights, (1, 0)))
    keep = (share > COLOUR_FLOOR) & (row >= 0)
    ray = torch.arange(len(live), device=t.device)[:, None].expand_as(keep)[keep]
    mixed = torch.zeros(len(live), field.colour_features, device=t.device)
    mixed.index_add_(0, ray, samples.colours(row[keep]) * share[keep][:, None])
    seen = weights.sum(dim=-1)
    if rule.white_back:
        mixed = mixed + (1.0 - seen)[:, None]
    features[live] = mixed * 2.0 - 1.0
    depth[live] = (weights * 0.5 * (t[:, 1:] + t[:, :-1])).sum(dim=-1) / seen
    total[live], counts[live] = seen, (row >= 0).sum(dim=-1).float()
    return features, depth, total, counts, lowest, highest


class _Samples:
    """The samples of some rays that were evaluated, by row."""

    def __init__(self, field: OsgField, origins: Tensor, dirs: Tensor) -> None:
        self._field, self._origins, self._dirs = field, origins, dirs
        self._hidden: list[Tensor] = []
        self._count = 0

    def evaluate(self, t: Tensor, take: Tensor, row: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """rows and raw densities [R, S] with those of `take` filled in."""
        ray, place = torch.nonzero(take, as_tuple=True)
        hidden = self._field.hidden(self._origins[ray] + self._dirs[ray] * t[ray, place][:, None])
        row, raw = row.clone(), raw.clone()
        row[ray, place] = torch.arange(self._count, self._count + len(ray), device=t.device)
        raw[ray, place] = self._field.raw_of(hidden)
        self._hidden.append(hidden)
        self._count += len(ray)
        return row, raw

    def colours(self, row: Tensor) -> Tensor:
        hidden = self._hidden[0] if len(self._hidden) == 1 else torch.cat(self._hidden)
        return self._field.colours_of(hidden[row])


def _needed(grid: DensityGrid, origins: Tensor, dirs: Tensor, t: Tensor) -> Tensor:
    """Mask [R, S] of the samples at sorted depths t [R, S] that can change the picture."""
    cell = grid.cells(origins[:, None] + dirs[:, None] * t[..., None])
    occupied = F.max_pool1d(grid.occupied[cell].float()[:, None], 3, stride=1, padding=1)[:, 0] > 0
    # the lower bound of an interval is that of its emptier end
    low = grid.low[cell]
    lost = torch.cumsum(torch.minimum(low[:, 1:], low[:, :-1]) * torch.diff(t, dim=-1), dim=-1)
    return occupied & (F.pad(lost, (1, 0)) < -math.log(HIDDEN))
