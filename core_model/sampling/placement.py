"""Where samples go on a ray: uniform and stratified spans, inverse-transform draws, and WYSIWYG's robust
stratified scheme.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.ops.pixel_noise import PixelNoise
from core_model.ops.stepfun import inverse_cdf, normalize_or_uniform, stratified_u
from core_model.sampling.types import RayPdf, RaySamples
from core_model.schema.sampler import SamplerSpec


def uniform_edges(near: Tensor, far: Tensor, bins: int) -> Tensor:
    """[.., R] bounds → K+1 equally spaced edges [.., R, K+1]."""
    s = torch.linspace(0.0, 1.0, bins + 1, device=near.device)
    return near[..., None] + (far - near)[..., None] * s


def uniform_samples(near: Tensor, far: Tensor, n: int) -> RaySamples:
    """n samples [.., R, n] on [near, far] [.., R], both ends included: t_i = near + (far - near)·i/(n-1).

    192 samples bound 191 intervals; the last sample has no interval.
    """
    t = uniform_edges(near, far, max(n - 1, 1))[..., :n]
    return with_deltas(t, torch.zeros_like(t[..., -1:]))


def in_strata(u: Tensor) -> Tensor:
    """Quantiles [.., n], one in each of n equal strata, at the places u [.., n] in [0, 1) within them."""
    return (torch.arange(u.shape[-1], device=u.device) + u) / max(1, u.shape[-1])


def stratified_samples(near: Tensor, far: Tensor, u: Tensor) -> RaySamples:
    """Samples at the quantiles u [.., R, n] of [near, far] [.., R], one in each of n equal strata.

    u: of `in_strata` or `stratified_u`. The last sample reaches to the far end.
    """
    t = near[..., None] + (far - near)[..., None] * u
    return with_deltas(t, far[..., None] - t[..., -1:])


def with_deltas(t: Tensor, last: Tensor) -> RaySamples:
    """δ_i = t_{i+1} - t_i, the given length for the last sample."""
    delta = torch.cat([torch.diff(t, dim=-1), last], dim=-1).clamp_min(0.0)
    return RaySamples(t, delta, torch.ones_like(t, dtype=torch.bool))


def robust_set(p: Tensor, tau: float) -> Tensor:
    """Mask [R, K] of the smallest set of bins whose mass reaches tau (WYSIWYG §4.4).

    Taking bins in descending order of mass is optimal: any set of the same size holds at most as much. Always
    at least one bin.
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
    """Samples of each bin [R, K] (supplement A3.5): floor(s/c) for each of the c chosen bins, one more for
    the (s mod c) likeliest.
    """
    c = chosen.sum(dim=-1, keepdim=True).clamp_min(1)
    base = torch.div(budget, c, rounding_mode="floor")
    extra = budget - base * c
    score = torch.where(chosen, normalize_or_uniform(p), torch.full_like(p, -1.0))
    order = score.argsort(dim=-1, descending=True, stable=True)
    rank = torch.zeros_like(order).scatter(
        -1, order, torch.arange(p.shape[-1], device=p.device).expand_as(order)
    )
    return torch.where(chosen, base + (rank < extra).long(), torch.zeros_like(base))


def robust_samples(pdf: RayPdf, tau: float, budget: int, rng: PixelNoise | None) -> RaySamples:
    """Robust stratified samples: `budget` positions per ray, spread evenly inside each chosen bin (A3.5).

    δ is the distance to the next sample, clipped to the bin width, so that no sample represents an empty
    stretch behind it. Only each ray's `budget` likeliest bins are looked at, which is exact: a larger robust
    set gives one sample to each of these and none to the rest. A test compares the result with `robust_set`
    and `strata_counts`.
    """
    p = normalize_or_uniform(pdf.weights)
    mass, order = p.topk(min(budget, pdf.bins), dim=-1)
    counts = _strata(mass, tau, budget)
    # along the ray instead of by mass; bins without samples go to the end
    place, by_place = torch.where(counts > 0, order, pdf.bins).sort(dim=-1)
    counts = counts.gather(-1, by_place)
    ends = torch.cumsum(counts, dim=-1)
    slot = torch.arange(budget, device=p.device, dtype=counts.dtype).expand(len(p), budget).contiguous()
    which = torch.searchsorted(ends, slot, right=True).clamp_max(counts.shape[-1] - 1)
    n = counts.gather(-1, which).clamp_min(1)
    first = ends.gather(-1, which) - n
    bin_of = place.gather(-1, which).clamp_max(pdf.bins - 1)
    jitter = 0.5 if rng is None else rng.uniform(budget)
    f = (slot - first + jitter) / n
    lo, hi = pdf.edges.gather(-1, bin_of), pdf.edges.gather(-1, bin_of + 1)
    return clip_deltas(lo + f * (hi - lo), hi, hi - lo)


