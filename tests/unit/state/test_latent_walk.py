"""Seed plane and walk: weights, continuity, one picture at a time, and that a hand on the latent stops it."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.schema.latent import LatentSpec, SeedWeight
from viewer.state.latent_blend import (
    SeedPlane,
    describe,
    mixed,
    neighbours,
    on_ring,
    plane_of,
    ring_of,
    spline_weights,
    thousand_about,
)
from viewer.state.latent_walk import Walk

CORNERS = (10, 20, 30, 40)


def points(latent: LatentSpec) -> np.ndarray:
    """The blend as a point, each seed at its own random place [8]; weights as a renderer normalises them."""
    total = sum(s.weight for s in latent.seeds)
    return sum(s.weight / total * np.random.RandomState(s.seed).randn(8) for s in latent.seeds)


@pytest.mark.parametrize(
    "seed, first, last", [(0, 0, 999), (2999, 2000, 2999), (2**32 - 1, 4_294_967_000, 2**32 - 1)]
)
def test_a_hand_browses_only_seeds_that_there_are(seed: int, first: int, last: int) -> None:
    assert thousand_about(seed) == (first, last)
    assert LatentSpec.of_seed(first) and LatentSpec.of_seed(last)


def test_a_plane_is_read_back_from_the_latent_that_it_makes() -> None:
    plane = SeedPlane(CORNERS, 0.3, 0.8)
    assert sum(plane.weights) == pytest.approx(1.0)
    found, shown = plane_of(LatentSpec(seeds=plane.seeds), neighbours(0))
    assert (
        shown and found.corners == CORNERS and (found.x, found.y) == (pytest.approx(0.3), pytest.approx(0.8))
    )
    assert plane.moved(-3.0, 7.0) == SeedPlane(CORNERS, 0.0, 1.0)
    assert plane.with_corner(2, 2**32 + 5).corners == (10, 20, 5, 40)


def test_seeds_that_are_no_plane() -> None:
    assert plane_of(LatentSpec.of_seed(30), CORNERS) == (SeedPlane(CORNERS, 0.0, 1.0), True)
    assert plane_of(LatentSpec.of_seed(7), CORNERS)[0].corners == (7, 20, 30, 40)
    two = LatentSpec(seeds=(SeedWeight(seed=1), SeedWeight(seed=2)))
    assert plane_of(two, CORNERS)[1] is False
    own = LatentSpec(seeds=SeedPlane(CORNERS, 0.5, 0.5).seeds, w=((0.0, 1.0),))
    assert plane_of(own, CORNERS)[1] is False


@pytest.mark.parametrize("at", [(0.0, 0.0), (1.0, 0.25), (0.6, 1.0), (0.0, 0.5), (0.3, 0.45), (0.9, 0.2)])
def test_the_ring_through_a_point(at: tuple[float, float]) -> None:
    assert on_ring(*ring_of(*at)) == pytest.approx(at, abs=1e-6)


def test_blends_add_up_and_name_their_seeds() -> None:
    a, b = (SeedWeight(seed=1, weight=3.0), SeedWeight(seed=2, weight=1.0)), (SeedWeight(seed=2),)
    assert {s.seed: s.weight for s in mixed(((a, 0.5), (b, 0.5)))} == pytest.approx({1: 0.375, 2: 0.625})
    assert sum(spline_weights(0.37)) == pytest.approx(1.0) and spline_weights(0.0) == (0.0, 1.0, 0.0, 0.0)
    assert describe(LatentSpec(seeds=a)) == "seeds 1 + 2" and describe(LatentSpec.of_seed(4)) == "seed 4"
    assert describe(LatentSpec(w=((1.0,),))) == "own w"


@pytest.mark.parametrize("kind", ["seeds", "plane"])
def test_a_walk_is_smooth_keeps_its_speed_and_passes_the_seeds(kind) -> None:
    plane = SeedPlane(CORNERS, 0.0, 0.0)
    latent = LatentSpec(seeds=plane.seeds, psi=0.5) if kind == "plane" else LatentSpec.of_seed(10, psi=0.5)
    walk = Walk(kind=kind, speed=0.5)
    walk.play(latent, plane, 0.0)
    track = [latent]
    for i in range(1, 81):
        track.append(walk.step(track[-1], True, 0.05 * i))
    assert walk.position == pytest.approx(2.0) and all(t.psi == 0.5 for t in track)
    way = np.array([points(t) for t in track])
    assert (
        np.linalg.norm(np.diff(way, axis=0), axis=1).max() < 0.35
    )  # no jump: the seeds themselves lie about 4 apart
    second, third = (CORNERS[1], CORNERS[3]) if kind == "plane" else (11, 12)
    for at, seed in ((40, second), (80, third)):
        np.testing.assert_allclose(way[at], points(LatentSpec.of_seed(seed)), atol=1e-4)


def test_a_walk_from_a_blend_begins_where_it_stands() -> None:
    latent = LatentSpec(seeds=SeedPlane(CORNERS, 0.4, 0.3).seeds)
    walk = Walk(speed=1.0)
    walk.play(latent, SeedPlane(CORNERS, 0.4, 0.3), 0.0)
    assert np.linalg.norm(points(walk.step(latent, True, 0.01)) - points(latent)) < 0.1


def test_a_walk_waits_for_its_picture_and_stops_for_a_hand() -> None:
    latent, plane = LatentSpec.of_seed(3), SeedPlane(CORNERS, 0.0, 0.0)
    walk = Walk(speed=1.0)
    walk.play(latent, plane, 0.0)
    assert walk.step(latent, False, 0.4) is latent
    first = walk.step(latent, True, 0.45)
    assert first != latent and walk.position == pytest.approx(0.45)
    assert walk.step(first, False, 10.4) is first
    assert walk.step(first, False, 10.5) != first and walk.position == pytest.approx(
        0.95
    )  # gave up on that picture; half a second at most
    other = LatentSpec.of_seed(99)
    assert walk.step(other, True, 11.0) is other and not walk.playing
    assert walk.step(other, True, 12.0) is other
