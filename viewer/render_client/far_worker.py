"""The far end of a `RemoteLink`: `triscope worker`, a renderer on stdin and stdout.

A small process of its own beside the worker: it reads requests, puts them into the worker's mailboxes, takes pictures
out of shared memory and sends them as well as the line can carry them. It ends, and the worker with it, when it is
told to, when its stdin closes and when the other side is silent for too long. Only messages go to stdout: what a library
prints goes to stderr.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core_model.schema.baked_bytes import NAMES, arrays_of, byte_count, usual_bytes
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.render import ErrorInfo, RenderRequest, Tier
from viewer.render_client import messages as m
from viewer.render_client.far_runs import FarRuns
from viewer.render_client.link import WorkerLink
from viewer.render_client.protocol import DEFAULT_FACTORY
from viewer.render_client.rings import FrameRings
from viewer.wire import records as r
from viewer.wire.arrays import lossless, lossy
from viewer.wire.channel import Channel, Lane
from viewer.wire.faults import WireError
from viewer.wire.greeting import Greeted, greeting
from viewer.wire.pace import LEVELS, PREVIEW_S, Level, Quality
from viewer.wire.plain import as_json

if TYPE_CHECKING:
    from viewer.wire.desk_answers import DeskAnswers

STATUS_S = 0.2
SMALL_ANSWER = 1 << 16
"""Bytes of an answer that goes before pictures."""
FIRST_SHARE = 0.35
"""What lossless packing is taken to leave of a picture before the first was packed."""
PREVIEW_SCALE = 4
Packed = tuple[r.ArrayHead, bytes]


def main(resolve: Callable[[str], str], factory: str = DEFAULT_FACTORY) -> int:
    """Serve the other side until it goes; returns the exit status.

    resolve: the file behind a name, or raises InputError.
    """
    if sys.stdin is not None and sys.stdin.isatty():
        raise InputError(
            what="the worker speaks with a window, not with a person",
            expected='triscope view CHECKPOINT --worker "ssh HOST triscope worker"',
            got="a terminal on stdin",
        )
    read, write = _own_streams()
    channel = Channel(read, write, lambda: os._exit(1))
    channel.say(greeting())
    first = Greeted()
    try:
        if not first.read(read):
            return 0
    except WireError as e:
        print(f"triscope worker: {e}", file=sys.stderr)
        return 2
    channel.start()
    worker = FarWorker(channel, resolve, factory)
    try:
        for record, blobs in channel.receive(first.rest):
            if not worker.take(record, blobs):
                break
    except WireError as e:
        channel.fault = str(e)
    finally:
        worker.stop()
    if channel.fault:
        print(f"triscope worker: {channel.fault}", file=sys.stderr)
        return 1
    return 0


def _own_streams() -> tuple[int, int]:
    """Private copies of stdin and stdout; in their places nothing can be read, and what is written goes to stderr."""
    read, write = os.dup(0), os.dup(1)
    if sys.platform == "win32":
        import msvcrt

        for one in (read, write):
            msvcrt.setmode(one, os.O_BINARY)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return read, write


class FarWorker:
    """One worker process and what goes between it and the line. `take` is called by one thread."""

    def __init__(self, channel: Channel, resolve: Callable[[str], str], factory: str) -> None:
        self._channel, self._resolve, self._factory = channel, resolve, factory
        self._link: WorkerLink | None = None
        self._rings, self._volumes = FrameRings(), FrameRings(slots=1)
        self._lock = threading.Lock()
        self._requests: dict[int, RenderRequest] = {}
        self._directions: dict[str, set[str]] = {}
        self._exact = self._moving = self._bake = 0
        self._share = FIRST_SHARE
        self._quality = Quality()
        self._folder = tempfile.TemporaryDirectory(prefix="triscope-worker-", ignore_cleanup_errors=True)
        self._stopped = threading.Event()
        self._runs = FarRuns(channel, Path(self._folder.name))
        self._desk: DeskAnswers | None = None

    # From the window

    def take(self, record: r.Record, blobs: list[memoryview]) -> bool:
        """Carry out what the other side wants; False after its last wish. Raises WireError for what it may not send."""
        if isinstance(record, r.ToStart):
            self._start(m.SessionOptions(record.device, record.cache_bytes, record.threads))
            return True
        if isinstance(record, r.ToStop):
            return False
        if isinstance(record, r.ToDesk):
            self._asked_about_runs(record)
            return True
        if self._runs.take(record, blobs):
            return True
        link = self._link
        if link is None:
            raise WireError(f"{record.kind} before start")
        match record:
            case r.ToPicture(number=number, request=request):
                with self._lock:
                    self._requests[number] = request
                    for old in sorted(self._requests)[:-64]:
                        del self._requests[old]
                self._channel.drop("exact")  # a newer picture is wanted
                link.post("render", number, m.PictureRequest(request, self._rings.for_request(request)))
            case r.ToInspect(number=number, request=request, x=x, y=y):
                link.post("inspect", number, m.InspectRequest(request, x, y))
            case r.ToAsk(number=number):
                link.post("ask", number, m.AskRequest(r.question_of(record)))
            case r.ToBake(number=number, question=question):
                self._bake = number
                self._channel.drop("volume")
                ring = None if question is None else self._volumes.for_bytes(usual_bytes(question.level))
                link.post("bake", number, m.BakeRequest(question, ring))
            case r.ToCancel(below=below):
                link.cancel_below(below)
                if self._exact < below:
                    self._channel.drop("exact")
                if self._moving < below:
                    self._channel.drop("picture")
            case r.ToOpen(number=number, path=path):
                self._open(link, number, path)
            case r.ToClose(path=path):
                link.send(m.ClosePath(path))
            case r.ToSaveRay(number=number, request=request, x=x, y=y, suffix=suffix):
                path = str(Path(self._folder.name) / f"ray-{number}{suffix}")
                link.send(m.SaveRay(number, request, x, y, path))
            case r.ToConfigure(number=number):
                options = m.SessionOptions(record.device, record.cache_bytes, record.threads)
                link.send(m.Configure(number, options))
            case _:
                raise WireError(f"a message that is not for a worker ({record.kind})")
        return True

    def stop(self) -> None:
        """End the worker process and wait until it is gone."""
        self._stopped.set()
        self._runs.stop()
        if self._desk is not None:
            self._desk.stop()
        link = self._link
        if link is not None:
            link.cancel_below(2**62)
            link.send(m.Stop())
            if not link.join(0.3):
                link.kill()
                link.join(5.0)
            link.close()
        self._rings.close()
        self._volumes.close()
        self._folder.cleanup()

    def _asked_about_runs(self, record: r.ToDesk) -> None:
        if self._desk is None:
            from viewer.wire.desk_answers import DeskAnswers  # with jobs, numpy and psutil: for whoever asks

            self._desk = DeskAnswers(self._channel)
        self._desk.take(record)

    def _start(self, options: m.SessionOptions) -> None:
        if self._link is not None:
            raise WireError("a second start")
        self._link = WorkerLink(self._factory, options)
        for work, name in ((self._listen, "results"), (self._tell, "status")):
            threading.Thread(
                target=work, args=(self._link,), name=f"triscope-far-{name}", daemon=True
            ).start()

    def _open(self, link: WorkerLink, number: int, path: str) -> None:
        try:
            found = self._resolve(path)
        except InputError as e:
            error = ErrorInfo(kind="input", message=str(e))
            self._channel.send(r.FromOpened(number=number, path=path, error=error))
        else:
            link.send(m.OpenPath(number, found))

    # From the worker

    def _tell(self, link: WorkerLink) -> None:
        """What the worker does, whenever that changes."""
        last = None
        while not self._stopped.wait(STATUS_S):
            try:
                status = self._status(link)
            except ValueError:
                return  # the control block is closed
            if status != last:
                last = status
                self._channel.send(status, lane=Lane.URGENT, key="status")

    def _status(self, link: WorkerLink) -> r.FromStatus:
        control = link.control
        work, number = control.working_on
        return r.FromStatus(
            stage=control.stage, fraction=min(max(control.fraction, 0.0), 1.0), device=control.device,
            memory_bytes=control.memory_bytes, work=work, number=number,  # pyright: ignore[reportArgumentType]
            rate=round(self._channel.pace.known_rate, -3),
            coding=str(self._quality.level),
        )  # fmt: skip

    def _listen(self, link: WorkerLink) -> None:
        try:
            for message in link.receive():
                self._pass_on(message)
        except Exception as e:  # the window hears of it; without results this process is of no use
            self._channel.fault = f"a result could not be sent ({type(e).__name__}: {e})"
        if self._stopped.is_set():
            return
        link.join(1.0)
        with contextlib.suppress(ValueError):
            self._channel.send(self._status(link), lane=Lane.URGENT)
        self._channel.send(
            r.FromEnded(reason=self._channel.fault or link.end_reason()[0], code=link.exitcode)
        )
        self._channel.flush(5.0)
        # `receive` hangs in a read, and nothing is left to be done but to go
        link.kill()
        link.join(5.0)
        os._exit(3)

    def _pass_on(self, message: m.FromWorker) -> None:
        send = self._channel.send
        match message:
            case m.Hello(pid=pid, device=device):
                send(r.FromReady(pid=pid, device=device))
            case m.OpenDone(number=number, path=path, info=info, error=error):
                if info is not None:
                    self._learn(info)
                send(r.FromOpened(number=number, path=path, info=info, error=error))
            case m.ConfigureDone(number=number, error=error):
                send(r.FromConfigured(number=number, error=error))
            case m.RenderDone():
                self._picture(message)
            case m.Dropped(generation=number):
                send(r.FromDropped(number=number))
            case m.InspectDone(number=number, report=report, error=error):
                send(r.FromInspected(number=number, report=report, error=error))
            case m.AnswerDone(number=number, values=values, arrays=arrays, error=error):
                packed = [lossless(name, a) for name, a in arrays.items()]
                small = sum(len(b) for _, b in packed) < SMALL_ANSWER
                record = r.FromAnswered(
                    number=number, values=as_json(values), arrays=_heads(packed), error=error
                )
                send(record, _blobs(packed), Lane.REPLY if small else Lane.BULK)
            case m.BakeDone():
                self._volume(message)
            case m.SaveDone(number=number, path=path, error=error):
                data = [] if error is not None else [Path(path).read_bytes()]
                Path(path).unlink(missing_ok=True)
                send(r.FromSaved(number=number, error=error), data)

    def _learn(self, info: CheckpointInfo) -> None:
        self._rings.learn(info)
        self._directions[info.path] = {c.name for c in info.channels if c.kind == "direction"}

    def _picture(self, message: m.RenderDone) -> None:
        arrays, number = self._rings.read(message), message.generation
        with self._lock:
            request = self._requests.get(number)
        result = message.result
        if result.error is not None or not arrays or request is None:
            self._channel.send(r.FromPicture(number=number, result=result))
            return

        def quick(level: Level, preview: bool) -> tuple[r.FromPicture, list[bytes]]:
            ends = {f.name: (f.low, f.high) for f in result.frames}
            packed = [
                self._quick(request, name, a, level, ends[name], coarse=preview) for name, a in arrays.items()
            ]
            record = r.FromPicture(number=number, result=result, arrays=_heads(packed), preview=preview)
            return record, _blobs(packed)

        def moving() -> tuple[r.FromPicture, list[bytes]]:
            record, blobs = quick(self._quality.level, False)
            self._quality.measured(sum(map(len, blobs)), self._channel.pace.known_rate)
            return record, blobs

        def exact() -> tuple[r.FromPicture, list[bytes]]:
            packed = [lossless(name, array) for name, array in arrays.items()]
            self._share = sum(map(len, _blobs(packed))) / max(sum(a.nbytes for a in arrays.values()), 1)
            return r.FromPicture(number=number, result=result, arrays=_heads(packed)), _blobs(packed)

        if request.tier is Tier.MOVING:
            self._moving = number
            self._channel.send_made(moving, Lane.PICTURE, "picture")
        elif request.tier is Tier.SETTLED:
            self._moving = number
            self._channel.send_made(lambda: quick(LEVELS[0], False), Lane.PICTURE, "picture")
        else:
            self._exact = number
            size = int(self._share * sum(a.nbytes for a in arrays.values()))
            if request.tier is Tier.FULL and self._channel.pace.seconds(size) > PREVIEW_S:
                self._moving = number
                self._channel.send_made(lambda: quick(LEVELS[0], True), Lane.PICTURE, "picture")
            self._channel.send_made(exact, Lane.EXACT, "exact")

    def _quick(
        self,
        request: RenderRequest,
        name: str,
        array: np.ndarray,
        level: Level,
        ends: tuple[float, float],
        coarse: bool,
    ) -> Packed:
        """One channel of a picture that need not be exact; scalars stay exact, at large scales in fewer places.

        ends: its finite extremes. coarse: every fourth scalar will do, the exact ones follow.
        """
        if array.ndim == 3 and array.shape[0] == 3:
            direction = name in self._directions.get(request.checkpoint, set())
            low = -1.0 if direction else 0.0
            if ends[0] >= low - 0.01 and ends[1] <= 1.01:
                return lossy(name, array, level.quality, level.how, (low, 1.0), level.scale)
        scale = PREVIEW_SCALE if coarse else level.scale
        return lossless(name, array, scale=scale if array.ndim >= 2 else 1)

    def _volume(self, message: m.BakeDone) -> None:
        if message.spec is None:
            self._channel.send(r.FromBaked(number=message.number, error=message.error))
            return
        data = self._volumes.read_bytes(message, byte_count(message.spec))
        if data is None or message.number < self._bake:
            return
        number, spec = message.number, message.spec

        def made() -> tuple[r.FromBaked, list[bytes]]:
            found = arrays_of(spec, data)
            packed = [lossless(name, getattr(found, name)) for name in NAMES]
            return r.FromBaked(number=number, spec=spec, arrays=_heads(packed)), _blobs(packed)

        self._channel.send_made(made, Lane.BULK, "volume")


def _heads(packed: list[Packed]) -> tuple[r.ArrayHead, ...]:
    return tuple(head for head, _ in packed)


def _blobs(packed: list[Packed]) -> list[bytes]:
    return [blob for _, blob in packed]
