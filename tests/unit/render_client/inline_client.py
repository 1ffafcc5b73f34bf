"""A renderer in the calling process with the methods of `RenderClient`.

For tests and for scripts without a window. Here `poll()` does the work, one piece per call, so that tests
decide when a frame is finished.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from core_model.schema.question import Question
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import ErrorInfo, RenderRequest, RenderResult, Tier
from viewer.render_client.events import (
    Answered,
    AnswerFailed,
    BakedReady,
    BakeFailed,
    Event,
    FrameReady,
    Inspected,
    InspectFailed,
    Opened,
    OpenFailed,
    RaySaved,
    WorkerStarted,
    WorkerStatus,
)
from viewer.render_client.messages import SessionOptions
from viewer.render_client.protocol import DEFAULT_FACTORY, Wake
from viewer.render_client.worker import SessionLike, build_session, error_info, load_factory


class InlineClient:
    """The methods are described in `protocol.Renderer`. factory: dotted path, or the callable itself."""

    def __init__(
        self,
        factory: str | Callable[..., Any] = DEFAULT_FACTORY,
        wake: Wake | None = None,
        options: SessionOptions | None = None,
    ) -> None:
        self._factory, self._wake, self._options = factory, wake, options or SessionOptions()
        self._session: SessionLike | None = None
        self._work: list[Callable[[], Event]] = []
        self._asked: tuple[int, Question] | None = None
        self._render: tuple[int, RenderRequest] | None = None
        self._bake: tuple[int, BakeQuestion] | None = None
        self._events: list[Event] = []
        self._open_paths: list[str] = []
        self._number = 0

    def start(self) -> None:
        if self._session is None:
            factory = load_factory(self._factory) if isinstance(self._factory, str) else self._factory
            self._session = build_session(factory, self._options)
            self._tell(WorkerStarted(os.getpid()))

    def open(self, path: str) -> int:
        self._number += 1
        number = self._number
        self._do(lambda: self._open(path, number))
        return number

    def close(self, path: str) -> None:
        self._open_paths = [p for p in self._open_paths if p != path]
        if self._session is not None:
            self._session.close(path)

    def submit(self, request: RenderRequest) -> int:
        self._number += 1
        self._render = (self._number, request)
        self._ring()
        return self._number

    def inspect(self, request: RenderRequest, x: int, y: int) -> int:
        self._number += 1
        number = self._number
        self._do(lambda: self._inspect(number, request, x, y))
        return number

    def ask(self, question: Question) -> int:
        self._number += 1
        self._asked = (self._number, question)
        self._ring()
        return self._number

    def bake(self, question: BakeQuestion | None) -> int:
        self._number += 1
        self._bake = None if question is None else (self._number, question)
        self._ring()
        return self._number

    def withdraw_picture(self) -> None:
        self._render = None

    def withdraw_question(self) -> None:
        self._asked = None

    def save_ray(self, request: RenderRequest, x: int, y: int, path: str) -> None:
        self._do(lambda: self._save_ray(request, x, y, path))

    def configure(self, options: SessionOptions) -> None:
        self._options = options
        if self._session is not None:
            self.restart()

    def poll(self) -> list[Event]:
        """Do one piece of work and return what happened.

        First commands and rays, then a moving picture, a question, other pictures, a baked volume.
        """
        if self._session is not None:
            if self._work:
                self._events.append(self._work.pop(0)())
            elif self._asked is not None and (
                self._render is None or self._render[1].tier is not Tier.MOVING
            ):
                (number, question), self._asked = self._asked, None
                self._events.append(self._answer(number, question))
            elif self._render is not None:
                (generation, request), self._render = self._render, None
                self._events.append(self._frame(generation, request))
            elif self._bake is not None:
                (number, wish), self._bake = self._bake, None
                self._events.append(self._volume(number, wish))
        events, self._events = self._events, []
        return events

    def restart(self) -> None:
        self._session = None
        self.start()
        for path in self._open_paths:
            self._do(lambda path=path: self._open(path, 0, again=True))

    def stop(self, timeout_s: float = 2.0) -> None:
        self._session, self._render, self._asked, self._bake = None, None, None, None
        self._work.clear()

    @property
    def status(self) -> WorkerStatus:
        if self._session is None:
            return WorkerStatus()
        return WorkerStatus(
            alive=True,
            pid=os.getpid(),
            device=self._session.device,
            busy=self._render is not None,
            kind=self._kind,
        )

    @property
    def _kind(self) -> str:
        if self._work:
            return "inspect"
        return "ask" if self._asked is not None else "render" if self._render is not None else ""

    def _do(self, work: Callable[[], Event]) -> None:
        self._work.append(work)
        self._ring()

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        self._ring()

    def _ring(self) -> None:
        if self._wake is not None:
            self._wake()

    def _open(self, path: str, number: int, again: bool = False) -> Event:
        assert self._session is not None
        try:
            info = self._session.open(path)
        except Exception as e:
            return OpenFailed(path, error_info(e), number)
        if path not in self._open_paths:
            self._open_paths.append(path)
        return Opened(info, again, number)

    def _inspect(self, number: int, request: RenderRequest, x: int, y: int) -> Event:
        assert self._session is not None
        try:
            return Inspected(self._session.inspect(request, x, y), number)
        except Exception as e:
            return InspectFailed(error_info(e), number)

    def _answer(self, number: int, question: Question) -> Event:
        assert self._session is not None
        try:
            found = self._session.answer(question, lambda: False, _no_progress)
        except Exception as e:
            return AnswerFailed(error_info(e), number)
        return Answered(number, found.values, found.arrays)

    def _volume(self, number: int, wish: BakeQuestion) -> Event:
        assert self._session is not None
        try:
            made = self._session.bake(wish, lambda: False, _no_progress)
        except Exception as e:
            return BakeFailed(error_info(e), number)
        return BakedReady(made.spec, made.arrays, number)

    def _save_ray(self, request: RenderRequest, x: int, y: int, path: str) -> Event:
        assert self._session is not None
        try:
            self._session.save_ray(request, x, y, path)
        except Exception as e:
            return RaySaved(path, error_info(e))
        return RaySaved(path)

    def _frame(self, generation: int, request: RenderRequest) -> Event:
        assert self._session is not None
        arrays: dict[str, np.ndarray] = {}
        try:
            frame = self._session.render(request, cancelled=lambda: False, progress=_no_progress)
            result = frame.result
            arrays = {} if result.error is not None else frame.arrays
        except Exception as e:
            error: ErrorInfo = error_info(e)
            result = RenderResult(error=error)
        return FrameReady(result.model_copy(update={"request": request, "generation": generation}), arrays)


def _no_progress(stage: str, fraction: float) -> None:
    """Nobody watches: the caller waits."""
