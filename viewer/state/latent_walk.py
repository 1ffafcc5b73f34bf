"""A walk through the latents: from seed to seed on a smooth curve, or around the seed plane.

Pure: time is an argument. It advances only when the picture of its present position is displayed, so that no
picture is thrown away half rendered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from core_model.schema.latent import LatentSpec, SeedWeight
from viewer.state.latent_blend import (
    SEEDS,
    Blend,
    SeedPlane,
    main_seed,
    mixed,
    on_ring,
    ring_of,
    spline_weights,
)

WalkKind = Literal["seeds", "plane"]
LONGEST_STEP_S = 0.5
"""A renderer slower than this makes the walk slower instead of rougher."""
PATIENCE_S = 10.0
"""After it the walk moves on without a picture: the render process was restarted, or the last one was
lost."""
SPREAD = 0.5
"""How fast a walk round the plane reaches its border: share of the half edge per edge walked."""


@dataclass
class Walk:
    """One window's walk. speed: seeds per second (edges of the plane per second), negative = backwards.

    spared: the mouse is over a control of the walk, so that a click does not stop it.
    """

    kind: WalkKind = "seeds"
    speed: float = 0.5
    playing: bool = False
    spared: bool = False
    position: float = 0.0
    _start: Blend = ()
    _base: int = 0
    _plane: SeedPlane | None = None
    _written: LatentSpec | None = None
    _moved_at: float = 0.0

    def play(self, latent: LatentSpec, plane: SeedPlane, now: float) -> None:
        """Begin at `latent` (walk from seed to seed) or at the plane's dot (walk round it)."""
        self.playing, self.position = True, 0.0
        self._start, self._base = latent.seeds, main_seed(latent)
        self._plane, self._written, self._moved_at = plane, latent, now

    def stop(self) -> None:
        self.playing, self._written = False, None

    def step(self, latent: LatentSpec, shown: bool, now: float) -> LatentSpec:
        """The latent at time `now` [s].

        The latent stays until its picture is `shown`; the walk stops when something else has changed the
        latent.
        """
        if not self.playing:
            return latent
        if latent != self._written:
            self.stop()
            return latent
        waited = now - self._moved_at
        if waited <= 0.0 or (not shown and waited < PATIENCE_S):
            return latent
        self.position += self.speed * min(waited, LONGEST_STEP_S)
        self._moved_at = now
        seeds = self._blend_at(self.position) if self.kind == "seeds" else self._on_plane(self.position)
        self._written = latent.replace(seeds=seeds, z=None, w=None)
        return self._written

    def _blend_at(self, p: float) -> Blend:
        k = math.floor(p)
        factors = spline_weights(p - k)
        return mixed(tuple((self._point(k - 1 + i), f) for i, f in enumerate(factors) if f))

    def _point(self, index: int) -> Blend:
        """The walk's points: where it began, then one seed after the other."""
        return self._start if index == 0 else (SeedWeight(seed=(self._base + index) % SEEDS),)

    def _on_plane(self, p: float) -> Blend:
        assert self._plane is not None
        q, radius = ring_of(self._plane.x, self._plane.y)
        return self._plane.moved(*on_ring(q + p, min(1.0, radius + SPREAD * abs(p)))).seeds
