"""Where samples go on a ray: uniform and stratified spans, inverse-transform draws, and WYSIWYG's robust stratified scheme."""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.ops.stepfun import inverse_cdf, normalize_or_uniform, stratified_u
from core_model.sampling.types import RayPdf, RaySamples


def uniform_edges(near: Tensor, far: Tensor, bins: int) -> Tensor:
    """[R] bounds → K+1 equally spaced edges [R, K+1]."""
    s = torch.linspace(0.0, 1.0, bins + 1, device=near.device)
    return near[:, None] + (far - near)[:, None] * s


def span_samples(near: Tensor, far: Tensor, n: int, *, stratified: bool, rng: torch.Generator | None) -> RaySamples:
    """n samples on [near, far].

    uniform: edges included, t_i = near + (far - near)·i/(n-1), the probe's rule (192 samples bound 191 intervals).
    stratified: one sample in each of n equal strata; rng None = the middles.
    """
    if stratified:
        u = stratified_u((len(near),), n, rng, near.device)
        t = near[:, None] + (far - near)[:, None] * u
        last = far[:, None] - t[:, -1:]
    else:
        t = uniform_edges(near, far, max(n - 1, 1))[:, :n]
        last = torch.zeros_like(t[:, -1:])
    return with_deltas(t, last)


def with_deltas(t: Tensor, last: Tensor) -> RaySamples:
    """δ_i = t_{i+1} - t_i, the given length for the last sample."""
    delta = torch.cat([torch.diff(t, dim=-1), last], dim=-1).clamp_min(0.0)
    return RaySamples(t, delta, torch.ones_like(t, dtype=torch.bool))


def robust_set(p: Tensor, tau: float) -> Tensor:
    """Mask [R, K] of the smallest set of bins whose mass reaches tau (WYSIWYG §4.4).

    Taking bins in descending order of mass is optimal: any set of the same size holds at most as much. Always at least one bin.
    """
    p = normalize_or_uniform(p)
    order = p.argsort(dim=-1, descending=True, stable=True)
    mass = torch.cumsum(p.gather(-1, order), dim=-1)
    # a bin is taken while the mass before it is short of tau; the tolerance forgives the rounding of the sum
    before = torch.cat([torch.zeros_like(mass[:, :1]), mass[:, :-1]], dim=-1)
    take = before < tau - 1e-6
    take[:, 0] = True
    return torch.zeros_like(take).scatter(-1, order, take)


def strata_counts(p: Tensor, chosen: Tensor, budget: int) -> Tensor:
    """Samples of each bin [R, K] (supplement A3.5): floor(s/c) for each of the c chosen bins, one more for the (s mod c) likeliest."""
    c = chosen.sum(dim=-1, keepdim=True).clamp_min(1)
    base = torch.div(budget, c, rounding_mode="floor")
    extra = budget - base * c
    score = torch.where(chosen, normalize_or_uniform(p), torch.full_like(p, -1.0))
    order = score.argsort(dim=-1, descending=True, stable=True)
    rank = torch.zeros_like(order).scatter(-1, order, torch.arange(p.shape[-1], device=p.device).expand_as(order))
    return torch.where(chosen, base + (rank < extra).long(), torch.zeros_like(base))


TOP_BINS = 24


def robust_samples(pdf: RayPdf, tau: float, budget: int, rng: torch.Generator | None) -> RaySamples:
    """Robust stratified samples: `budget` positions a ray, spread evenly inside each chosen bin (A3.5).

    δ is the distance to the next sample, clipped to the bin width, so that no sample speaks for an empty stretch behind it.
    Works on each ray's likeliest bins only; rays whose robust set is larger than that take the full sort. A test holds the result
    against `robust_set` and `strata_counts`.
    """
    p = normalize_or_uniform(pdf.weights)
    mass, order = p.topk(min(TOP_BINS, pdf.bins), dim=-1)
    counts = _strata(mass, order, tau, budget, pdf.bins)
    wide = mass.sum(dim=-1) < tau - 1e-6
    if pdf.bins > TOP_BINS and bool(wide.any()):
        mass, order = p[wide].sort(dim=-1, descending=True, stable=True)
        counts[wide] = _strata(mass, order, tau, budget, pdf.bins)
    ends = torch.cumsum(counts, dim=-1)
    slot = torch.arange(budget, device=p.device, dtype=counts.dtype).expand(len(p), budget).contiguous()
    bin_of = torch.searchsorted(ends, slot, right=True).clamp_max(pdf.bins - 1)
    n = counts.gather(-1, bin_of).clamp_min(1)
    first = ends.gather(-1, bin_of) - n
    jitter = 0.5 if rng is None else torch.rand(slot.shape, generator=rng, device=slot.device)
    f = (slot - first + jitter) / n
    lo, hi = pdf.edges.gather(-1, bin_of), pdf.edges.gather(-1, bin_of + 1)
    return clip_deltas(lo + f * (hi - lo), hi, hi - lo)


