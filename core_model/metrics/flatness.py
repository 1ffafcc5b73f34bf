"""Non-flatness score: how many of 64 depth bins a depth map really uses.

Introduced with 3D generation on ImageNet (arXiv 2303.01416) and reported by the WYSIWYG GAN paper: the far background is cut off at a
quantile, the rest becomes a histogram over the range of the rays, and exp(entropy) of it counts the bins in use. 1 = a plane that faces
the camera, 64 = depths spread evenly.
"""

from __future__ import annotations

import torch
from torch import Tensor

BINS = 64
KEPT = 0.95
"""Share of the pixels with a surface that is kept: the farthest 5 % count as background."""


def non_flatness(depth: Tensor, near: float, far: float, *, bins: int = BINS, kept: float = KEPT) -> Tensor:
    """depth [B, H, W] along unit rays, world units, NaN where there is no surface → scores [B] in [1, bins], float64.

    Depths outside [near, far] count in the outermost bins. A map without a surface has no score: NaN.
    """
    scores = []
    for values in depth.flatten(1).double():
        found = values[torch.isfinite(values)]
        if not found.numel():
            scores.append(torch.tensor(torch.nan, dtype=torch.float64))
            continue
        found = found.sort().values[: max(1, round(kept * found.numel()))]
        place = ((found - near) / (far - near) * bins).long().clamp(0, bins - 1)
        share = torch.bincount(place, minlength=bins).double() / found.numel()
        entropy = -(share * share.clamp(min=1e-300).log()).sum()
        scores.append(entropy.exp())
    return torch.stack(scores) if scores else torch.zeros(0, dtype=torch.float64)
