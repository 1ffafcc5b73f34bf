"""What the panel asks the renderer, and the last answers: those of the view before stay until the next are there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.question import Question
from core_model.schema.question_layers import (
    PARTS,
    LayerInfo,
    LayerPart,
    LayerQuestion,
    LayerSource,
    LayersQuestion,
    fields_of,
)
from core_model.schema.render import ErrorInfo, RenderRequest
from viewer.state.document import Document
from viewer.state.query_cache import Answer, QueryCache
from viewer.state.requests import full_request

UNSEEN_EDGE = 512
"""Edge of the picture that is asked about while none is shown, pixels."""


@dataclass(frozen=True)
class PartLayers:
    """The layers that run in a part; note: why there are none, or fewer than one would think."""

    layers: tuple[LayerInfo, ...]
    note: str


@dataclass(frozen=True, eq=False)
class Looked:
    """One layer as answered. channels: how many of them were looked at. version: of the answer, unique."""

    question: LayerQuestion
    info: LayerInfo
    channels: int
    arrays: dict[str, np.ndarray]
    version: int


class Following:
    """The view that is asked about: the document's; while it moves, the one asked for last until it is answered.

    Otherwise a walk would ask about each of its frames and be answered about none.
    """

    def __init__(self) -> None:
        self._before: RenderRequest | None = None
        self._asked: RenderRequest | None = None

    def request(self, doc: Document, info: CheckpointInfo, edge: int, busy: bool) -> RenderRequest:
        """edge: of the picture on the screen, 0 = none. busy: the renderer works on a question about layers."""
        wanted = full_request(doc, info, edge or UNSEEN_EDGE)
        moves, self._before = wanted != self._before, wanted
        if self._asked is None or self._asked.checkpoint != wanted.checkpoint or not (moves and busy):
            self._asked = wanted
        return self._asked


class Asking:
    """One checkpoint at a time."""

    def __init__(self) -> None:
        self._of: CheckpointInfo | None = None
        self._following = Following()
        self._parts: dict[LayerPart, PartLayers] = {}
        self._last: dict[LayerPart, LayersQuestion] = {}
        self._wanted: tuple[LayerQuestion | LayersQuestion, ...] = ()
        self.looked: Looked | None = None
        self.error: ErrorInfo | None = None
        self.waits = False
        self.request: RenderRequest | None = None

    def ask(
        self, doc: Document, info: CheckpointInfo, edge: int, queries: QueryCache, page: int, count: int
    ) -> None:
        """In every frame in which the panel is drawn. page: of the channels, `count` of them each."""
        if info is not self._of:
            self.__init__()
            self._of = info
        for (
            question
        ) in self._wanted:  # of the view before: answered since, and perhaps not asked for any more
            self._take(queries, question, queries.peek(question))
        busy = isinstance(queries.under_way, LayerSource)
        self.request = request = self._following.request(doc, info, edge, busy)
        self.error, self.waits = None, False
        self._wanted = self._questions(doc, request, page, count)
        for question in self._wanted:
            answer = queries.want(question)
            self._note(queries, question, answer)
            self._take(queries, question, answer)

    def _questions(
        self, doc: Document, request: RenderRequest, page: int, count: int
    ) -> tuple[LayerQuestion | LayersQuestion, ...]:
        """The chosen layer first, where the checkpoint is known to have it."""
        view, found = doc.layers, []
        known = self._parts.get(view.part)
        if known is not None and any(i.name == view.layer for i in known.layers):
            of_layer = {
                "layer": view.layer,
                "order": view.order,
                "first": page * count,
                "count": count,
                "channel": view.channel,
            }
            found.append(LayerQuestion.model_validate(fields_of(view.part, request) | of_layer))
        return (*found, *(LayersQuestion.model_validate(fields_of(part, request)) for part in PARTS))

    def _take(
        self, queries: QueryCache, question: LayerQuestion | LayersQuestion, answer: Answer | None
    ) -> None:
        """An answer in place of the one before, which is forgotten: a long walk would fill the memory."""
        if answer is None:
            return
        if isinstance(question, LayerQuestion):
            old = None if self.looked is None else self.looked.question
            if old == question and self.looked is not None and self.looked.version == answer.version:
                return
            info = LayerInfo.model_validate(answer.values["layer"])
            self.looked = Looked(question, info, int(answer.values["kept"]), answer.arrays, answer.version)
        else:
            old = self._last.get(question.part)
            if old == question:
                return
            self._last[question.part] = question
            found = tuple(LayerInfo.model_validate(i) for i in answer.values["layers"])
            self._parts[question.part] = PartLayers(found, str(answer.values["note"]))
        if old is not None and old != question:
            queries.forget(old)

    def _note(self, queries: QueryCache, question: Question, answer: Answer | None) -> None:
        if answer is not None:
            return
        error = queries.error(question)
        self.error = self.error or error
        self.waits = self.waits or error is None

    @property
    def parts(self) -> dict[LayerPart, PartLayers]:
        """What is known so far, in the order in which the parts run."""
        return {part: self._parts[part] for part in PARTS if part in self._parts}
