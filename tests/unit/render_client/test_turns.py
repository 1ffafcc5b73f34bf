"""Order of the render process's work: mailboxes that are plain values, a clock that stands still, no process."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from core_model.schema.question import DirectionsQuestion
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import RenderRequest, Tier
from viewer.render_client.mailbox import Slot
from viewer.render_client.messages import AskRequest, BakeRequest, InspectRequest, PictureRequest
from viewer.render_client.turns import (
    BAKE_MIN_S,
    MOVING_PER_QUESTION,
    PICTURE_MIN_S,
    QUESTION_MAX_S,
    QUESTION_MIN_S,
    QUICK_LEVEL,
    Turns,
)

QUESTION = DirectionsQuestion(checkpoint="a")


def picture(tier: Tier) -> RenderRequest:
    return RenderRequest(checkpoint="a", tier=tier)


@dataclass
class Waiting:
    """Both sides: what the window posts, and whose turn the worker takes it for."""

    posted: dict[Slot, tuple[int, bytes]] = field(default_factory=dict)
    now: float = 0.0
    number: int = 0
    command: bool = False

    def __post_init__(self) -> None:
        self.turns = Turns(self, lambda: self.command, lambda: self.now)

    def peek(self, slot: Slot) -> int:
        return self.posted[slot][0] if slot in self.posted else 0

    def take(self, slot: Slot, after: int) -> tuple[int, bytes] | None:
        return self.posted[slot] if self.peek(slot) > after else None

    def post(self, slot: Slot, message: object) -> None:
        self.number += 1
        self.posted[slot] = (self.number, pickle.dumps(message))

    def render(self, tier: Tier) -> None:
        self.post("render", PictureRequest(picture(tier), None))

    def ask(self) -> None:
        self.post("ask", AskRequest(QUESTION))

    def inspect(self) -> None:
        self.post("inspect", InspectRequest(picture(Tier.FULL), 0, 0))

    def bake(self, level: int = QUICK_LEVEL) -> None:
        self.post("bake", BakeRequest(BakeQuestion(checkpoint="a", level=level)))

    def next(self) -> str:
        turn = self.turns.next()
        return "" if turn is None else turn.slot


def test_the_order_of_everything_that_waits() -> None:
    waiting = Waiting()
    waiting.render(Tier.REFINED)
    waiting.ask()
    waiting.inspect()
    assert [waiting.next() for _ in range(4)] == ["inspect", "ask", "render", ""]
    assert not waiting.turns.any
    for tier, order in (
        (Tier.MOVING, ["render", "ask"]),
        (Tier.FULL, ["ask", "render"]),
        (Tier.SETTLED, ["ask", "render"]),
    ):
        waiting = Waiting()
        waiting.ask()
        waiting.render(tier)
        assert [waiting.next(), waiting.next()] == order, tier


@pytest.mark.parametrize("wish", [Waiting.ask, Waiting.inspect])
def test_refinement_gives_way_at_once_and_goes_on_afterwards(wish: Callable[[Waiting], None]) -> None:
    waiting = Waiting()
    waiting.render(Tier.REFINED)
    turn = waiting.turns.next()
    assert turn is not None and not waiting.turns.picture_gives_way(Tier.REFINED)
    for _ in range(3):  # however often
        wish(waiting)
        assert waiting.turns.picture_gives_way(Tier.REFINED)
        waiting.turns.again(turn)
        assert waiting.next() in ("ask", "inspect")
        assert waiting.turns.next() == turn
    waiting.command = True
    assert waiting.turns.picture_gives_way(Tier.REFINED)


def test_a_moving_picture_gives_way_to_nothing() -> None:
    waiting = Waiting()
    waiting.render(Tier.MOVING)
    waiting.next()
    waiting.ask()
    waiting.inspect()
    waiting.command = True
    assert not waiting.turns.picture_gives_way(Tier.MOVING)


def test_a_full_picture_and_a_stream_of_questions_take_turns() -> None:
    waiting = Waiting()
    waiting.render(Tier.FULL)
    full = waiting.turns.next()
    assert full is not None
    waiting.ask()
    assert waiting.turns.picture_gives_way(Tier.FULL), "what was asked goes before what settles"
    waiting.turns.again(full)
    assert waiting.next() == "ask"
    waiting.ask()  # the next picture of a seed board
    assert waiting.turns.next() == full, "a board of questions does not keep the view from settling"
    assert not waiting.turns.picture_gives_way(Tier.FULL)
    waiting.now += PICTURE_MIN_S
    assert waiting.turns.picture_gives_way(Tier.FULL)
    waiting.turns.again(full)
    assert waiting.next() == "ask" and waiting.turns.next() == full


def test_a_long_question_gives_way_to_a_drag_but_not_to_refinement() -> None:
    waiting = Waiting()
    waiting.ask()
    question = waiting.turns.next()
    assert question is not None
    waiting.now += QUESTION_MIN_S
    waiting.render(Tier.REFINED)
    assert not waiting.turns.answer_gives_way()
    waiting.now += 100.0
    assert not waiting.turns.answer_gives_way()
    waiting.render(Tier.MOVING)
    assert waiting.turns.answer_gives_way()
    waiting.turns.again(question)
    assert waiting.next() == "render" and waiting.turns.next() == question
    assert not waiting.turns.answer_gives_way(), "it is let for a moment"
    waiting.render(Tier.FULL)
    waiting.now += QUESTION_MIN_S
    assert not waiting.turns.answer_gives_way()
    waiting.now += QUESTION_MAX_S
    assert waiting.turns.answer_gives_way()


def test_a_walk_without_end_starves_no_question() -> None:
    waiting = Waiting()
    waiting.ask()
    order = []
    for _ in range(3 * (MOVING_PER_QUESTION + 1)):
        waiting.render(Tier.MOVING)
        turn = waiting.turns.next()
        assert turn is not None
        order.append(turn.slot)
        if turn.slot == "ask":
            waiting.now += QUESTION_MIN_S
            assert waiting.turns.answer_gives_way()
            waiting.turns.again(turn)
    assert order.count("ask") == 3 and order.index("ask") == MOVING_PER_QUESTION


def test_a_newer_question_replaces_the_one_in_hand() -> None:
    waiting = Waiting()
    waiting.ask()
    waiting.next()
    assert not waiting.turns.answer_gives_way()
    waiting.ask()
    assert waiting.turns.answer_gives_way()


def test_a_quick_volume_follows_the_first_picture_of_a_new_view() -> None:
    waiting = Waiting()
    waiting.render(Tier.REFINED)  # of the view before
    assert waiting.next() == "render"
    waiting.render(Tier.MOVING)
    waiting.bake()
    waiting.ask()
    assert [waiting.next() for _ in range(4)] == ["render", "bake", "ask", ""]


@pytest.mark.parametrize("tier", [Tier.SETTLED, Tier.FULL, Tier.REFINED])
def test_a_quick_volume_goes_before_pictures_at_rest(tier: Tier) -> None:
    waiting = Waiting()
    waiting.render(tier)
    waiting.bake()
    assert [waiting.next(), waiting.next()] == ["bake", "render"]


def test_a_quick_volume_and_moving_pictures_take_turns() -> None:
    waiting = Waiting()
    waiting.bake()
    turn = waiting.turns.next()
    assert turn is not None and turn.slot == "bake"
    for _ in range(3):
        waiting.render(Tier.MOVING)
        assert not waiting.turns.bake_gives_way(QUICK_LEVEL)
        waiting.now += BAKE_MIN_S
        assert waiting.turns.bake_gives_way(QUICK_LEVEL)
        waiting.turns.again(turn)
        assert waiting.next() == "render"
        waiting.render(Tier.MOVING)  # the hand moves on
        assert waiting.turns.next() == turn
    waiting.command = True
    assert waiting.turns.bake_gives_way(QUICK_LEVEL)


def test_a_fine_volume_waits_for_all_but_refinement() -> None:
    waiting = Waiting()
    waiting.bake(256)
    turn = waiting.turns.next()
    assert turn is not None
    waiting.render(Tier.REFINED)
    assert not waiting.turns.bake_gives_way(256)
    for post in (
        lambda: waiting.render(Tier.FULL),
        waiting.ask,
        waiting.inspect,
        lambda: waiting.render(Tier.MOVING),
    ):
        post()
        assert waiting.turns.bake_gives_way(256)
        waiting.turns.again(turn)
        assert waiting.next() in ("render", "ask", "inspect")
        assert waiting.turns.next() == turn
    waiting.render(Tier.REFINED)
    refined = waiting.turns.next()
    assert refined is not None and refined.slot == "render"
    waiting.bake(256)
    assert waiting.turns.picture_gives_way(Tier.REFINED)


def test_a_newer_wish_replaces_the_volume_in_the_making() -> None:
    waiting = Waiting()
    waiting.bake(256)
    turn = waiting.turns.next()
    assert turn is not None
    waiting.bake(128)
    assert waiting.turns.bake_gives_way(256)
    waiting.turns.again(turn)
    assert waiting.next() == "bake" and not waiting.turns.any
    waiting.post("bake", BakeRequest(None))
    assert waiting.next() == "bake" and not waiting.turns.any
