"""What the window asks of a renderer: `RenderClient` (worker process) has it, and the tests' `InlineClient` (same process)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from core_model.schema.question import Question
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import RenderRequest
from viewer.render_client.events import Event, WorkerStatus
from viewer.render_client.messages import SessionOptions

DEFAULT_FACTORY = "core_model.report.worker_session:WorkerSession"

Wake = Callable[[], None]
"""Called from another thread when `poll()` has something new (e.g. glfw.post_empty_event)."""


class Renderer(Protocol):
    """No method blocks for longer than a millisecond or two, but `stop`, which has a time limit."""

    def start(self) -> None:
        """Start the worker; returns at once, `WorkerStarted` follows. A second call does nothing."""
        ...

    def open(self, path: str) -> int:
        """Open a checkpoint: `Opened` or `OpenFailed` follows, with the number that is returned.

        Cancels the current frame.
        """
        ...

    def close(self, path: str) -> None:
        """Free what the worker keeps of a checkpoint."""
        ...

    def submit(self, request: RenderRequest) -> int:
        """Ask for a picture; the newest request wins. Returns its generation (the result carries it)."""
        ...

    def inspect(self, request: RenderRequest, x: int, y: int) -> int:
        """Ask what happened on the ray of pixel (x, y) of `request`; the newest question wins.

        Returns its number.
        """
        ...

    def ask(self, question: Question) -> int:
        """Ask what is to be known beside pictures (order: `turns.py`); the newest question wins.

        Returns its number: `Answered` or `AnswerFailed` follows.
        """
        ...

    def bake(self, question: BakeQuestion | None) -> int:
        """Say which baked volume is wanted of the view; the newest wish replaces the one before, None ends it.

        Levels up to 128 are made as soon as the first picture is out, finer ones in idle time (`turns.py`). Returns
        its number: `BakedReady` or `BakeFailed` follows, unless another wish came first.
        """
        ...

    def withdraw_picture(self) -> None:
        """The picture that was asked for is not wanted any more: no result follows."""
        ...

    def withdraw_question(self) -> None:
        """The question that was asked is not wanted any more: no answer follows."""
        ...

    def save_ray(self, request: RenderRequest, x: int, y: int, path: str) -> None:
        """Write what `inspect` tells to a .json, .csv or .png file: `RaySaved` follows."""
        ...

    def configure(self, options: SessionOptions) -> None:
        """Another device, cache size or thread count: the session is built anew and opens what was open.

        `OpenFailed` with an empty path follows where that is impossible; the old session then stays.
        """
        ...

    def poll(self) -> list[Event]:
        """Everything that happened since the last call, oldest first. Never blocks."""
        ...

    def restart(self) -> None:
        """Start afresh after the worker was given up, or at the user's wish."""
        ...

    def stop(self, timeout_s: float = 2.0) -> None:
        """End the worker (by force after `timeout_s`) and free the shared memory. Safe to call twice."""
        ...

    @property
    def status(self) -> WorkerStatus: ...
