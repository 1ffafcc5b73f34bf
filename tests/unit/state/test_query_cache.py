"""Questions of panels: asked once, kept, given up, forgotten by size."""

from __future__ import annotations

import numpy as np

from core_model.schema.latent import LatentSpec
from core_model.schema.question import LatentQuestion
from core_model.schema.render import ErrorInfo
from viewer.state.query_cache import QueryCache


def about(seed: int) -> LatentQuestion:
    return LatentQuestion(checkpoint="c", latent=LatentSpec.of_seed(seed))


def test_a_wanted_question_is_asked_once_and_answered() -> None:
    answers = QueryCache()
    assert answers.want(about(1)) is None
    question = answers.next()
    assert question == about(1)
    answers.sent(7, question)
    assert answers.want(about(1)) is None
    assert answers.next() is None, "it is under way"
    answers.answered(7, {"ms": 3.0}, {"w": np.zeros((2, 4), np.float32)})
    found = answers.want(about(1))
    assert found is not None and found.values == {"ms": 3.0} and found.arrays["w"].shape == (2, 4)
    assert not found.arrays["w"].flags.writeable
    assert answers.next() is None


def test_what_nobody_wants_any_more_gives_way() -> None:
    answers = QueryCache()
    answers.want(about(1))
    answers.sent(1, answers.next())  # type: ignore[arg-type]
    answers.want(about(2))
    assert answers.next() == about(2)
    answers.sent(2, about(2))
    answers.answered(1, {}, {})
    assert answers.peek(about(1)) is None, "it was given up"
    answers.answered(2, {}, {})
    assert answers.peek(about(2)) is not None


def test_an_error_is_kept_and_not_asked_again() -> None:
    answers = QueryCache()
    answers.want(about(1))
    answers.sent(1, answers.next())  # type: ignore[arg-type]
    answers.failed(1, ErrorInfo(kind="input", message="no latent"))
    assert answers.want(about(1)) is None and answers.next() is None
    error = answers.error(about(1))
    assert error is not None and error.message == "no latent"
    answers.forget(about(1))
    answers.want(about(1))
    assert answers.next() == about(1)


def test_the_oldest_answers_go_when_there_are_too_many_bytes() -> None:
    answers = QueryCache(budget=10_000)
    for number in range(5):
        answers.want(about(number))
        question = answers.next()
        assert question is not None
        answers.sent(number + 1, question)
        answers.answered(number + 1, {}, {"a": np.zeros(1000, np.float32)})
    assert answers.bytes <= 10_000
    assert answers.peek(about(4)) is not None and answers.peek(about(0)) is None
