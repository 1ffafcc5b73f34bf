"""Order of the render process's work: mailboxes that are plain values, a clock that stands still, no process."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from core_model.schema.question_latents import DirectionsQuestion
from core_model.schema.render import RenderRequest, Tier
from viewer.render_client.mailbox import Slot
from viewer.render_client.messages import AskLetter, InspectLetter, RenderLetter
from viewer.render_client.turns import MOMENT_S, MOVING_FIRST, PATIENCE_S, SLICE_S, Turns

QUESTION = DirectionsQuestion(checkpoint="a")


def picture(tier: Tier) -> RenderRequest:
    return RenderRequest(checkpoint="a", tier=tier)


@dataclass
class Desk:
    """Both sides: what the window posts, and whose turn the worker takes it for."""

    letters: dict[Slot, tuple[int, bytes]] = field(default_factory=dict)
    now: float = 0.0
    number: int = 0
    command: bool = False

    def __post_init__(self) -> None:
        self.turns = Turns(self, lambda: self.command, lambda: self.now)

    def peek(self, slot: Slot) -> int:
        return self.letters[slot][0] if slot in self.letters else 0

    def take(self, slot: Slot, after: int) -> tuple[int, bytes] | None:
        return self.letters[slot] if self.peek(slot) > after else None

    def post(self, slot: Slot, letter: object) -> None:
        self.number += 1
        self.letters[slot] = (self.number, pickle.dumps(letter))

    def render(self, tier: Tier) -> None:
        self.post("render", RenderLetter(picture(tier), None))

    def ask(self) -> None:
        self.post("ask", AskLetter(QUESTION))

    def inspect(self) -> None:
        self.post("inspect", InspectLetter(picture(Tier.FULL), 0, 0))

    def next(self) -> str:
        turn = self.turns.next()
        return "" if turn is None else turn.slot


def test_the_order_of_everything_that_waits() -> None:
    desk = Desk()
    desk.render(Tier.REFINED)
    desk.ask()
    desk.inspect()
    assert [desk.next() for _ in range(4)] == ["inspect", "ask", "render", ""]
    assert not desk.turns.any
    for tier, order in ((Tier.MOVING, ["render", "ask"]), (Tier.FULL, ["ask", "render"]), (Tier.SETTLED, ["ask", "render"])):
        desk = Desk()
        desk.ask()
        desk.render(tier)
        assert [desk.next(), desk.next()] == order, tier


@pytest.mark.parametrize("wish", [Desk.ask, Desk.inspect])
def test_refinement_gives_way_at_once_and_goes_on_afterwards(wish: Callable[[Desk], None]) -> None:
    desk = Desk()
    desk.render(Tier.REFINED)
    turn = desk.turns.next()
    assert turn is not None and not desk.turns.picture_gives_way(Tier.REFINED)
    for _ in range(3):  # however often
        wish(desk)
        assert desk.turns.picture_gives_way(Tier.REFINED)
        desk.turns.again(turn)
        assert desk.next() in ("ask", "inspect")
        assert desk.turns.next() == turn
    desk.command = True
    assert desk.turns.picture_gives_way(Tier.REFINED)


def test_a_moving_picture_gives_way_to_nothing() -> None:
    desk = Desk()
    desk.render(Tier.MOVING)
    desk.next()
    desk.ask()
    desk.inspect()
    desk.command = True
    assert not desk.turns.picture_gives_way(Tier.MOVING)


def test_a_full_picture_and_a_stream_of_questions_take_turns() -> None:
    desk = Desk()
    desk.render(Tier.FULL)
    full = desk.turns.next()
    assert full is not None
    desk.ask()
    assert desk.turns.picture_gives_way(Tier.FULL), "what was asked goes before what settles"
    desk.turns.again(full)
    assert desk.next() == "ask"
    desk.ask()  # the next picture of a seed board
    assert desk.turns.next() == full, "a board of questions does not keep the view from settling"
    assert not desk.turns.picture_gives_way(Tier.FULL)
    desk.now += SLICE_S
    assert desk.turns.picture_gives_way(Tier.FULL)
    desk.turns.again(full)
    assert desk.next() == "ask" and desk.turns.next() == full


def test_a_long_question_gives_way_to_a_drag_but_not_to_refinement() -> None:
    desk = Desk()
    desk.ask()
    question = desk.turns.next()
    assert question is not None
    desk.now += MOMENT_S
    desk.render(Tier.REFINED)
    assert not desk.turns.answer_gives_way()
    desk.now += 100.0
    assert not desk.turns.answer_gives_way()
    desk.render(Tier.MOVING)
    assert desk.turns.answer_gives_way()
    desk.turns.again(question)
    assert desk.next() == "render" and desk.turns.next() == question
    assert not desk.turns.answer_gives_way(), "it is let for a moment"
    desk.render(Tier.FULL)
    desk.now += MOMENT_S
    assert not desk.turns.answer_gives_way()
    desk.now += PATIENCE_S
    assert desk.turns.answer_gives_way()


def test_a_walk_without_end_starves_no_question() -> None:
    desk = Desk()
    desk.ask()
    order = []
    for _ in range(3 * (MOVING_FIRST + 1)):
        desk.render(Tier.MOVING)
        turn = desk.turns.next()
        assert turn is not None
        order.append(turn.slot)
        if turn.slot == "ask":
            desk.now += MOMENT_S
            assert desk.turns.answer_gives_way()
            desk.turns.again(turn)
    assert order.count("ask") == 3 and order.index("ask") == MOVING_FIRST


def test_a_newer_question_replaces_the_one_in_hand() -> None:
    desk = Desk()
    desk.ask()
    desk.next()
    assert not desk.turns.answer_gives_way()
    desk.ask()
    assert desk.turns.answer_gives_way()
