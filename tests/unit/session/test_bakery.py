"""A session's baked volumes: stopped work goes on, finished ones are kept within a bound, and a closed checkpoint leaves nothing."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch

from core_model.fields.base import Field
from core_model.queries import QuerySession
from core_model.rendering.brick_pyramid import BrickPyramid
from core_model.schema.errors import Cancelled, InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.question_bake import BakeQuestion
from core_model.session import bakery


def question(checkpoint: str, level: int = 64, seed: int = 0) -> BakeQuestion:
    return BakeQuestion(checkpoint=checkpoint, latent=LatentSpec.of_seed(seed), level=level)


@pytest.fixture
def pyramids(monkeypatch: pytest.MonkeyPatch) -> list[BrickPyramid]:
    """Every pyramid that a session begins."""
    made: list[BrickPyramid] = []

    class Recorded(BrickPyramid):
        def __init__(self, field: Field, box: float, device: torch.device) -> None:
            super().__init__(field, box, device)
            made.append(self)

    monkeypatch.setattr(bakery, "BrickPyramid", Recorded)
    return made


def evaluated(pyramids: list[BrickPyramid]) -> int:
    """Points that their fields were asked for."""
    return sum(p.evaluations for p in pyramids)


def test_a_volume_that_gave_way_goes_on(tiny: str, pyramids: list[BrickPyramid]) -> None:
    whole = QuerySession(device="cpu", threads=1).bake(question(tiny))
    once = evaluated(pyramids)
    pyramids.clear()
    session, looks, given_way = QuerySession(device="cpu", threads=1), 0, 0

    def cancelled() -> bool:
        nonlocal looks
        looks += 1
        return looks % 3 == 0

    while True:
        try:
            made = session.bake(question(tiny), cancelled)
            break
        except Cancelled:
            given_way += 1
    assert given_way >= 3 and evaluated(pyramids) == once, "no point is evaluated twice"
    assert made.spec == whole.spec
    for name in ("index", "clear", "value", "colour"):
        np.testing.assert_array_equal(getattr(made.arrays, name), getattr(whole.arrays, name))


def test_the_finer_volume_goes_on_from_the_coarser_one(tiny: str, pyramids: list[BrickPyramid]) -> None:
    session = QuerySession(device="cpu", threads=1)
    coarse = session.bake(question(tiny, 64))
    first = evaluated(pyramids)
    fine = session.bake(question(tiny, 128))
    went_on = evaluated(pyramids)
    pyramids.clear()
    QuerySession(device="cpu", threads=1).bake(question(tiny, 128))
    assert evaluated(pyramids) == went_on > first
    assert fine.spec.level == 128 and coarse.spec.level == 64
    assert session.bake(question(tiny, 64)) is coarse and session.bake(question(tiny, 128)) is fine


def test_finished_volumes_are_kept_within_a_bound(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = QuerySession(device="cpu", threads=1).bake(question(tiny)).arrays.nbytes
    monkeypatch.setattr(bakery, "KEPT_BYTES", int(2.5 * one))
    session = QuerySession(device="cpu", threads=1)
    volumes = [session.bake(question(tiny, seed=s)) for s in range(4)]
    assert session._bakery._done.used <= 2.5 * one
    assert len(session._bakery._begun) == bakery.BEGUN
    assert session.bake(question(tiny, seed=3)) is volumes[3]
    assert session.bake(question(tiny, seed=0)) is not volumes[0]


def test_a_volume_that_nobody_waits_for_is_freed_at_once(tiny: str) -> None:
    """Stopped in the middle of a step, a pyramid and its generator hold each other: tens of MB for the collector to find, one day."""
    session, alive = QuerySession(device="cpu", threads=1), weakref.WeakSet[BrickPyramid]()
    gc.collect()
    gc.disable()
    try:
        for seed in range(6):
            looks = iter([False] * (3 + seed) + [True])
            with pytest.raises(Cancelled):
                session.bake(question(tiny, 128, seed), lambda looks=looks: next(looks))
            alive.update(session._bakery._begun.values())
        assert len(alive) == bakery.BEGUN
        session.close(tiny)
        assert not alive
    finally:
        gc.enable()


def test_closing_gives_the_memory_back(tiny: str) -> None:
    session = QuerySession(device="cpu", threads=1)
    session.bake(question(tiny, 128))
    assert session.cached_bytes > 0
    session.close(tiny)
    assert session.cached_bytes == 0


def test_a_question_answers_with_the_same_volume(tiny: str) -> None:
    session = QuerySession(device="cpu", threads=1)
    answer, made = session.answer(question(tiny)), session.bake(question(tiny))
    assert answer.values["spec"] == made.spec
    for name in ("index", "clear", "value", "colour"):
        np.testing.assert_array_equal(answer.arrays[name], getattr(made.arrays, name))


def test_an_unknown_level_is_refused(tiny: str) -> None:
    with pytest.raises(InputError, match="64, 128, 256, 512"):
        QuerySession(device="cpu", threads=1).bake(question(tiny, 100))
