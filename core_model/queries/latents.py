"""Which w a latent is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from core_model.schema.errors import InputError
from core_model.schema.question import LatentQuestion
from core_model.queries.registry import ANSWERERS, Answer

if TYPE_CHECKING:
    from core_model.session.session import RenderSession


def answer_latent(session: RenderSession, question: LatentQuestion, cancelled: Callable[[], bool]) -> Answer:
    """arrays: w [L, D] as rendered, w_avg [L, D]."""
    found = session.w_of(question.checkpoint, question.latent)
    if found is None:
        raise InputError(what="this family has no latent", where=question.checkpoint, expected="a generator with a mapping network")
    w, average = found
    return Answer(arrays={"w": w, "w_avg": average})


ANSWERERS.add("LatentQuestion", answer_latent)
