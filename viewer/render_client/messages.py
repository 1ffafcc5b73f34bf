"""What the two processes send each other: requests in the mailbox, messages on the two pipes.

All are plain dataclasses, pickled by multiprocessing between two processes of one program; nothing from
outside is ever unpickled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core_model.schema.baked import BakedSpec
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.inspect import RayReport
from core_model.schema.question import Question
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import ErrorInfo, RenderRequest, RenderResult


@dataclass(frozen=True)
class SessionOptions:
    """Arguments of the session: device "auto", "cpu", "cuda" …; None = the session decides."""

    device: str = "auto"
    cache_bytes: int | None = None
    threads: int | None = None


@dataclass(frozen=True)
class WorkerSetup:
    """What a new worker needs to start.

    factory: dotted path MODULE:CALLABLE; control: name of the control block.
    """

    factory: str
    options: SessionOptions
    control: str


@dataclass(frozen=True)
class RingName:
    """Where to put frames; see frame_ring."""

    name: str
    slots: int
    slot_bytes: int


# Requests in the mailbox


@dataclass(frozen=True)
class PictureRequest:
    request: RenderRequest
    ring: RingName | None


@dataclass(frozen=True)
class InspectRequest:
    request: RenderRequest
    x: int
    y: int


@dataclass(frozen=True)
class AskRequest:
    """question None: the one before is not wanted any more."""

    question: Question | None


@dataclass(frozen=True)
class BakeRequest:
    """The volume that the window wants of its view; question None: none is wanted any more."""

    question: BakeQuestion | None
    ring: RingName | None = None


# GUI → worker


@dataclass(frozen=True)
class Wake:
    """Look into the mailboxes."""


@dataclass(frozen=True)
class OpenPath:
    number: int
    path: str


@dataclass(frozen=True)
class ClosePath:
    path: str


@dataclass(frozen=True)
class SaveRay:
    """Inspect the ray and write its report to `path` (.json, .csv or .png)."""

    number: int
    request: RenderRequest
    x: int
    y: int
    path: str


@dataclass(frozen=True)
class Configure:
    """Build the session anew with these options."""

    number: int
    options: SessionOptions


@dataclass(frozen=True)
class Stop:
    """Finish."""


ToWorker = Wake | OpenPath | ClosePath | SaveRay | Configure | Stop

# Worker → GUI


@dataclass(frozen=True)
class Hello:
    """The session is built: the worker takes work."""

    pid: int
    device: str


@dataclass(frozen=True)
class OpenDone:
    number: int
    path: str
    info: CheckpointInfo | None = None
    error: ErrorInfo | None = None


@dataclass(frozen=True)
class ConfigureDone:
    number: int
    error: ErrorInfo | None = None


@dataclass(frozen=True, eq=False)
class RenderDone:
    """result.request is left out (the GUI has it). The arrays are in `slot` of `ring`, or else here.

    preview: a quick picture of a view at rest, from far away; the exact one follows under the same generation.
    """

    generation: int
    result: RenderResult
    ring: str = ""
    slot: int = -1
    arrays: dict[str, np.ndarray] | None = None
    needs_bytes: int = 0
    finished_at: float = 0.0
    preview: bool = False


@dataclass(frozen=True)
class Dropped:
    """The render was cancelled: something newer waits."""

    generation: int


@dataclass(frozen=True)
class InspectDone:
    number: int
    report: RayReport | None = None
    error: ErrorInfo | None = None


@dataclass(frozen=True, eq=False)
class AnswerDone:
    """values: plain data; arrays: float32, own memory."""

    number: int
    values: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    error: ErrorInfo | None = None


@dataclass(frozen=True, eq=False)
class BakeDone:
    """The volume's bytes (`core_model.schema.baked_bytes`) are in `slot` of `ring`, or else here."""

    number: int
    spec: BakedSpec | None = None
    ring: str = ""
    slot: int = -1
    data: bytes | None = None
    error: ErrorInfo | None = None


@dataclass(frozen=True)
class SaveDone:
    number: int
    path: str
    error: ErrorInfo | None = None


FromWorker = (
    Hello | OpenDone | ConfigureDone | RenderDone | Dropped | InspectDone | AnswerDone | BakeDone | SaveDone
)
