"""Questions about runs on the far machine: asked by any thread, over whatever channel leads there at the moment."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from core_model.schema.complaint import first_complaint
from core_model.schema.errors import TriscopeError
from core_model.schema.frozen import Frozen
from viewer.wire import records as r
from viewer.wire.channel import Channel, Lane
from viewer.wire.desk_records import DeskQuestion

A = TypeVar("A", bound=Frozen)
CALL_S = 30.0
"""An answer that takes longer is given up."""


class LineDown(OSError):
    """There is no line, or no answer comes over it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.strerror = why


class FarRefusal(TriscopeError):
    """The far machine cannot do it; its own words."""


@dataclass
class _Call:
    done: threading.Event = field(default_factory=threading.Event)
    record: r.FromDesk | None = None
    blobs: list[memoryview] = field(default_factory=list)


class DeskLine:
    """place: the command that leads there, for messages. wake: called from a thread when the line comes or goes."""

    def __init__(self, place: str, wake: Callable[[], None] = lambda: None) -> None:
        self.place, self.wake = place, wake
        self._channel: Channel | None = None
        self._why = f"connecting: {place}"
        self._numbers = itertools.count(1)
        self._calls: dict[int, _Call] = {}
        self._lock = threading.Lock()

    @property
    def trouble(self) -> str:
        """Why nothing can be asked now; "" where it can."""
        return "" if self._channel is not None else self._why

    def attach(self, channel: Channel) -> None:
        """A line is there."""
        with self._lock:
            self._channel = channel
        self.wake()

    def detach(self, why: str) -> None:
        """It is gone: whoever waits for an answer is told at once."""
        with self._lock:
            self._channel, self._why = None, why
            calls, self._calls = self._calls, {}
        for call in calls.values():
            call.done.set()
        self.wake()

    def take(self, record: r.FromDesk, blobs: list[memoryview]) -> None:
        """An answer came; one that nobody waits for any more is dropped."""
        with self._lock:
            call = self._calls.pop(record.number, None)
        if call is not None:
            call.record, call.blobs = record, blobs
            call.done.set()

    def call(
        self, question: DeskQuestion, kind: type[A], timeout_s: float = CALL_S
    ) -> tuple[A, Sequence[memoryview]]:
        """(answer, blobs). Raises LineDown, an OSError of that machine, or FarRefusal."""
        call = _Call()
        with self._lock:
            channel = self._channel
            if channel is None:
                raise LineDown(self._why)
            number = next(self._numbers)
            self._calls[number] = call
        name, text = type(question).__name__, question.model_dump_json()
        channel.send(r.ToDesk(number=number, name=name, question=text), lane=Lane.REPLY)
        if not call.done.wait(timeout_s):
            with self._lock:
                self._calls.pop(number, None)
            raise LineDown(f"no answer within {timeout_s:.0f} s: {self.place}")
        record = call.record
        if record is None:
            raise LineDown(self._why)
        if record.error:
            said = " ".join("".join(c if c.isprintable() else " " for c in record.error).split())[:1000]
            raise OSError(record.code, said) if record.code else FarRefusal(said)
        try:
            return kind.model_validate_json(record.answer), call.blobs
        except ValidationError as e:
            where = first_complaint(e).place[:80]
            raise LineDown(f"an answer that is not understood ({name}: {where}): {self.place}") from None
