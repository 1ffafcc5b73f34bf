"""Which request the render process works on next.

Requests wait in three mailboxes: a ray to inspect, a picture, a question. From first to last:

1. a ray, or a picture of a moving view; after every eighth such picture a waiting question gets `MOMENT_S`,
   so that a latent walk does not starve it;
2. a question;
3. a settled or full picture. It and questions take turns: after a question it has at least `SLICE_S` before
   it gives way again, and a question that takes longer than `PATIENCE_S` lets it pass;
4. a refined picture: gives way at once, to anything.

Giving way loses nothing: the session goes on where a picture or an answer stopped
(`core_model.session.unfinished`).
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from core_model.schema.render import Tier
from viewer.render_client.mailbox import Slot

SLICE_S = 0.25
"""What a settled or full picture gets, at least, after a question or a ray."""
PATIENCE_S = 2.0
"""For so long a question keeps a settled or full picture waiting."""
MOMENT_S = 0.03
"""What a question gets, at least: enough for a part of it, and too short to be noticed in a drag."""
MOVING_FIRST = 8
"""Moving pictures that pass a waiting question before it gets a moment."""


class Mail(Protocol):
    """The mailboxes: `ControlBlock`."""

    def peek(self, slot: Slot) -> int: ...
    def take(self, slot: Slot, after: int) -> tuple[int, bytes] | None: ...


@dataclass(frozen=True)
class Turn:
    slot: Slot
    number: int
    letter: Any


class Turns:
    """`next` says what to work on.

    `picture_gives_way` and `answer_gives_way` are asked in the middle of it.

    command_waits: whether a command (open, close, save …) waits; clock: seconds, monotonic.
    """

    def __init__(
        self, mail: Mail, command_waits: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._mail, self._command_waits, self._clock = mail, command_waits, clock
        self._done: dict[Slot, int] = {"inspect": 0, "render": 0, "ask": 0}
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
        """Takes the request whose turn it is."""
        turn = self._choose()
        if turn is not None:
            self._done[turn.slot] = turn.number
            self._before, self._now, self._begun = self._now, turn.slot, self._clock()
        return turn

    def again(self, turn: Turn) -> None:
        """It gave way: it is taken up again, unless a newer request has replaced it."""
        self._done[turn.slot] = turn.number - 1

    def picture_gives_way(self, tier: Tier) -> bool:
        """Whether the picture in hand has to stop for something of another mailbox."""
        if tier is Tier.MOVING:
            return False
        waits = self._waits("inspect") or self._waits("ask")
        if (
            tier is not Tier.REFINED
            and self._before in ("inspect", "ask")
            and self._clock() - self._begun < SLICE_S
        ):
            waits = False
        return waits or self._command_waits()

    def answer_gives_way(self) -> bool:
        """Whether the question in hand has to stop."""
        if self._waits("ask"):
            return True  # a newer one has replaced it
        worked = self._clock() - self._begun
        if worked < MOMENT_S:
            return False
        if self._waits("inspect") or self._command_waits():
            return True
        tier = self._tier()
        return tier is Tier.MOVING or (tier in (Tier.SETTLED, Tier.FULL) and worked >= PATIENCE_S)

    def _choose(self) -> Turn | None:
        ray = self._letter("inspect")
        if ray is not None:
            return ray
        picture, question = self._letter("render"), self._letter("ask")
        if picture is None or question is None:
            return picture or question
        tier = picture.letter.request.tier
        if tier is Tier.MOVING:
            self._passed = (self._passed + 1) % (MOVING_FIRST + 1)
            return picture if self._passed else question
        if tier is Tier.REFINED:
            return question
        return picture if self._now == "ask" else question

    def _tier(self) -> Tier | None:
        """Tier of the waiting picture."""
        picture = self._letter("render")
        return None if picture is None else picture.letter.request.tier

    def _waits(self, slot: Slot) -> bool:
        return self._mail.peek(slot) > self._done[slot]

    def _letter(self, slot: Slot) -> Turn | None:
        """The waiting request of a slot; unpickled once, though it is asked for between any two tiles."""
        if not self._waits(slot):
            return None
        number = self._mail.peek(slot)
        known = self._read.get(slot)
        if known is None or known.number != number:
            found = self._mail.take(slot, self._done[slot])
            if found is None:
                return None
            known = self._read[slot] = Turn(slot, found[0], pickle.loads(found[1]))
        return known
