"""Which function answers which question, and what an answer needs of a session."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

from core_model.families.base import Model
from core_model.fields.base import Field
from core_model.fields.triplane import Planes
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import Cancelled
from core_model.schema.latent import LatentSpec
from core_model.schema.question import Question
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.registry import Registry
from core_model.schema.render import RenderRequest
from core_model.session import Frame
from core_model.session.bakery import Baked
from core_model.session.cache import StageCache
from core_model.session.picture import Progress
from core_model.session.stages import StageRun
from core_model.session.unfinished import Unfinished


class SessionView(Protocol):
    """What a function that answers may ask of the session.

    Described in `core_model.session.session.RenderSession`.
    """

    tell: Progress
    """Takes (stage, fraction): how far the answer is."""

    layers: StageCache
    """Layers that were looked at, for the next question about them."""

    @property
    def unfinished(self) -> Unfinished: ...
    @property
    def torch_device(self) -> torch.device: ...
    @property
    def cached_bytes(self) -> int: ...
    def open(self, path: str) -> CheckpointInfo: ...
    def render(self, request: RenderRequest, cancelled: Callable[[], bool], progress: Progress) -> Frame: ...
    def aside(self) -> AbstractContextManager[None]: ...
    def model_of(self, checkpoint: str) -> Model: ...
    def w_of(self, checkpoint: str, latent: LatentSpec) -> tuple[np.ndarray, np.ndarray] | None: ...
    def field_of(self, request: RenderRequest) -> Field: ...
    def planes_of(self, request: RenderRequest) -> Planes | None: ...
    def run_of(self, request: RenderRequest) -> StageRun: ...
    def bake(self, question: BakeQuestion, cancelled: Callable[[], bool], progress: Progress) -> Baked: ...


@dataclass(frozen=True)
class Answer:
    """values: plain data by name. arrays: numpy arrays by name, float32 unless said otherwise."""

    values: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


Answerer = Callable[[SessionView, Any, Callable[[], bool]], Answer]
"""(session, question, cancelled) → answer. Looks at `cancelled()` at least every 50 ms and raises Cancelled:
the question is then asked again once what was more urgent is done, and goes on from what it put into
`session.unfinished.parts(question, …)`. Says how far it is by `session.tell(stage, fraction)`."""

ANSWERERS: Registry[Answerer] = Registry("question")
"""By the name of the question's class."""


def answer(session: SessionView, question: Question, cancelled: Callable[[], bool]) -> Answer:
    """Raises InputError for what cannot be answered, Cancelled when something more urgent waits."""
    try:
        found = ANSWERERS.get(type(question).__name__, where="session")(session, question, cancelled)
    except Cancelled:
        raise
    except Exception:
        session.unfinished.answered(question)
        raise
    session.unfinished.answered(question)
    return found
