"""Which request the render process works on next.

Requests wait in four mailboxes: a ray to inspect, a picture, a question, a baked volume. From first to last:

1. A ray, or a picture of a moving view. After every `MOVING_PER_QUESTION` such pictures a waiting question gets
   `QUESTION_MIN_S`, so that a latent walk does not starve it.
2. A volume of at most `QUICK_LEVEL` cells per edge: with it a moving view needs no pictures any more. It waits for the
   moving picture that was asked for before it, then alternates with moving pictures, `BAKE_MIN_S` at a time.
3. A question.
4. A settled or full picture. It alternates with questions: after a question it runs for at least `PICTURE_MIN_S`
   before it stops for the next, and a question that takes longer than `QUESTION_MAX_S` stops for it.
5. A finer volume: stops at once for anything above.
6. Further channels of the full picture, or a refined one: stops at once for anything else.

Stopping loses no work: the session continues an interrupted picture, answer or volume
(`core_model.session.unfinished`, `core_model.session.bakery`).
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from core_model.schema.render import IDLE, Tier
from viewer.render_client.mailbox import Slot

PICTURE_MIN_S = 0.25
"""Least time of a settled or full picture after a question or a ray."""
QUESTION_MAX_S = 2.0
"""Longest time that a question keeps a settled or full picture waiting."""
QUESTION_MIN_S = 0.03
"""Least time of a question: enough for a part of the answer, too short to be noticed during a drag."""
MOVING_PER_QUESTION = 8
"""Moving pictures that are rendered before a waiting question."""

BAKE_MIN_S = 0.4
"""Least time of a quick volume between two moving pictures: more than all of it on two quiet cores. With 0.25 s beside other
work it took up to twice as long to come; with 1 s there were gaps of 2.5 s between pictures."""
QUICK_LEVEL = 128
"""Finest volume that goes before questions and settled pictures, cells per edge."""


class Mailboxes(Protocol):
    """The part of `ControlBlock` that holds waiting requests."""

    def peek(self, slot: Slot) -> int: ...
    def take(self, slot: Slot, after: int) -> tuple[int, bytes] | None: ...


@dataclass(frozen=True)
class Turn:
    """A request to work on: its mailbox, its number and the unpickled message."""

    slot: Slot
    number: int
    message: Any


class Turns:
    """Chooses the next request (`next`), and says during the work on it whether it must stop for another one.

    command_waits: whether a command (open, close, save …) waits; clock: seconds, monotonic.
    """

    def __init__(
        self,
        mailboxes: Mailboxes,
        command_waits: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mailboxes, self._command_waits, self._clock = mailboxes, command_waits, clock
        self._done: dict[Slot, int] = {"inspect": 0, "render": 0, "ask": 0, "bake": 0}
        self._read: dict[Slot, Turn] = {}
        self._now: Slot | None = None
        self._before: Slot | None = None
        self._begun = 0.0
        self._passed = 0

    @property
    def any(self) -> bool:
        """Whether there is anything to do."""
        return any(self._waits(slot) for slot in self._done)

    def next(self) -> Turn | None:
        """Take the request to work on; None when there is none."""
        turn = self._choose()
        if turn is not None:
            self._done[turn.slot] = turn.number
            self._before, self._now, self._begun = self._now, turn.slot, self._clock()
        return turn

    def again(self, turn: Turn) -> None:
        """The work on it was interrupted: it waits again, unless a newer request has replaced it."""
        self._done[turn.slot] = turn.number - 1

    def picture_gives_way(self, tier: Tier) -> bool:
        """Whether the picture that is being rendered has to stop for a request of another mailbox."""
        if tier is Tier.MOVING:
            return False
        if tier in IDLE and self._waits("bake"):
            return True
        waits = self._waits("inspect") or self._waits("ask")
        if (
            tier not in IDLE
            and self._before in ("inspect", "ask")
            and self._clock() - self._begun < PICTURE_MIN_S
        ):
            waits = False
        return waits or self._command_waits()

    def answer_gives_way(self) -> bool:
        """Whether the question that is being answered has to stop."""
        if self._waits("ask"):
            return True  # a newer one has replaced it
        worked = self._clock() - self._begun
        if worked < QUESTION_MIN_S:
            return False
        if self._waits("inspect") or self._command_waits():
            return True
        tier = self._tier()
        return tier is Tier.MOVING or (tier in (Tier.SETTLED, Tier.FULL) and worked >= QUESTION_MAX_S)

    def bake_gives_way(self, level: int) -> bool:
        """Whether the volume of this level that is being made has to stop."""
        if self._waits("bake") or self._waits("inspect") or self._command_waits():
            return True
        tier = self._tier()
        if level <= QUICK_LEVEL:
            return tier is Tier.MOVING and self._clock() - self._begun >= BAKE_MIN_S
        return self._waits("ask") or tier in (Tier.MOVING, Tier.SETTLED, Tier.FULL)

    def _choose(self) -> Turn | None:
        ray = self._newest("inspect")
        if ray is not None:
            return ray
        picture, bake = self._newest("render"), self._newest("bake")
        if bake is None:
            return self._picture_or_question(picture)
        wish, tier = bake.message.question, None if picture is None else picture.message.request.tier
        if wish is None:
            return bake
        if wish.level <= QUICK_LEVEL:
            first = picture is not None and (picture.number < bake.number or self._now != "render")
            return picture if tier is Tier.MOVING and first else bake
        if tier in IDLE:
            picture = None
        return self._picture_or_question(picture) or bake

    def _picture_or_question(self, picture: Turn | None) -> Turn | None:
        question = self._newest("ask")
        if picture is None or question is None:
            return picture or question
        tier = picture.message.request.tier
        if tier is Tier.MOVING:
            self._passed = (self._passed + 1) % (MOVING_PER_QUESTION + 1)
            return picture if self._passed else question
        if tier in IDLE:
            return question
        return picture if self._now == "ask" else question

    def _tier(self) -> Tier | None:
        """Tier of the waiting picture."""
        picture = self._newest("render")
        return None if picture is None else picture.message.request.tier

    def _waits(self, slot: Slot) -> bool:
        return self._mailboxes.peek(slot) > self._done[slot]

    def _newest(self, slot: Slot) -> Turn | None:
        """The waiting request of a slot; unpickled once, although this is called between any two tiles."""
        if not self._waits(slot):
            return None
        number = self._mailboxes.peek(slot)
        known = self._read.get(slot)
        if known is None or known.number != number:
            found = self._mailboxes.take(slot, self._done[slot])
            if found is None:
                return None
            known = self._read[slot] = Turn(slot, found[0], pickle.loads(found[1]))
        return known
