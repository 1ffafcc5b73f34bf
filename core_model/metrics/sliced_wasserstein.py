"""Sliced Wasserstein distance between two sets of pictures, by patches of their Laplacian pyramids.

Needs no weights. After Karras et al., Progressive Growing of GANs (arXiv 1710.10196), section 5: on every
level of the pyramid, random 7 × 7 patches of both sets are projected on random directions, and the sorted
projections are compared. Coarse levels tell of overall form and colour, fine ones of texture. Unlike there,
both sets are normalised by the mean and deviation of the real one, so that a set of the wrong brightness or
contrast is farther away.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

PATCH = 7
PATCHES = 64
"""Patches of one picture and level."""
DIRECTIONS = 256
SMALLEST = 16
"""Edge of the coarsest level, which is the low-pass picture itself."""
MOST_PICTURES = 1024
"""Pictures whose patches are kept; more would hardly change the distance and fill memory."""
SCALE = 1e3


def sliced_wasserstein(a: Tensor, b: Tensor, directions: Tensor) -> float:
    """Mean 1-Wasserstein distance between the projections of a [N, D] and b [M, D].

    directions: unit vectors [K, D].
    """
    total = 0.0
    for some in directions.split(32):
        total += float(_line_distance(a @ some.T, b @ some.T).double().sum())
    return total / len(directions)


def _line_distance(a: Tensor, b: Tensor) -> Tensor:
    """1-Wasserstein distances [K] between the columns of a [N, K] and b [M, K].

    Each is the mean gap of the two quantile functions.
    """
    a, b = a.sort(dim=0).values, b.sort(dim=0).values
    if len(a) != len(b):
        # Step functions with jumps at i/N and j/M: exact on the union of both grids.
        n, m = len(a), len(b)
        edges = torch.cat(
            [torch.arange(n + 1, dtype=torch.float64) / n, torch.arange(1, m, dtype=torch.float64) / m]
        ).unique()
        width, middle = edges.diff(), 0.5 * (edges[1:] + edges[:-1])
        a, b = a[(middle * n).long().clamp(max=n - 1)], b[(middle * m).long().clamp(max=m - 1)]
        return ((a - b).abs() * width[:, None].to(a.dtype)).sum(dim=0)
    return (a - b).abs().mean(dim=0)


def line_distance(a: Tensor, b: Tensor) -> float:
    """1-Wasserstein distance of two sets of numbers [N], [M], in their unit."""
    return float(_line_distance(a.double()[:, None], b.double()[:, None])[0])


def unit_directions(count: int, dimension: int, seed: int) -> Tensor:
    """[count, dimension], uniform on the sphere."""
    rng = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, dimension, generator=rng), dim=1)


def laplacian_pyramid(images: Tensor) -> list[Tensor]:
    """[B, 3, S, S] → band-pass levels from fine to coarse; the last is the low-pass rest.

    Levels halve down to SMALLEST.
    """
    levels = []
    current = images
    while current.shape[-1] >= 2 * SMALLEST and current.shape[-1] % 2 == 0:
        small = _blur(current)[..., ::2, ::2]
        levels.append(current - _spread(small))
        current = small
    return [*levels, current]


def _blur(x: Tensor, gain: float = 1.0) -> Tensor:
    taps = x.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
    kernel = (gain * torch.outer(taps, taps)).expand(x.shape[1], 1, 5, 5)
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, groups=x.shape[1])


def _spread(x: Tensor) -> Tensor:
    """Twice the size by the same filter: zeros between the pixels, then four times the blur."""
    b, c, h, w = x.shape
    wide = x.new_zeros(b, c, h, 2, w, 2)
    wide[:, :, :, 0, :, 0] = x
    return _blur(wide.reshape(b, c, 2 * h, 2 * w), 4.0)


class PatchSet:
    """Patches of the pyramids of pictures as they come.

    Which places are cut out depends on the picture's number alone.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self.pictures = 0
        self._levels: list[list[Tensor]] = []

    def add(self, images: Tensor) -> None:
        """images [B, 3, S, S] uint8 or float in [0, 1]."""
        x = images.float() / 255.0 if images.dtype == torch.uint8 else images.float()
        x = x[: max(0, MOST_PICTURES - self.pictures)]
        if not len(x):
            return
        pyramid = laplacian_pyramid(x)
        if not self._levels:
            self._levels = [[] for _ in pyramid]
        if len(pyramid) != len(self._levels):
            raise ValueError(f"pictures of one size expected, got {list(images.shape)} after others")
        for number in range(len(x)):
            rng = torch.Generator().manual_seed(self._seed * 1_000_003 + self.pictures)
            for kept, level in zip(self._levels, pyramid, strict=True):
                # Half precision: the patches of a thousand pictures stay under 20 MB per level.
                kept.append(_patches(level[number], rng).half())
            self.pictures += 1

    def level(self, number: int) -> Tensor:
        """All patches of a level, [N, 3, 7, 7] (smaller where the level is)."""
        return torch.cat(self._levels[number]).float()

    @property
    def levels(self) -> int:
        return len(self._levels)


def _patches(picture: Tensor, rng: torch.Generator) -> Tensor:
    edge = min(PATCH, picture.shape[-1])
    windows = picture.unfold(1, edge, 1).unfold(2, edge, 1)
    places = torch.randint(windows.shape[1] * windows.shape[2], (PATCHES,), generator=rng)
    return windows[:, places // windows.shape[2], places % windows.shape[2]].transpose(0, 1)


def patch_distances(real: PatchSet, fake: PatchSet, seed: int = 0) -> list[float]:
    """Distance × 10³ on each level, fine to coarse.

    Raises ValueError when a side is empty or of another size.
    """
    if not real.pictures or not fake.pictures or real.levels != fake.levels:
        raise ValueError(
            f"{real.pictures} pictures of {real.levels} levels against {fake.pictures} of {fake.levels}"
        )
    found = []
    for number in range(real.levels):
        a, b = real.level(number), fake.level(number)
        mean = a.double().mean(dim=(0, 2, 3), keepdim=True).float()
        spread = a.double().std(dim=(0, 2, 3), keepdim=True, unbiased=False).clamp(min=1.0 / 1024.0).float()
        a, b = (((x - mean) / spread).flatten(1) for x in (a, b))
        found.append(SCALE * sliced_wasserstein(a, b, unit_directions(DIRECTIONS, a.shape[1], seed + number)))
    return found
