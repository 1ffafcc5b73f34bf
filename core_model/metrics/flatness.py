"""How many of 64 depth bins a depth map really uses.

The published non-flatness score, and a variant of the surface alone. Introduced with 3D generation on
ImageNet (arXiv 2303.01416) and reported by the WYSIWYG GAN paper. A depth map becomes a histogram over the
range of the rays, and exp(entropy) of it counts the bins in use. 1 = a plane that faces the camera, 64 =
depths spread evenly.
"""

from __future__ import annotations

import torch
from torch import Tensor

BINS = 64
KEPT = 0.95
"""Share of the pixels with a surface that the surface's score keeps: the farthest 5 % count as background."""


def non_flatness(depth: Tensor, near: float, far: float, *, bins: int = BINS) -> Tensor:
    """The published non-flatness score [B] in [1, bins], float64.

    depth [B, H, W] along unit rays, world units, from frontal cameras, with densities below the picture's
    median left out and weights not normalised (`core_model.session.cut_depth` makes such maps). Every pixel
    counts; depths outside [near, far] are moved to its ends, so that rays which meet nothing fall into the
    first bin.
    """
    if not bool(torch.isfinite(depth).all()):
        raise ValueError("the published score takes maps without gaps; `surface_spread` leaves gaps out")
    return torch.stack([_bins_in_use(values, near, far, bins) for values in depth.flatten(1).double()])


def surface_spread(depth: Tensor, near: float, far: float, *, bins: int = BINS, kept: float = KEPT) -> Tensor:
    """Depth bins that the surface alone uses: scores [B] in [1, bins], float64.

    depth [B, H, W] along unit rays, world units, NaN where there is no surface. Only pixels with a surface
    count, the farthest of them cut off as background. Depths outside [near, far] count in the outermost bins.
    A map without a surface has no score: NaN.
    """
    scores = []
    for values in depth.flatten(1).double():
        found = values[torch.isfinite(values)].sort().values
        found = found[: max(1, round(kept * found.numel()))]
        scores.append(
            _bins_in_use(found, near, far, bins)
            if found.numel()
            else torch.tensor(torch.nan, dtype=torch.float64)
        )
    return torch.stack(scores) if scores else torch.zeros(0, dtype=torch.float64)


def _bins_in_use(values: Tensor, near: float, far: float, bins: int) -> Tensor:
    """exp(entropy) of the histogram of values [N] over [near, far]."""
    place = ((values - near) / (far - near) * bins).long().clamp(0, bins - 1)
    share = torch.bincount(place, minlength=bins).double() / values.numel()
    return (-(share * share.clamp(min=1e-300).log()).sum()).exp()
