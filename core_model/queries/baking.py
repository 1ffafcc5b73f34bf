"""The baked volume of a head that is not the one on the screen: latent walks, seed boards, files."""

from __future__ import annotations

from collections.abc import Callable

from core_model.queries.registry import ANSWERERS, Answer, SessionView
from core_model.schema.question_bake import BakeQuestion


def answer_bake(session: SessionView, question: BakeQuestion, cancelled: Callable[[], bool]) -> Answer:
    """See `BakeQuestion`."""
    with session.aside():
        made = session.bake(question, cancelled, session.tell)
    arrays = made.arrays
    return Answer(
        {"spec": made.spec},
        {"index": arrays.index, "clear": arrays.clear, "value": arrays.value, "colour": arrays.colour},
    )


ANSWERERS.add("BakeQuestion", answer_bake)
