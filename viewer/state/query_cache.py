"""Questions to the render process and their answers, for panels that are drawn anew in every frame.

A panel calls `want` in each frame and gets the answer once it is there. A question that no panel wanted in a
frame is not sent. Answers are kept within a budget of bytes. One question is under way at a time, in the
order of `want`, small pictures last: a board of thumbnails would otherwise block every other question. A
cancelled question is not sent again until it has not been wanted for a frame.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core_model.schema.question import PictureQuestion, Question
from core_model.schema.render import ErrorInfo

KEPT_BYTES = 96 << 20
CANCELLED = ErrorInfo(kind="cancelled", message="Cancelled. Hide and show this panel to ask again.")


@dataclass(frozen=True, eq=False)
class Answer:
    """values: plain data by name; arrays: read-only float32 by name; version: of this answer, unique."""

    values: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    version: int = 0

    @property
    def nbytes(self) -> int:
        return 1024 + sum(a.nbytes for a in self.arrays.values())


class QueryCache:
    """`want` is called by panels; `next`, `sent` and `answered` by the render coordinator."""

    def __init__(self, budget: int = KEPT_BYTES) -> None:
        self._budget = budget
        self._kept: OrderedDict[Question, Answer | ErrorInfo] = OrderedDict()
        self._wanted: dict[Question, None] = {}
        self._under_way: tuple[int, Question] | None = None
        self._version = 0
        self._cancelled: Question | None = None
        self.bytes = 0

    def want(self, question: Question) -> Answer | None:
        """The answer; None until it is there, and where the question failed (`error`)."""
        found = self._kept.get(question)
        if found is None:
            self._wanted[question] = None
            return None
        self._kept.move_to_end(question)
        return found if isinstance(found, Answer) else None

    def peek(self, question: Question) -> Answer | None:
        """The answer if it is there; nothing is asked."""
        found = self._kept.get(question)
        return found if isinstance(found, Answer) else None

    def error(self, question: Question) -> ErrorInfo | None:
        """Why the question has no answer."""
        if question == self._cancelled:
            return CANCELLED
        found = self._kept.get(question)
        return found if isinstance(found, ErrorInfo) else None

    def forget(self, question: Question) -> None:
        """Ask again the next time it is wanted."""
        found = self._kept.pop(question, None)
        if isinstance(found, Answer):
            self.bytes -= found.nbytes

    @property
    def waiting(self) -> int:
        """Questions that were wanted in this frame and have no answer yet."""
        return len(self._wanted)

    @property
    def busy(self) -> bool:
        """Whether the render process works on a question."""
        return self._under_way is not None

    @property
    def under_way(self) -> Question | None:
        """The question that the render process has."""
        return None if self._under_way is None else self._under_way[1]

    # The controller's side

    def next(self) -> Question | None:
        """At the end of a frame: the question to send now, if any. One under way that is no longer wanted is
        dropped.
        """
        wanted, self._wanted = self._wanted, {}
        if self._cancelled not in wanted:
            self._cancelled = None
        wanted.pop(self._cancelled, None)  # type: ignore[arg-type]
        if not wanted:
            return None
        first = min(wanted, key=_is_small_picture)
        now = self.under_way
        if now in wanted and _is_small_picture(now) <= _is_small_picture(first):
            return None
        return first

    def sent(self, number: int, question: Question) -> None:
        self._under_way = (number, question)

    def answered(self, number: int, values: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Take an answer; answers to dropped questions are ignored."""
        self._version += 1
        for array in arrays.values():
            array.setflags(write=False)
        self._take(number, Answer(values, arrays, self._version))

    def failed(self, number: int, error: ErrorInfo) -> None:
        self._take(number, error)

    def cancel(self) -> None:
        """The person does not want to wait for what is under way."""
        self._cancelled, self._under_way = self.under_way, None

    def lost(self) -> None:
        """The render process was given up: nothing is under way."""
        self._under_way = None

    def clear(self) -> None:
        """Another checkpoint is open."""
        self._kept.clear()
        self._wanted.clear()
        self._under_way, self._cancelled, self.bytes = None, None, 0

    def _take(self, number: int, found: Answer | ErrorInfo) -> None:
        if self._under_way is None or self._under_way[0] != number:
            return
        question = self._under_way[1]
        self._under_way = None
        self.forget(question)
        self._kept[question] = found
        if isinstance(found, Answer):
            self.bytes += found.nbytes
        while self.bytes > self._budget and len(self._kept) > 1:
            self.forget(next(iter(self._kept)))


def _is_small_picture(question: Question | None) -> bool:
    return isinstance(question, PictureQuestion)
