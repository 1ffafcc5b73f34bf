"""Short answers about a checkpoint or latent: the description of a file, the w of a latent, small pictures."""

from __future__ import annotations

from collections.abc import Callable

from core_model.checkpoints.describe import describe_checkpoint
from core_model.queries.registry import ANSWERERS, Answer, SessionView
from core_model.schema.errors import Cancelled, InputError, TriscopeError
from core_model.schema.question import DescribeQuestion, LatentQuestion, PictureQuestion
from core_model.schema.render import RenderRequest
from core_model.session import Frame


def answer_describe(
    session: SessionView, question: DescribeQuestion, cancelled: Callable[[], bool]
) -> Answer:
    """values: `info`, a CheckpointInfo as plain data; no network is built."""
    return Answer({"info": describe_checkpoint(question.checkpoint).model_dump(mode="json")})


def answer_latent(session: SessionView, question: LatentQuestion, cancelled: Callable[[], bool]) -> Answer:
    """arrays: w [L, D] as rendered, w_avg [L, D]."""
    found = session.w_of(question.checkpoint, question.latent)
    if found is None:
        raise InputError(
            what="this family has no latent",
            where=question.checkpoint,
            expected="a generator with a mapping network",
        )
    w, average = found
    return Answer(arrays={"w": w, "w_avg": average})


def answer_picture(session: SessionView, question: PictureQuestion, cancelled: Callable[[], bool]) -> Answer:
    """arrays: the channels of the request; values: milliseconds and samples per pixel."""
    with session.aside():
        frame = rendered(session, question.request, cancelled)
    return Answer(
        {"ms": frame.result.total_ms, "samples_per_pixel": frame.result.samples_per_pixel}, frame.arrays
    )


def rendered(session: SessionView, request: RenderRequest, cancelled: Callable[[], bool]) -> Frame:
    """The picture of a request; raises what went wrong (`RenderSession.render` never does)."""
    frame = session.render(request, cancelled=cancelled, progress=session.tell)
    error = frame.result.error
    if error is None:
        return frame
    if error.kind == "cancelled":
        raise Cancelled(error.message)
    if error.kind == "input":
        raise InputError(what=error.message)
    raise TriscopeError(error.message)


ANSWERERS.add("DescribeQuestion", answer_describe)
ANSWERERS.add("LatentQuestion", answer_latent)
ANSWERERS.add("PictureQuestion", answer_picture)
