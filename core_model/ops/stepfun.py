"""Step functions on rays: the maths that samplers, compositing and losses share.

Symbols: t edges or sample positions [.., K+1] (sorted, world units), w weights of the K bins (>= 0, sum <= 1,
the rest is background), u random numbers in [0, 1]. All functions are pure; NaN weights count as zero, so one
bad ray cannot spoil its neighbours.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.ops.pixel_noise import PixelNoise

TINY = 1e-12


def alpha_weights(density: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
    """Weights and transmittance [.., S] of the samples on a ray.

    w_i = T_i (1 - exp(-sigma_i delta_i)), T_i = exp(-sum_{j<i} sigma_j delta_j).
    density [1 / world unit] and delta [world units], both [.., S] and >= 0.
    """
    depth = density * delta
    before = F.pad(torch.cumsum(depth, dim=-1)[..., :-1], (1, 0))
    transmittance = torch.exp(-before)
    return transmittance * -torch.expm1(-depth), transmittance


def clean(w: Tensor) -> Tensor:
    """Weights with NaN, infinities and negatives set to zero."""
    return torch.nan_to_num(w, nan=0.0, posinf=0.0, neginf=0.0).clamp_min(0.0)


def normalize(w: Tensor) -> Tensor:
    """w / Σw; rays without mass stay zero."""
    w = clean(w)
    return w / w.sum(dim=-1, keepdim=True).clamp_min(TINY)


def normalize_or_uniform(w: Tensor) -> Tensor:
    """w / Σw; rays without mass become uniform, so that every ray can be sampled."""
    if w.device.type == "cpu" and w.numel():
        total = w.sum(dim=-1, keepdim=True)
        # sound weights, which is nearly all there are, need two passes over memory instead of seven
        if bool(torch.isfinite(total).all()) and float(total.min()) > TINY and float(w.min()) >= 0.0:
            return w / total
    w = clean(w)
    total = w.sum(dim=-1, keepdim=True)
    return torch.where(total > TINY, w / total.clamp_min(TINY), torch.full_like(w, 1.0 / w.shape[-1]))


def cdf(w: Tensor) -> Tensor:
    """[.., K] → [.., K+1] cumulative sum of the normalised weights, from 0 to exactly 1."""
    c = torch.cumsum(normalize_or_uniform(w), dim=-1).clamp_max(1.0)
    c = F.pad(c, (1, 0))
    return torch.cat([c[..., :-1], torch.ones_like(c[..., -1:])], dim=-1)


def inverse_cdf(t: Tensor, w: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Positions [.., N] at quantiles u [.., N] of the step function (t, w), and the bins they fall in.

    Inverse-transform sampling of NeRF's fine pass; the result is linear inside a bin, lies within [t_0, t_K]
    and is monotone in u.
    """
    c = cdf(w)
    bins = w.shape[-1]
    i = (torch.searchsorted(c.contiguous(), u.contiguous(), right=True) - 1).clamp(0, bins - 1)
    c0, c1 = c.gather(-1, i), c.gather(-1, i + 1)
    width = c1 - c0
    f = torch.where(width > TINY, (u - c0) / width.clamp_min(TINY), torch.full_like(u, 0.5)).clamp(0.0, 1.0)
    t0, t1 = t.gather(-1, i), t.gather(-1, i + 1)
    return t0 + f * (t1 - t0), i


def stratified_u(rows: int, n: int, rng: PixelNoise | None, device: torch.device) -> Tensor:
    """Quantiles [rows, n], one in each of n equal strata; rng None = the middles."""
    base = torch.arange(n, device=device, dtype=torch.float32)
    if rng is None:
        return ((base + 0.5) / n).expand(rows, n)
    return (base + rng.uniform(n)) / n


def gaussian_blur(w: Tensor, sigma_bins: float) -> Tensor:
    """1D Gaussian along the ray [.., K], sigma in bins; mass that leaves the ray's ends is lost."""
    radius = max(1, int(3 * sigma_bins + 0.5))
    x = torch.arange(-radius, radius + 1, device=w.device, dtype=w.dtype)
    kernel = torch.exp(-0.5 * (x / sigma_bins).square())
    kernel = kernel / kernel.sum()
    flat = w.reshape(-1, 1, w.shape[-1])
    return F.conv1d(flat, kernel.reshape(1, 1, -1), padding=radius).reshape(w.shape)


def supervision_target(w: Tensor, sigma_bins: float = 1.0, floor: float = 5e-3) -> Tensor:
    """The proposal network's target.

    L1-normalise(suppress(blur(w))), suppress(x) = x if x >= floor else 0 (WYSIWYG §4.3).
    """
    blurred = gaussian_blur(clean(w), sigma_bins)
    return normalize(torch.where(blurred >= floor, blurred, torch.zeros_like(blurred)))


def entropy(w: Tensor) -> Tensor:
    """Entropy [..] in nats of the normalised weights; zero for rays without mass."""
    p = normalize(w)
    return -(p * torch.log(p.clamp_min(TINY))).sum(dim=-1)


def leftover_mass(w: Tensor, bins: int) -> Tensor:
    """1 - (sum of the `bins` largest normalised weights) [..]; A3.4's proxy for difficulty."""
    p = normalize(w)
    return (1.0 - p.topk(min(bins, p.shape[-1]), dim=-1).values.sum(dim=-1)).clamp(0.0, 1.0)


def expected(w: Tensor, values: Tensor) -> Tensor:
    """Σ w v over samples: w [.., S], values [.., S] or [.., S, C]."""
    return (w.unsqueeze(-1) * values).sum(dim=-2) if values.dim() > w.dim() else (w * values).sum(dim=-1)


def median(t: Tensor, w: Tensor) -> Tensor:
    """Position [..] where the cumulated weight reaches half of the ray's mass; t edges [.., K+1]."""
    u = torch.full((*w.shape[:-1], 1), 0.5, device=w.device, dtype=w.dtype)
    return inverse_cdf(t, w, u)[0][..., 0]
