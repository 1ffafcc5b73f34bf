"""Questions about rays and their answers.

One question is under way at a time, and the last answer of each mark is kept. While the view changes, marks
keep the reports of the view before; `is_stale` tells which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core_model.schema.camera import OrbitPose
from core_model.schema.inspect import RayReport
from core_model.schema.render import ErrorInfo, RenderRequest
from viewer.state.ray_marks import Key, Pin


@dataclass(frozen=True)
class RayQuestion:
    """What happened on the ray of pixel (x, y) of `request`; mark: where the user pointed, or the pin."""

    mark: Key
    request: RenderRequest
    x: int
    y: int


def question_at(key: Key, request: RenderRequest) -> RayQuestion | None:
    """The question about the pixel that `key` lies in; None where a pinned point is outside the picture."""
    mark, camera = key, request.camera
    if isinstance(key, Pin):
        mark = key.mark if key.is_ray or not isinstance(camera, OrbitPose) else key.seen_at(camera)
        camera = key.camera if key.is_ray else camera
    if mark is None or isinstance(mark, Pin):
        return None
    x, y = (
        min(max(int(c * n), 0), n - 1) for c, n in zip(mark, (request.width, request.height), strict=True)
    )
    return RayQuestion(key, request.model_copy(update={"channels": ("rgb",), "camera": camera}), x, y)


class RayQueries:
    """Takes the questions of the present view and returns the one to send, or None.

    asked: questions of the present view, the selected mark first, then the pins.
    """

    def __init__(self) -> None:
        self._under_way: tuple[int, RayQuestion] | None = None
        self._answers: dict[Key, tuple[RayQuestion, RayReport | ErrorInfo]] = {}
        self.asked: tuple[RayQuestion, ...] = ()
        self.version = 0
        self.last_s = 0.0
        self._sent_at = 0.0

    def next(self, wanted: Sequence[RayQuestion]) -> RayQuestion | None:
        """The first of `wanted` without an answer, unless one is under way."""
        if self._under_way is not None:
            return None
        return next((q for q in wanted if not self.is_fresh(q)), None)

    def sent(self, number: int, question: RayQuestion, now: float) -> None:
        self._under_way, self._sent_at = (number, question), now

    def answered(self, number: int, answer: RayReport | ErrorInfo, now: float) -> None:
        """Take in an answer; those of questions that were given up are dropped."""
        if self._under_way is None or self._under_way[0] != number:
            return
        question = self._under_way[1]
        self._under_way = None
        self.last_s = now - self._sent_at
        self._answers.pop(question.mark, None)
        self._answers[question.mark] = (question, answer)
        self.version += 1

    def keep(self, marks: Sequence[Key]) -> None:
        """Forget the answers of marks that are not there any more."""
        for mark in [m for m in self._answers if m not in marks]:
            del self._answers[mark]

    def give_up(self) -> None:
        """The renderer is gone or another checkpoint is open: nothing under way will be answered."""
        self._under_way = None

    def clear(self) -> None:
        self._under_way = None
        self._answers.clear()
        self.version += 1

    @property
    def busy(self) -> bool:
        return self._under_way is not None

    def is_fresh(self, question: RayQuestion) -> bool:
        """Whether the kept answer is the one to this very question."""
        found = self._answers.get(question.mark)
        return found is not None and found[0] == question

    def is_stale(self, mark: Key) -> bool:
        """Whether the report of a mark belongs to another view than the present one."""
        return not any(q.mark == mark and self.is_fresh(q) for q in self.asked)

    def report(self, mark: Key) -> RayReport | None:
        """The last report of a mark, perhaps of an earlier view."""
        found = self._answers.get(mark)
        return found[1] if found is not None and isinstance(found[1], RayReport) else None

    def error(self, mark: Key) -> ErrorInfo | None:
        found = self._answers.get(mark)
        return found[1] if found is not None and isinstance(found[1], ErrorInfo) else None

    def question(self, mark: Key) -> RayQuestion | None:
        """The question that the kept answer belongs to."""
        found = self._answers.get(mark)
        return None if found is None else found[0]
