"""Work that had to give way and is taken up where it was: pictures by their request, answers by their question."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from core_model.schema.camera import CameraSpec
from core_model.schema.question import Question
from core_model.schema.render import RenderRequest, Tier
from core_model.session.picture import Picture

T = TypeVar("T")
KEPT = 2
"""Of each kind: one of the view and one beside it. A picture of 1024² holds some 80 MB."""


class Unfinished:
    """The last few interrupted pieces of work of one session."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[RenderRequest, Picture] = OrderedDict()
        self._parts: OrderedDict[Question, Any] = OrderedDict()

    def keep(self, picture: Picture) -> None:
        """A picture some of whose tiles are drawn; moving ones are over before anybody asks for them again."""
        if picture.request.tier is not Tier.MOVING:
            picture.run.clock.pause()
            _put(self._pictures, picture.request, picture)

    def take(self, request: RenderRequest, opened: object) -> Picture | None:
        """The picture of this request, if it was begun with the checkpoint as it is open now."""
        picture = self._pictures.pop(request, None)
        if picture is None or picture.run.opened is not opened:
            return None
        picture.run.clock.resume()
        return picture

    def turned(self, camera: CameraSpec) -> None:
        """The view has another camera now: pictures from elsewhere are not wanted any more."""
        for request in [r for r in self._pictures if r.camera != camera]:
            del self._pictures[request]

    def parts(self, question: Question, make: Callable[[], T]) -> T:
        """What an answer has collected so far, from `make` the first time; kept until the question is answered."""
        if question not in self._parts:
            _put(self._parts, question, make())
        self._parts.move_to_end(question)
        return self._parts[question]

    def answered(self, question: Question) -> None:
        self._parts.pop(question, None)

    def forget(self, checkpoint: str | None = None) -> None:
        """Drop what belongs to a checkpoint; None = everything."""
        for request in [r for r in self._pictures if checkpoint in (None, r.checkpoint)]:
            del self._pictures[request]
        for question in [q for q in self._parts if checkpoint in (None, q.checkpoint)]:
            del self._parts[question]


def _put(kept: OrderedDict[Any, Any], key: Any, value: object) -> None:
    kept[key] = value
    while len(kept) > KEPT:
        kept.popitem(last=False)
