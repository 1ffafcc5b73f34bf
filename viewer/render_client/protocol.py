"""What the window asks of a renderer: `RenderClient` (worker process) has it, and the tests' `InlineClient` (same process).

`Link` is what the client asks of one life of a worker: `WorkerLink` (a process here: pipe and shared memory) and
`RemoteLink` (a command's two streams) have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from core_model.schema.question import Question
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import RenderRequest
from viewer.render_client import messages as m
from viewer.render_client.events import Event, LineStatus, WorkerStatus
from viewer.render_client.mailbox import Slot
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


class Control(Protocol):
    """What the worker does now, and which work is not wanted any more; see `mailbox.ControlBlock`."""

    @property
    def cancel_below(self) -> int: ...
    @property
    def working_on(self) -> tuple[str, int]: ...
    @property
    def stage(self) -> str: ...
    @property
    def fraction(self) -> float: ...
    @property
    def device(self) -> str: ...
    @property
    def memory_bytes(self) -> int: ...


class Link(Protocol):
    """One life of a worker. `send`, `post` and `cancel_below` may be called from any thread and never block.

    shares_memory: pictures come through shared memory, if the request names a ring. spawned_at, ready_s: see `WorkerStatus`.
    """

    shares_memory: bool
    spawned_at: float
    ready_s: float

    @property
    def control(self) -> Control: ...
    @property
    def pid(self) -> int: ...
    @property
    def exitcode(self) -> int | None: ...
    @property
    def closed(self) -> bool: ...
    @property
    def line(self) -> LineStatus | None:
        """How the line to it does; None where there is none."""
        ...

    def post(
        self,
        slot: Slot,
        number: int,
        message: m.PictureRequest | m.InspectRequest | m.AskRequest | m.BakeRequest,
    ) -> None:
        """The newest request of its kind: it replaces the one before."""
        ...

    def cancel_below(self, number: int) -> None:
        """Work of a lower number is not wanted any more."""
        ...

    def send(self, message: m.ToWorker) -> None:
        """A command; a worker that has ended meanwhile is the listener's business."""
        ...

    def receive(self) -> Iterator[m.FromWorker]:
        """Messages until the worker ends."""
        ...

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; True when it has ended."""
        ...

    def kill(self) -> None: ...
    def close(self) -> None:
        """Free what it used; it must have ended."""
        ...

    def end_reason(self) -> tuple[str, bool]:
        """Why it ended, for a person, and whether another start may go better."""
        ...


OpenLink = Callable[[str, SessionOptions], Link]
"""Starts a worker with this session class and these options."""
