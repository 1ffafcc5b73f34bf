"""Blends of seeds in w as plain numbers: the seed plane with its four corners, and a spline from seed to
seed.
"""

from __future__ import annotations

from dataclasses import dataclass

from core_model.schema.latent import SEEDS, LatentSpec, SeedWeight

TINY = 1e-6
"""Weights below it are left out of a walk's blends."""
Blend = tuple[SeedWeight, ...]
Corners = tuple[int, int, int, int]


@dataclass(frozen=True)
class SeedPlane:
    """Four seeds at the corners of a square and a dot inside it.

    corners: top left, top right, bottom left, bottom right. x, y in [0, 1]: x to the right, y down.
    """

    corners: Corners
    x: float
    y: float

    @property
    def weights(self) -> tuple[float, float, float, float]:
        """Bilinear weights of the corners; they sum to 1."""
        x, y = self.x, self.y
        return ((1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y)

    @property
    def seeds(self) -> Blend:
        """The blend as a LatentSpec holds it: always all four corners, so that the plane can be recovered
        from it.
        """
        return tuple(SeedWeight(seed=s, weight=w) for s, w in zip(self.corners, self.weights, strict=True))

    def moved(self, x: float, y: float) -> SeedPlane:
        """A copy with the dot at (x, y), held inside the square."""
        return SeedPlane(self.corners, min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0))

    def with_corner(self, index: int, seed: int) -> SeedPlane:
        corners = list(self.corners)
        corners[index] = seed % SEEDS
        return SeedPlane((corners[0], corners[1], corners[2], corners[3]), self.x, self.y)


def plane_of(latent: LatentSpec, kept: Corners) -> tuple[SeedPlane, bool]:
    """(plane, whether its dot is what is shown).

    Four seeds with bilinear weights are a plane. A single seed that is one of the `kept` corners is that
    corner; any other one becomes the top left corner beside the kept others. Any other blend is not on a
    plane.
    """
    seeds = latent.seeds
    plain = latent.z is None and latent.w is None
    if len(seeds) == 4:
        w = [s.weight for s in seeds]
        bilinear = abs(sum(w) - 1.0) < 1e-6 and min(w) >= -1e-9 and abs(w[0] * w[3] - w[1] * w[2]) < 1e-9
        if bilinear:
            found = SeedPlane(
                (seeds[0].seed, seeds[1].seed, seeds[2].seed, seeds[3].seed), w[1] + w[3], w[2] + w[3]
            )
            return found.moved(found.x, found.y), plain
    if len(seeds) == 1:
        seed = seeds[0].seed
        if seed in kept:
            at = kept.index(seed)
            return SeedPlane(kept, float(at % 2), float(at // 2)), plain
        return SeedPlane((seed, kept[1], kept[2], kept[3]), 0.0, 0.0), plain
    return SeedPlane(kept, 0.5, 0.5), False


def neighbours(seed: int) -> Corners:
    """A plane's first corners about a seed: it and the three after it."""
    return (seed, (seed + 1) % SEEDS, (seed + 2) % SEEDS, (seed + 3) % SEEDS)


def thousand_about(seed: int) -> tuple[int, int]:
    """First and last seed of its thousand: fewer at the end, as there are 2³² seeds."""
    first = seed - seed % 1000
    return first, min(first + 999, SEEDS - 1)


def main_seed(latent: LatentSpec) -> int:
    """The seed with the largest weight; 0 where there is none."""
    return max(latent.seeds, key=lambda s: s.weight).seed if latent.seeds else 0


def describe(latent: LatentSpec) -> str:
    """What a latent is, in a few words: "seed 12", "seeds 12 + 13", "own w"."""
    if latent.w is not None or latent.z is not None:
        return "own w" if latent.w is not None else "own z"
    parts = sorted((s for s in latent.seeds if abs(s.weight) > 0.005), key=lambda s: -abs(s.weight))
    names = " + ".join(str(s.seed) for s in parts[:3]) + (" + …" if len(parts) > 3 else "")
    return f"seed{'s' if len(parts) > 1 else ''} {names}"


def mixed(parts: tuple[tuple[Blend, float], ...]) -> Blend:
    """Σ factor · blend, every blend normalised first, each seed once; factors must sum to 1."""
    total: dict[int, float] = {}
    for blend, factor in parts:
        whole = sum(s.weight for s in blend)
        for s in blend:
            total[s.seed] = total.get(s.seed, 0.0) + factor * s.weight / whole
    kept = {seed: weight for seed, weight in total.items() if abs(weight) > TINY}
    return tuple(SeedWeight(seed=seed, weight=weight) for seed, weight in kept.items())


def spline_weights(t: float) -> tuple[float, float, float, float]:
    """Catmull-Rom weights of the points before, at, after and beyond, t in [0, 1]; they sum to 1."""
    return (
        0.5 * t * (-1.0 + t * (2.0 - t)),
        0.5 * (2.0 + t * t * (-5.0 + 3.0 * t)),
        0.5 * t * (1.0 + t * (4.0 - 3.0 * t)),
        0.5 * t * t * (t - 1.0),
    )


def on_ring(q: float, radius: float) -> tuple[float, float]:
    """Point of a square ring about the middle of the plane.

    q: edges walked from the top left corner, clockwise. radius: 1 = the border.
    """
    edge, t = int(q % 4.0), q % 1.0
    x, y = ((t, 0.0), (1.0, t), (1.0 - t, 1.0), (0.0, 1.0 - t))[edge]
    return 0.5 + radius * (x - 0.5), 0.5 + radius * (y - 0.5)


def ring_of(x: float, y: float) -> tuple[float, float]:
    """(q, radius) with `on_ring(q, radius)` = (x, y)."""
    dx, dy = 2.0 * x - 1.0, 2.0 * y - 1.0
    radius = max(abs(dx), abs(dy))
    if radius < 1e-6:
        return 0.0, 0.0
    dx, dy = 0.5 * dx / radius + 0.5, 0.5 * dy / radius + 0.5
    if dy <= 1e-9:
        return dx, radius
    if dx >= 1.0 - 1e-9:
        return 1.0 + dy, radius
    if dy >= 1.0 - 1e-9:
        return 3.0 - dx, radius
    return (4.0 - dy) % 4.0, radius