def _strata(mass: Tensor, tau: float, budget: int) -> Tensor:
    """Sample counts [R, M] of the likeliest bins, whose masses [R, M] are in descending order."""
    before = torch.cumsum(mass, dim=-1) - mass
    take = before < tau - 1e-6
    take[:, 0] = True
    c = take.sum(dim=-1, keepdim=True)
    base = torch.div(budget, c, rounding_mode="floor")
    rank = torch.arange(mass.shape[-1], device=mass.device)
    return torch.where(take, base + (rank < budget - base * c).long(), 0)


def clip_deltas(t: Tensor, bin_end: Tensor, bin_width: Tensor) -> RaySamples:
    """δ_i = min(t_{i+1} - t_i, bin width of sample i); the last sample reaches to the end of its bin."""
    last = bin_end[:, -1:] - t[:, -1:]
    delta = torch.cat([torch.diff(t, dim=-1), last], dim=-1).clamp_min(0.0)
    return RaySamples(t, torch.minimum(delta, bin_width), torch.ones_like(t, dtype=torch.bool))


def cdf_samples(pdf: RayPdf, n: int, *, stratified: bool, rng: PixelNoise | None) -> RaySamples:
    """n draws from the distribution by its inverse CDF.

    stratified: one quantile in each of n strata; otherwise independent quantiles, which always need random
    numbers (the middles of strata would be the stratified scheme again). rng None takes those of pixels 0, 1,
    … under seed 0.
    """
    rows = len(pdf.weights)
    if stratified:
        u = stratified_u(rows, n, rng, pdf.weights.device)
    else:
        rng = rng or PixelNoise(0, torch.arange(rows, device=pdf.weights.device))
        u = rng.uniform(n).sort(dim=-1).values
    t, i = inverse_cdf(pdf.edges, pdf.weights, u)
    width = pdf.edges.gather(-1, i + 1) - pdf.edges.gather(-1, i)
    return clip_deltas(t, pdf.edges.gather(-1, i + 1), width)


def pdf_on_bins(p: Tensor, near: Tensor, far: Tensor) -> RayPdf:
    """Distributions p [.., R, K] on the K equal bins between near and far [.., R]: how a probe and its
    prediction divide a ray.
    """
    return RayPdf(uniform_edges(near, far, p.shape[-1]), p)


def draw(pdf: RayPdf, spec: SamplerSpec, n: int, noise: PixelNoise) -> RaySamples:
    """n samples per ray from a predicted distribution by the chosen strategy; unstratified ones need random
    numbers even without jitter.
    """
    rng = noise if spec.jitter else None
    if spec.strategy == "robust":
        return robust_samples(pdf, spec.tau, n, rng)
    if spec.strategy == "stratified":
        return cdf_samples(pdf, n, stratified=True, rng=rng)
    # with equal random numbers all independent draws would coincide: each keeps its own numbers in every
    # frame
    own = PixelNoise(noise.seed if spec.jitter else 0, noise.pixels)
    return cdf_samples(pdf, n, stratified=False, rng=own)


def draw_adaptive(
    pdf: RayPdf, spec: SamplerSpec, budgets: tuple[int, int], hard: Tensor, noise: PixelNoise
) -> RaySamples:
    """`draw` with the large one of two budgets on the rays of the mask `hard` [R]; the others are padded with
    invalid samples.
    """
    low, high = budgets
    if (
        low == high or bool(hard.all()) or not bool(hard.any())
    ):  # one budget, as in nearly every tile of the session
        return draw(pdf, spec, high if bool(hard.any()) else low, noise)
    t = torch.zeros(len(hard), high, device=hard.device)
    delta, valid = torch.zeros_like(t), torch.zeros_like(t, dtype=torch.bool)
    for mask, n in ((~hard, low), (hard, high)):
        part = draw(pdf.select(mask), spec, n, noise.select(mask))
        t[mask, :n], delta[mask, :n], valid[mask, :n] = part.t, part.delta, part.valid
    return RaySamples(t, delta, valid)


def fine_samples(coarse: RayPdf, u: Tensor, far: Tensor) -> RaySamples:
    """NeRF's fine pass: samples [.., R, n] at quantiles u of the weights of a coarse pass; far [.., R] ends
    the last interval.

    A surface can lie in the interval before the first sample behind it, so neighbouring intervals share their
    mass.
    """
    w = coarse.weights
    spread = F.max_pool1d(w.reshape(-1, 1, w.shape[-1]), 3, stride=1, padding=1).reshape(w.shape)
    t, _ = inverse_cdf(coarse.edges, spread + 1e-5, u)
    return with_deltas(t, far[..., None] - t[..., -1:])


def adaptive_mask(leftover: Tensor, share: float) -> Tensor:
    """Mask [R] of exactly round(share·R) rays with the largest leftover mass (A3.4); ties go to the earlier
    ray.
    """
    count = int(round(share * len(leftover)))
    mask = torch.zeros(len(leftover), dtype=torch.bool, device=leftover.device)
    if count:
        mask[torch.sort(leftover, descending=True, stable=True).indices[:count]] = True
    return mask
