"""The seed board's model: seeds, their figures, stars, order, and which picture to request next."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from core_model.schema.config_dir import kept_file, save_kept
from core_model.schema.errors import InputError
from core_model.schema.latent import SEEDS

Order = Literal["seed", "range", "samples", "flatness"]
BINS = 64
KEPT = 0.95
"""Depth bins: bins of the histogram, and share of the nearest depths that count (as `triscope metrics` has it
under "spread")."""
TAIL = 1.0
"""Percent left out at either end of the depth range, so that one stray pixel does not make it."""
BUDGET = 48 << 20
"""Bytes of pictures that are kept in memory."""


@dataclass(frozen=True, eq=False)
class Thumb:
    """pixels [H, W, 3] uint8; depth_range in world units; samples: mean per pixel.

    flatness: exp(entropy) of the depths, 1 to 64. NaN where the checkpoint has no such channel or nothing is
    seen.
    """

    pixels: np.ndarray
    depth_range: float
    samples: float
    flatness: float


def figures(
    depth: np.ndarray | None, samples: np.ndarray | None, near: float, far: float
) -> tuple[float, float, float]:
    """(depth range, mean samples, depth bins in use) of a picture.

    depth [H, W]: NaN where nothing is seen. samples [H, W].
    """
    mean = math.nan if samples is None else float(np.nanmean(samples))
    found = np.zeros(0) if depth is None else np.sort(depth[np.isfinite(depth)].astype(np.float64))
    if not found.size:
        return math.nan, mean, math.nan
    low, high = np.percentile(found, (TAIL, 100.0 - TAIL))
    kept = found[: max(1, round(KEPT * found.size))]
    place = np.clip(((kept - near) / (far - near) * BINS).astype(np.int64), 0, BINS - 1)
    share = np.bincount(place, minlength=BINS) / kept.size
    share = share[share > 0]
    return float(high - low), mean, float(np.exp(-(share * np.log(share)).sum()))


class Board:
    """Pictures by seed; `look` is whatever else the pictures depend on."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.thumbs: dict[int, Thumb] = {}
        self.failed: set[int] = set()
        self._budget = budget
        self._look: object = None

    def follow(self, look: object) -> bool:
        """Forget everything when the look has changed; True then."""
        if look == self._look:
            return False
        self._look = look
        self.thumbs.clear()
        self.failed.clear()
        return True

    @property
    def nbytes(self) -> int:
        return sum(t.pixels.nbytes for t in self.thumbs.values())

    def capacity(self, edge: int) -> int:
        """How many pictures of this edge fit the budget."""
        return max(1, self._budget // (3 * edge * edge))

    def take(self, seed: int, thumb: Thumb) -> None:
        self.thumbs[seed] = thumb

    def missing(self, shown: Sequence[int], others: Sequence[int]) -> int | None:
        """The seed whose picture is wanted next: those on the screen first, then the rest in order."""
        for seeds in (shown, others):
            for seed in seeds:
                if seed not in self.thumbs and seed not in self.failed:
                    return seed
        return None


def ordered(seeds: Sequence[int], by: Order, falling: bool, thumbs: dict[int, Thumb]) -> list[int]:
    """Seeds in the order of a figure; those without one come last, in the order of their numbers."""
    if by == "seed":
        return sorted(seeds, reverse=falling)
    value: Callable[[Thumb], float] = {
        "range": lambda t: t.depth_range, "samples": lambda t: t.samples, "flatness": lambda t: t.flatness,
    }[by]  # fmt: skip
    known = [(value(thumbs[s]), s) for s in seeds if s in thumbs and math.isfinite(value(thumbs[s]))]
    have = {s for _, s in known}
    rest = sorted(s for s in seeds if s not in have)
    return [s for _, s in sorted(known, key=lambda pair: (-pair[0] if falling else pair[0], pair[1]))] + rest


def visible_rows(scroll: float, height: float, row: float, count: int, spare: int = 2) -> tuple[int, int]:
    """First row and the row after the last that are in sight, with `spare` rows more at either end."""
    first = int(scroll // row) - spare
    last = math.ceil((scroll + height) / row) + spare
    return max(0, min(first, count)), max(0, min(last, count))


def stars_path(sha256: str) -> Path:
    """Where the starred seeds of a checkpoint are kept."""
    return kept_file("stars", sha256, ".json")


def read_stars(path: Path) -> frozenset[int]:
    """Starred seeds; none where there is no file.

    Raises InputError with one line for a file that is no good.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError) as error:
        raise InputError(what="stars not read", where=str(path), got=str(error).splitlines()[0]) from None
    if not isinstance(found, list) or not all(isinstance(s, int) and 0 <= s < SEEDS for s in found):
        raise InputError(
            what="stars not read", where=str(path), expected="a list of seeds", got=type(found).__name__
        )
    return frozenset(found)


def write_stars(path: Path, stars: frozenset[int]) -> None:
    """Atomic; raises InputError where the folder cannot be written."""
    save_kept(path, "stars", json.dumps(sorted(stars)).encode())
