"""Which function answers which question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from core_model.schema.errors import Cancelled
from core_model.schema.question import Question
from core_model.schema.registry import Registry

if TYPE_CHECKING:
    from core_model.session.session import RenderSession


@dataclass(frozen=True)
class Answer:
    """values: plain data by name. arrays: numpy arrays by name, float32 unless said otherwise."""

    values: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


Answerer = Callable[["RenderSession", Any, Callable[[], bool]], Answer]
"""(session, question, cancelled) → answer. Looks at `cancelled()` at least every 50 ms and raises Cancelled: the question is
then asked again once what was more urgent is done, and goes on from what it put into `session.unfinished.parts(question, …)`.
Says how far it is by `session.tell(stage, fraction)`."""

ANSWERERS: Registry[Answerer] = Registry("question")
"""By the name of the question's class."""


def answer(session: RenderSession, question: Question, cancelled: Callable[[], bool]) -> Answer:
    """Raises InputError for what cannot be answered, Cancelled when something more urgent waits."""
    try:
        found = ANSWERERS.get(type(question).__name__, where="session")(session, question, cancelled)
    except Cancelled:
        raise
    except Exception:
        session.unfinished.answered(question)
        raise
    session.unfinished.answered(question)
    return found
