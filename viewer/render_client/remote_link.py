"""One life of a far worker, seen from the window: a command's two streams in place of pipe and shared memory."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from core_model.schema.atomic import write_atomic
from core_model.schema.baked_bytes import byte_count, layouts
from core_model.schema.errors import InputError
from core_model.schema.far import LOCAL
from core_model.schema.home import expanded
from core_model.schema.render import ErrorInfo, RenderRequest, Tier
from viewer.render_client import messages as m
from viewer.render_client.events import LineStatus
from viewer.render_client.mailbox import Slot
from viewer.render_client.protocol import DEFAULT_FACTORY, OpenLink
from viewer.wire import records as r
from viewer.wire.arrays import MAX_ARRAY, restored
from viewer.wire.channel import Channel, Lane
from viewer.wire.command import Command
from viewer.wire.desk_line import DeskLine
from viewer.wire.faults import WireError
from viewer.wire.files import offer_of, send_parts
from viewer.wire.greeting import Greeted, VersionError, greeting
from viewer.wire.plain import from_json

PICTURES_PER_S = 20.0
WORK_S = 0.06
"""Rendering, packing and unpacking of a moving picture, about."""


@dataclass
class FarControl:
    """What the far worker does, as it said last."""

    cancel_below: int = 0
    working_on: tuple[str, int] = ("", 0)
    stage: str = "connecting"
    fraction: float = 0.0
    device: str = ""
    memory_bytes: int = 0


@dataclass
class _Traffic:
    rate: float = 0.0
    coding: str = ""
    picture_bytes: int = 0
    pictures: deque[float] = field(default_factory=lambda: deque(maxlen=120))


class RemoteLink:
    """Starts the command on construction; the methods are described in `protocol.Link`. desk: questions about runs."""

    shares_memory = False

    def __init__(self, command: str, options: m.SessionOptions, desk: DeskLine | None = None) -> None:
        self._desk = desk
        self.control = FarControl()
        self.spawned_at, self.ready_s = time.monotonic(), 0.0
        self._options = options
        self._pid = 0
        self._code: int | None = None
        self._ended = ""
        self._mismatch = ""
        self._greeted = False
        self._saves: dict[int, str] = {}
        self._offers: dict[int, queue.Queue[r.Wanted]] = {}
        self._unsent: queue.SimpleQueue[m.OpenDone] = queue.SimpleQueue()
        self._traffic = _Traffic()
        self._asked: list[int] = []
        self._held: tuple[int, RenderRequest] | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._command = Command(command, self._hear)
        self._channel = Channel(self._command.read, self._command.write, self._command.kill)
        # Urgent, as a cancel is: one that is asked for before the line is there must not overtake it.
        start = r.ToStart(device=options.device, cache_bytes=options.cache_bytes, threads=options.threads)
        self._channel.send(start, lane=Lane.URGENT)

    @property
    def pid(self) -> int:
        """Of the worker, over there."""
        return self._pid

    @property
    def exitcode(self) -> int | None:
        return self._code

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def line(self) -> LineStatus | None:
        if not self._greeted:
            return None
        seen, pace, now = self._traffic, self._channel.pace, time.monotonic()
        return LineStatus(
            round_trip_ms=1e3 * pace.round_trip,
            rate=seen.rate,
            bytes_in=self._channel.bytes_in,
            bytes_out=pace.sent,
            picture_bytes=seen.picture_bytes,
            pictures_per_s=float(sum(1 for t in tuple(seen.pictures) if now - t < 1.0)),
            coding=seen.coding,
        )

    def post(
        self,
        slot: Slot,
        number: int,
        message: m.PictureRequest | m.InspectRequest | m.AskRequest | m.BakeRequest,
    ) -> None:
        match message:
            case m.PictureRequest(request=request):
                self._ask_picture(number, request)
            case m.InspectRequest(request=request, x=x, y=y):
                self._channel.send(r.ToInspect(number=number, request=request, x=x, y=y), key=slot)
            case m.AskRequest(question=None):
                self._channel.send(r.ToAsk(number=number), key=slot)
            case m.AskRequest(question=question) if question is not None:
                name, text = type(question).__name__, question.model_dump_json()
                self._channel.send(r.ToAsk(number=number, name=name, question=text), key=slot)
            case m.BakeRequest(question=wish):
                self._channel.send(r.ToBake(number=number, question=wish), key=slot)

    def _ask_picture(self, number: int, request: RenderRequest) -> None:
        """Moving pictures beyond what the line holds wait here, the newest only: the rest would be rendered for nothing."""
        with self._lock:
            self._held = None
            if request.tier is Tier.MOVING:
                if len(self._asked) >= self._at_once():
                    self._held = (number, request)
                    return
                self._asked.append(number)
        self._channel.send(r.ToPicture(number=number, request=request), key="render")

    def _at_once(self) -> int:
        """Moving pictures that may be under way: PICTURES_PER_S of them over a round trip and the work itself."""
        seconds = self._channel.pace.round_trip + WORK_S
        return min(max(math.ceil(PICTURES_PER_S * seconds), 2), 8)

    def _came(self, number: int) -> None:
        """A picture came, or will not come; older ones do not come either."""
        with self._lock:
            self._asked = [n for n in self._asked if n > number]
            held, self._held = self._held, None
        if held is not None:
            self._ask_picture(*held)

    def cancel_below(self, number: int) -> None:
        with self._lock:
            if self.control.cancel_below >= number:
                return
            self.control.cancel_below = number
            self._asked = [n for n in self._asked if n >= number]
            if self._held is not None and self._held[0] < number:
                self._held = None
        self._channel.send(r.ToCancel(below=number), lane=Lane.URGENT, key="cancel")

    def send(self, message: m.ToWorker) -> None:
        match message:
            case m.OpenPath(number=number, path=path) if path.startswith(LOCAL):
                work = (number, path)
                threading.Thread(target=self._send_file, args=work, name="triscope-send", daemon=True).start()
            case m.OpenPath(number=number, path=path):
                self._channel.send(r.ToOpen(number=number, path=path))
            case m.ClosePath(path=path):
                self._channel.send(r.ToClose(path=path))
            case m.SaveRay(number=number, request=request, x=x, y=y, path=path):
                self._save(number, request, x, y, path)
            case m.Configure(number=number, options=options):
                self._options = options
                self._channel.send(
                    r.ToConfigure(
                        number=number,
                        device=options.device,
                        cache_bytes=options.cache_bytes,
                        threads=options.threads,
                    )
                )
            case m.Stop():
                self._channel.send(r.ToStop())
            case m.Wake():
                pass

    def receive(self) -> Iterator[m.FromWorker]:
        """Messages until the worker or the line ends. What breaks the rules ends the line."""
        try:
            yield from self._receive()
        except VersionError as e:
            self._mismatch = str(e)
        except (WireError, OSError) as e:
            self._channel.fault = self._channel.fault or str(e)
        finally:
            if not self._channel.fault:
                self._command.wait(1.0)  # it ends by itself, and its status says why
            self._channel.close()
            self._command.kill()
            if self._desk is not None:
                self._desk.detach(self.end_reason()[0])

    def join(self, timeout_s: float) -> bool:
        self._code = self._command.wait(timeout_s)
        return self._code is not None

    def kill(self) -> None:
        self._channel.close()
        self._command.kill()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._channel.release()

    def end_reason(self) -> tuple[str, bool]:
        if self._mismatch:
            return f"`{self._command.text}`: {self._mismatch}", False
        if self._ended:
            return f"{self._ended} (`{self._command.text}`)", True
        if not self._greeted and not self._channel.fault:
            return self._command.why()
        if self._channel.fault:
            return f"`{self._command.text}`: {self._channel.fault}", self._greeted
        return self._command.why()[0], True

    # What the far side says

    def _hear(self, line: str) -> None:
        """A line of the command's error stream: what one waits for, while it gives no answer."""
        if not self._greeted:
            self.control.stage = line.encode()[:64].decode(errors="ignore")

    def _receive(self) -> Iterator[m.FromWorker]:
        first = Greeted()
        self._channel.say(greeting())
        if not first.read(self._command.read):
            said = first.banner.strip().splitlines()
            if said and not self._command.said:
                self._channel.fault = f"it said {said[-1][:200]!r} and ended"
            return
        self._greeted = True
        self.control.stage = "starting worker"
        self._channel.start()
        if self._desk is not None:
            self._desk.attach(self._channel)
        for record, blobs in self._channel.receive(first.rest):
            message = self._message(record, blobs)
            if message is not None:
                yield message
            while not self._unsent.empty():
                yield self._unsent.get()

    def _message(self, record: r.Record, blobs: list[memoryview]) -> m.FromWorker | None:
        control = self.control
        match record:
            case r.FromStatus():
                control.stage, control.fraction = record.stage, record.fraction
                control.device, control.memory_bytes = record.device, record.memory_bytes
                control.working_on = (record.work, record.number)
                self._traffic.rate, self._traffic.coding = record.rate, record.coding
                return None
            case r.FromReady(pid=pid, device=device):
                self._pid, control.device = pid, device
                return m.Hello(pid, device)
            case r.FromOpened(number=number, path=path, info=info, error=error):
                return m.OpenDone(number, path, info, error)
            case r.FromConfigured(number=number, error=error):
                return m.ConfigureDone(number, error)
            case r.FromPicture():
                return self._picture(record, blobs)
            case r.FromDropped(number=number):
                self._came(number)
                return m.Dropped(number)
            case r.FromInspected(number=number, report=report, error=error):
                return m.InspectDone(number, report, error)
            case r.FromAnswered(number=number, values=values, error=error):
                arrays = arrays_of(record.arrays, blobs)
                return m.AnswerDone(number, from_json(values), arrays, error)
            case r.FromBaked(number=number, error=error):
                if record.spec is None:
                    return m.BakeDone(number, error=error)
                return m.BakeDone(number, record.spec, data=_volume(record, blobs))
            case r.FromSaved(number=number, error=error):
                return self._saved(number, error, blobs)
            case r.FromDesk() if self._desk is not None:
                self._desk.take(record, blobs)
                return None
            case r.Wanted(number=number) if number in self._offers:
                self._offers[number].put(record)
                return None
            case r.FromEnded(reason=reason, code=code):
                self._ended, self._code = reason, code
                return None
        raise WireError(f"a message that nobody asked for ({record.kind})")

    def _picture(self, record: r.FromPicture, blobs: list[memoryview]) -> m.RenderDone:
        self._came(record.number)
        arrays = arrays_of(record.arrays, blobs)
        shapes = {f.name: f.shape for f in record.result.frames}
        if {name: a.shape for name, a in arrays.items()} != shapes:
            raise WireError("a picture whose arrays are not those of its result")
        self._traffic.picture_bytes = sum(len(b) for b in blobs)
        self._traffic.pictures.append(time.monotonic())
        return m.RenderDone(
            record.number, record.result, arrays=arrays, finished_at=time.monotonic(), preview=record.preview
        )

    def _send_file(self, number: int, path: str) -> None:
        """Send a file of this machine and open it over there; a thread of its own."""
        try:
            file = expanded(path.removeprefix(LOCAL))
            self.control.stage = f"reading {file.name}"[:64]
            offer = offer_of(file, number)
            answers = self._offers[number] = queue.Queue()
            self._channel.send(offer)
            wanted = self._answer(answers)
            if wanted.error is None and wanted.offset < offer.size:
                self.control.stage = f"sending {file.name}"[:64]
                if not send_parts(self._channel, file, offer, wanted.offset, self._sent):
                    return
                wanted = self._answer(answers)
            if wanted.error is not None:
                raise InputError(what=wanted.error.message)
        except (InputError, OSError) as e:
            self._unsent.put(m.OpenDone(number, path, error=ErrorInfo(kind="input", message=str(e))))
        except queue.Empty:
            return  # the line is gone; the file is sent again with the next one
        else:
            self._channel.send(r.ToOpen(number=number, path=wanted.path))
        finally:
            self._offers.pop(number, None)

    def _answer(self, answers: "queue.Queue[r.Wanted]") -> r.Wanted:
        """Raises queue.Empty once the line is gone."""
        while True:
            try:
                return answers.get(timeout=0.2)
            except queue.Empty:
                if self._channel.closed:
                    raise

    def _sent(self, share: float) -> None:
        self.control.fraction = share

    def _save(self, number: int, request: RenderRequest, x: int, y: int, path: str) -> None:
        self._saves[number] = path
        try:
            record = r.ToSaveRay(number=number, request=request, x=x, y=y, suffix=Path(path).suffix.lower())  # type: ignore[arg-type]
        except ValidationError:
            raise InputError(
                what="unknown kind of file", where=path, expected=".json, .csv or .png"
            ) from None
        self._channel.send(record)

    def _saved(self, number: int, error: ErrorInfo | None, blobs: list[memoryview]) -> m.SaveDone | None:
        """Write the file where it was asked for: the name is ours, only the bytes come from over there."""
        path = self._saves.pop(number, "")
        if not path:
            return None
        if error is None and len(blobs) == 1:
            try:
                write_atomic(Path(path), bytes(blobs[0]))
            except (OSError, InputError) as e:
                error = ErrorInfo(kind="input", message=str(e))
        return m.SaveDone(number, path, error)