def _strata(mass: Tensor, order: Tensor, tau: float, budget: int, bins: int) -> Tensor:
    """Sample counts of all bins [R, K], from the likeliest bins `order` [R, M] with their masses in descending order."""
    before = torch.cumsum(mass, dim=-1) - mass
    take = before < tau - 1e-6
    take[:, 0] = True
    c = take.sum(dim=-1, keepdim=True)
    base = torch.div(budget, c, rounding_mode="floor")
    rank = torch.arange(mass.shape[-1], device=mass.device)
    counts = torch.where(take, base + (rank < budget - base * c).long(), 0).int()
    return torch.zeros(len(mass), bins, dtype=torch.int32, device=mass.device).scatter_(-1, order, counts)


def clip_deltas(t: Tensor, bin_end: Tensor, bin_width: Tensor) -> RaySamples:
    """δ_i = min(t_{i+1} - t_i, bin width of sample i); the last sample reaches to the end of its bin."""
    last = bin_end[:, -1:] - t[:, -1:]
    delta = torch.cat([torch.diff(t, dim=-1), last], dim=-1).clamp_min(0.0)
    return RaySamples(t, torch.minimum(delta, bin_width), torch.ones_like(t, dtype=torch.bool))


def cdf_samples(pdf: RayPdf, n: int, *, stratified: bool, rng: torch.Generator | None) -> RaySamples:
    """n draws from the distribution by its inverse CDF.

    stratified: one quantile in each of n strata; otherwise independent quantiles. Without a generator the independent ones come
    from the golden-ratio sequence, a different offset a ray: repeatable, and as uneven as the paper's unstratified baseline needs
    to stay (the middles would silently be the stratified scheme).
    """
    rows = len(pdf.weights)
    if stratified:
        u = stratified_u((rows,), n, rng, pdf.weights.device)
    elif rng is not None:
        u = torch.rand((rows, n), generator=rng, device=pdf.weights.device).sort(dim=-1).values
    else:
        u = _hashed_uniform(rows, n, pdf.weights.device).sort(dim=-1).values
    t, i = inverse_cdf(pdf.edges, pdf.weights, u)
    width = pdf.edges.gather(-1, i + 1) - pdf.edges.gather(-1, i)
    return clip_deltas(t, pdf.edges.gather(-1, i + 1), width)


def _hashed_uniform(rows: int, n: int, device: torch.device) -> Tensor:
    """[rows, n] numbers in [0, 1) that look independent and depend on their position alone (Wang-style integer hash)."""
    i = torch.arange(rows * n, device=device, dtype=torch.int64).reshape(rows, n)
    mask = 0xFFFFFFFF
    x = (i * 0x9E3779B1 + 0x85EBCA77) & mask
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = ((x ^ (x >> shift)) * factor) & mask
    x = x ^ (x >> 16)
    return x.double().div(2**32).float().clamp_max(1.0 - 2**-24)


def adaptive_mask(leftover: Tensor, share: float) -> Tensor:
    """Mask [R] of exactly round(share·R) rays with the largest leftover mass (A3.4); ties go to the earlier ray."""
    count = int(round(share * len(leftover)))
    mask = torch.zeros(len(leftover), dtype=torch.bool, device=leftover.device)
    if count:
        mask[torch.sort(leftover, descending=True, stable=True).indices[:count]] = True
    return mask
