"""Small pictures for strips and boards."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from core_model.schema.errors import Cancelled, InputError, TriscopeError
from core_model.schema.question import PictureQuestion
from core_model.queries.registry import ANSWERERS, Answer

if TYPE_CHECKING:
    from core_model.session.session import RenderSession


def answer_picture(session: RenderSession, question: PictureQuestion, cancelled: Callable[[], bool]) -> Answer:
    """arrays: the channels of the request; values: milliseconds and samples per pixel."""
    with session.aside():
        frame = session.render(question.request, cancelled=cancelled, progress=session.tell)
    error = frame.result.error
    if error is not None:
        if error.kind == "cancelled":
            raise Cancelled(error.message)
        if error.kind == "input":
            raise InputError(what=error.message)
        raise TriscopeError(error.message)
    return Answer({"ms": frame.result.total_ms, "samples_per_pixel": frame.result.samples_per_pixel}, frame.arrays)


ANSWERERS.add("PictureQuestion", answer_picture)