def remote(command: str, desk: DeskLine | None = None) -> OpenLink:
    """Starts far workers by this command. desk: asks about runs over whichever line is there."""

    def open_link(factory: str, options: m.SessionOptions) -> RemoteLink:
        if factory != DEFAULT_FACTORY:
            raise InputError(what="the far worker has a session of its own", where=factory)
        return RemoteLink(command, options, desk)

    return open_link


def arrays_of(heads: tuple[r.ArrayHead, ...], blobs: list[memoryview]) -> dict[str, np.ndarray]:
    """The arrays of a message by name; raises WireError where heads and blobs do not agree."""
    if len(heads) != len(blobs) or len({h.name for h in heads}) != len(heads):
        raise WireError("a message whose arrays are not all there")
    if sum(int(np.prod(h.shape, dtype=object)) * np.dtype(h.dtype).itemsize for h in heads) > MAX_ARRAY:
        raise WireError("a message with more than a gigabyte of arrays")
    return {head.name: restored(head, blob) for head, blob in zip(heads, blobs, strict=True)}


def _volume(record: r.FromBaked, blobs: list[memoryview]) -> bytes:
    """The bytes of a baked volume as `baked_bytes` lays them out."""
    assert record.spec is not None
    if byte_count(record.spec) > MAX_ARRAY or len(record.arrays) != 4:
        raise WireError("a baked volume of a size that makes no sense")
    arrays = tuple(arrays_of(record.arrays, blobs).values())
    for array, (shape, kind) in zip(arrays, layouts(record.spec), strict=True):
        if array.shape != shape or array.dtype != kind:
            raise WireError("a baked volume whose arrays are not those of its record")
    return b"".join(a.tobytes() for a in arrays)
