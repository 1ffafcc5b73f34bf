"""Requests of the window that are not answered yet; a new worker is told them after the last one died.

Numbers (generations of renders, numbers of the other requests) grow over the whole life of the client. Not
thread-safe: the client holds its lock.
"""

from __future__ import annotations

from collections import Counter

from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import ErrorInfo, RenderRequest, RenderResult, Tier
from viewer.render_client import messages as m
from viewer.render_client.events import AnswerFailed, BakeFailed, Event, FrameReady, InspectFailed, OpenFailed

CRASHES_ALLOWED = 1
"""A view or a file that has ended the worker more often is not tried again by itself."""
_REMEMBERED = 1024
"""Unanswered picture requests that are kept; the worker renders at most one of the older ones."""


class PendingRequests:
    """The unanswered requests of one client, and its counter."""

    def __init__(self) -> None:
        self._number = 0
        self._cancelled = 0
        self._renders: dict[int, RenderRequest] = {}
        self._opens: dict[int, str] = {}
        self._open_paths: list[str] = []
        self._inspection: tuple[int, m.InspectRequest] | None = None
        self._asked: tuple[int, m.AskRequest] | None = None
        self._bake: tuple[int, BakeQuestion] | None = None
        self._crashes: Counter[tuple[str, object]] = Counter()

    def number(self) -> int:
        """A fresh number, larger than all before."""
        self._number += 1
        return self._number

    # Renders

    def submit(self, request: RenderRequest) -> tuple[int, bool]:
        """(generation, whether the worker must stop its current picture for it).

        A moving frame of the same checkpoint is let through: at 60 mouse events per second each frame would
        otherwise be dropped for the next one and none would ever be seen.
        """
        gentle = all(
            r.tier is Tier.MOVING and r.checkpoint == request.checkpoint
            for g, r in self._renders.items()
            if g >= self._cancelled
        )
        generation = self.number()
        if not gentle:
            self._cancelled = generation
        self._renders[generation] = request
        if len(self._renders) > _REMEMBERED:
            del self._renders[min(self._renders)]
        return generation, not gentle

    def withdraw(self) -> int:
        """No picture is wanted any more; a number above every render so far."""
        self._renders.clear()
        return self.preempt()

    def preempt(self) -> int:
        """A number above every render so far: as cancel mark it stops them all."""
        self._cancelled = self.number()
        return self._cancelled

    @property
    def newest(self) -> tuple[int, RenderRequest] | None:
        """The last request, if it is not answered."""
        if not self._renders:
            return None
        generation = max(self._renders)
        return generation, self._renders[generation]

    def renumber_newest(self) -> int:
        """The newest request under a fresh generation (its own was cancelled by an `open` that failed)."""
        generation, request = max(self._renders), self._renders[max(self._renders)]
        del self._renders[generation]
        fresh = self.number()
        self._renders[fresh] = request
        return fresh

    def answered(self, generation: int, dropped: bool = False) -> RenderRequest | None:
        """Remove and return the request of a finished render.

        Older ones were overwritten in the mailbox and go with it. A dropped one is kept where nothing newer
        replaced it: an `open` cancelled it, and may yet fail.
        """
        request = self._renders.get(generation)
        for g in [g for g in self._renders if g < generation or (g == generation and not dropped)]:
            del self._renders[g]
        return request

    def request_of(self, generation: int) -> RenderRequest | None:
        """The request of a render that is not answered yet."""
        return self._renders.get(generation)

    # Checkpoints

    def open(self, path: str) -> m.OpenPath:
        number = self.number()
        self._opens[number] = path
        return m.OpenPath(number, path)

    def opened(self, message: m.OpenDone) -> bool:
        """Note the answer; True when it only repeats an answer that the window has (after a restart)."""
        asked = self._opens.pop(message.number, None) is not None
        if message.info is None:
            self._open_paths = [p for p in self._open_paths if asked or p != message.path]
        else:
            self._crashes.pop(("open", message.path), None)
            if message.path not in self._open_paths:
                self._open_paths.append(message.path)
            if asked:
                # The window moves on to this checkpoint; a frame that `open` cancelled is not wanted any
                # more.
                self._renders = {g: r for g, r in self._renders.items() if g > message.number}
        return not asked

    def forget_checkpoint(self, path: str) -> None:
        self._open_paths = [p for p in self._open_paths if p != path]

    def opens_to_send(self) -> list[m.OpenPath]:
        """Opens for a new session: what was open (under fresh numbers), then what awaits an answer."""
        asked = list(self._opens.items())
        again = [m.OpenPath(self.number(), p) for p in self._open_paths if p not in self._opens.values()]
        return again + [m.OpenPath(n, p) for n, p in asked]

    # Inspections

    def inspect(self, message: m.InspectRequest) -> int:
        """Number of the newest question; one that waits is replaced by it."""
        self._inspection = (self.number(), message)
        return self._inspection[0]

    @property
    def inspection(self) -> tuple[int, m.InspectRequest] | None:
        """The last question, if it is not answered."""
        return self._inspection

    def inspected(self, number: int) -> None:
        if self._inspection is not None and self._inspection[0] <= number:
            self._inspection = None

    # Questions beside pictures

    def ask(self, message: m.AskRequest) -> int:
        """Number of the newest question; one that waits is replaced by it."""
        self._asked = (self.number(), message)
        return self._asked[0]

    @property
    def asked(self) -> tuple[int, m.AskRequest] | None:
        """The last question, if it is not answered."""
        return self._asked

    def take_back(self) -> int:
        """No question is wanted any more; a number above the last one."""
        self._asked = None
        return self.number()

    def answered_question(self, number: int) -> None:
        if self._asked is not None and self._asked[0] <= number:
            self._asked = None

    # Baked volumes

    def bake(self, question: BakeQuestion | None) -> int:
        """Number of the newest wish, which replaces the one before; None = none any more."""
        number = self.number()
        self._bake = None if question is None else (number, question)
        return number

    @property
    def wanted_bake(self) -> tuple[int, BakeQuestion] | None:
        """The last wish, if it is not answered."""
        return self._bake

    def baked(self, number: int) -> None:
        if self._bake is not None and self._bake[0] <= number:
            self._bake = None

    # Crashes

    def after_crash(self, working_on: tuple[str, int], reason: str) -> list[Event]:
        """After a crash during that work: events for the requests that are given up.

        A view or file is tried a second time, an inspection, a question or a bake is not.
        """
        kind, number = working_on
        events: list[Event] = []
        if kind == "inspect":
            self.inspected(number)
            events.append(
                InspectFailed(ErrorInfo(kind="worker", message=f"{reason} while it inspected a ray"), number)
            )
        if kind == "ask":
            self.answered_question(number)
            events.append(
                AnswerFailed(
                    ErrorInfo(kind="worker", message=f"{reason} while it answered a question"), number
                )
            )
        if kind == "bake":
            self.baked(number)
            events.append(
                BakeFailed(ErrorInfo(kind="worker", message=f"{reason} while it baked a volume"), number)
            )
        if kind == "render" and number in self._renders:
            request = self._renders[number]
            self._crashes["render", request] += 1
            if self._crashes["render", request] > CRASHES_ALLOWED:
                del self._renders[number]
                error = ErrorInfo(
                    kind="worker", message=f"{reason} each time it rendered this view; it is not tried again"
                )
                events.append(FrameReady(RenderResult(request=request, generation=number, error=error)))
        elif kind == "open":
            path = self._opens.get(number)
            if path is not None:
                self._crashes["open", path] += 1
                if self._crashes["open", path] > CRASHES_ALLOWED:
                    del self._opens[number]
                    error = ErrorInfo(kind="worker", message=f"{reason} each time it opened this file")
                    events.append(OpenFailed(path, error, number))
        return events

    def forget_crashes(self) -> None:
        """The user asks for a restart: every request may be tried again."""
        self._crashes.clear()
