"""What a checkpoint is, before it is opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from core_model.checkpoints.describe import describe_checkpoint
from core_model.schema.question import DescribeQuestion
from core_model.queries.registry import ANSWERERS, Answer

if TYPE_CHECKING:
    from core_model.session.session import RenderSession


def answer_describe(session: RenderSession, question: DescribeQuestion, cancelled: Callable[[], bool]) -> Answer:
    """values: `info`, a CheckpointInfo as plain data; no network is built."""
    return Answer({"info": describe_checkpoint(question.checkpoint).model_dump(mode="json")})


ANSWERERS.add("DescribeQuestion", answer_describe)
