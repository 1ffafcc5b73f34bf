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
        busy = isinstance(queries.under_way, LayerSource)
        self.request = request = self._following.request(doc, info, edge, busy)
        self.error, self.waits = None, False
        self._ask_layer(doc, request, queries, page, count)
        for part in PARTS:
            question = LayersQuestion.model_validate(fields_of(part, request))
            answer = queries.want(question)
            self._note(queries, question, answer)
            if answer is not None and self._last.get(part) != question:
                self._forget(queries, self._last.get(part))
                self._last[part] = question
                found = tuple(LayerInfo.model_validate(i) for i in answer.values["layers"])
                self._parts[part] = PartLayers(found, str(answer.values["note"]))

    def _ask_layer(
        self, doc: Document, request: RenderRequest, queries: QueryCache, page: int, count: int
    ) -> None:
        view = doc.layers
        known = self._parts.get(view.part)
        if known is None or not any(i.name == view.layer for i in known.layers):
            return  # this checkpoint has no such layer, or it is not known yet
        question = LayerQuestion.model_validate(
            fields_of(view.part, request)
            | {
                "layer": view.layer,
                "order": view.order,
                "first": page * count,
                "count": count,
                "channel": view.channel,
            }
        )
        answer = queries.want(question)
        self._note(queries, question, answer)
        if answer is None or (self.looked is not None and self.looked.version == answer.version):
            return
        if self.looked is not None and self.looked.question != question:
            self._forget(queries, self.looked.question)
        info = LayerInfo.model_validate(answer.values["layer"])
        self.looked = Looked(question, info, int(answer.values["kept"]), answer.arrays, answer.version)

    def _note(self, queries: QueryCache, question: Question, answer: Answer | None) -> None:
        if answer is not None:
            return
        error = queries.error(question)
        self.error = self.error or error
        self.waits = self.waits or error is None

    @staticmethod
    def _forget(queries: QueryCache, question: Question | None) -> None:
        """A view that is gone: a long walk would fill the memory with its answers."""
        if question is not None:
            queries.forget(question)

    @property
    def parts(self) -> dict[LayerPart, PartLayers]:
        """What is known so far, in the order in which the parts run."""
        return {part: self._parts[part] for part in PARTS if part in self._parts}
