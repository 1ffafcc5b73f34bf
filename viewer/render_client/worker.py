"""The worker process: the only part of the viewer that loads torch, and only inside `main`.

One loop: commands from the pipe, then the mailboxes in the order of `turns.py`. Every exception becomes
an error record at this boundary; the process itself ends only when it is told to, when the GUI is gone, or
when it crashes.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import inspect
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from multiprocessing import connection, parent_process
from typing import Any, Protocol

import numpy as np
import psutil

from core_model.schema.baked import BakedArrays, BakedSpec
from core_model.schema.baked_bytes import parts_of
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import Cancelled, InputError, OutOfMemory, is_out_of_memory
from core_model.schema.extras import missing_extra
from core_model.schema.inspect import RayReport
from core_model.schema.memory import give_back
from core_model.schema.question import Question
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import SMALLEST_TILE, ErrorInfo, RenderRequest, RenderResult, lay_out
from core_model.schema.rest import Rest
from viewer.render_client import messages as m
from viewer.render_client.frame_ring import ALIGN, FrameRing
from viewer.render_client.mailbox import ControlBlock
from viewer.render_client.turns import Turn, Turns

FIRST_TILE = 1 << 16
"""Rays of the tile that the first retry after out-of-memory halves, where the request names none."""
IDLE_LOOK_S = 0.25


class FrameLike(Protocol):
    """What a session's `render` returns."""

    result: RenderResult
    arrays: dict[str, np.ndarray]


class AnswerLike(Protocol):
    """What a session's `answer` returns: plain values and float32 arrays by name."""

    values: dict[str, Any]
    arrays: dict[str, np.ndarray]


class BakedLike(Protocol):
    """What a session's `bake` returns."""

    @property
    def spec(self) -> BakedSpec: ...
    @property
    def arrays(self) -> BakedArrays: ...


class SessionLike(Protocol):
    """The part of core_model.report.worker_session.WorkerSession that the worker uses."""

    @property
    def device(self) -> str: ...
    def open(self, path: str) -> CheckpointInfo: ...
    def close(self, path: str) -> None: ...
    def render(
        self, request: RenderRequest, cancelled: Callable[[], bool], progress: Callable[[str, float], None]
    ) -> FrameLike: ...
    def inspect(self, request: RenderRequest, x: int, y: int) -> RayReport: ...
    def save_ray(self, request: RenderRequest, x: int, y: int, path: str) -> None: ...
    def bake(
        self, question: BakeQuestion, cancelled: Callable[[], bool], progress: Callable[[str, float], None]
    ) -> BakedLike: ...
    def answer(
        self, question: Question, cancelled: Callable[[], bool], progress: Callable[[str, float], None]
    ) -> AnswerLike: ...


def main(setup: m.WorkerSetup, commands: connection.Connection, results: connection.Connection) -> None:
    """Entry point of the process (multiprocessing, spawn)."""
    # torch's threads must sleep while they wait, not spin: the window may be drawn by the same few cores
    # (read when torch loads)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal is the GUI's to answer
    threading.Thread(target=_end_with_parent, daemon=True).start()
    control = ControlBlock.attach(setup.control)
    worker = _Worker(setup.factory, control, commands, results)
    try:
        worker.start(setup.options)
        worker.run()
    except (BrokenPipeError, EOFError, ConnectionResetError):
        pass  # the GUI is gone or has closed the pipes: nobody is left to tell
    finally:
        worker.close()


def load_factory(path: str) -> Callable[..., Any]:
    """The callable behind MODULE:NAME. Raises InputError when there is none."""
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as e:
        raise InputError(what="no render session", where=path, expected="MODULE:CALLABLE", got=str(e)) from e


def build_session(factory: Callable[..., Any], options: m.SessionOptions) -> SessionLike:
    """A session with these options."""
    return factory(device=options.device, cache_bytes=options.cache_bytes, threads=options.threads)


def error_info(e: BaseException) -> ErrorInfo:
    """An exception as data: kind input, cancelled, memory or failed; the traceback goes to `detail`."""
    if isinstance(e, InputError):
        return ErrorInfo(kind="input", message=str(e))
    if isinstance(e, Cancelled):
        return ErrorInfo(kind="cancelled", message=str(e))
    missing = missing_extra(e)
    if missing is not None:
        return ErrorInfo(kind="input", message=str(missing))
    detail = "".join(traceback.format_exception(e))[-8000:]
    if isinstance(e, OutOfMemory):
        return ErrorInfo(kind="memory", message=str(e), detail=detail)
    if is_out_of_memory(e):
        return ErrorInfo(kind="memory", message=f"out of memory: {_first_line(e)}", detail=detail)
    return ErrorInfo(kind="failed", message=f"{type(e).__name__}: {_first_line(e)}", detail=detail)


class _Worker:
    """factory: dotted path, or the callable itself; clock: seconds, monotonic."""

    def __init__(
        self,
        factory: str | Callable[..., Any],
        control: ControlBlock,
        commands: connection.Connection,
        results: connection.Connection,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._named, self._control = factory, control
        self._commands, self._results = commands, results
        self._process = psutil.Process()
        self._session: SessionLike | None = None
        self._factory: Callable[..., Any] | None = None
        self._rings: dict[str, FrameRing] = {}
        self._wakes_read = 0
        self._commands_read: deque[m.ToWorker] = deque()
        self._reading = threading.Lock()
        self._turns = Turns(control, self._command_waits, clock)
        self._rest = Rest(give=lambda: give_back(), clock=clock)
        self._tile_cap: tuple[str, int] | None = None

    def start(self, options: m.SessionOptions) -> None:
        """Build the session; an exception ends the process, and its text goes to the GUI before."""
        self._control.begin("options", 0, "loading torch")
        try:
            self._factory = load_factory(self._named) if isinstance(self._named, str) else self._named
            self._control.progress("starting session", 0.5)
            self._session = build_session(self._factory, options)
        except Exception as e:
            self._results.send(m.ConfigureDone(0, error_info(e)))
            raise SystemExit(1) from e
        self._idle()
        self._results.send(m.Hello(os.getpid(), self._session.device))

    def run(self) -> None:
        """Work until Stop or until the GUI is gone."""
        while self._run_commands(wait=not self._turns.any):
            if self.work():
                self._rest.worked()
            elif self._rest.look():
                self._idle()  # with less memory than before

    def work(self) -> bool:
        """One turn of the mailboxes; False when there was nothing to do."""
        turn = self._turns.next()
        if turn is None:
            return False
        if turn.slot == "inspect":
            self._inspect(turn.number, turn.message)
        elif turn.slot == "render":
            self._render(turn)
        elif turn.slot == "bake":
            self._bake(turn)
        else:
            self._answer(turn)
        return True

    def close(self) -> None:
        for ring in self._rings.values():
            ring.close()
        self._control.close()

    # Commands

    def _read_pipe(self) -> None:
        """Read what the pipe holds: wake messages are counted, commands wait in `_commands_read`."""
        with self._reading:
            while self._commands.poll(0):
                message = self._commands.recv()
                if isinstance(message, m.Wake):
                    self._wakes_read += 1
                    self._control.wakes_read = self._wakes_read
                else:
                    self._commands_read.append(message)

    def _command_waits(self) -> bool:
        """Whether a command waits; called between tiles, by several threads."""
        if not self._reading.locked():
            try:
                self._read_pipe()
            except (EOFError, OSError):
                return True  # the GUI is gone: `run` finds out
        return bool(self._commands_read)

    def _run_commands(self, wait: bool) -> bool:
        """Handle every command that waits (with `wait`: first wait a while for one); False after Stop."""
        if wait and not self._commands_read:
            self._commands.poll(IDLE_LOOK_S)
        self._read_pipe()
        while self._commands_read:
            message = self._commands_read.popleft()
            if isinstance(message, m.Stop):
                return False
            if isinstance(message, m.OpenPath):
                self._open(message)
            elif isinstance(message, m.ClosePath):
                self._close_path(message.path)
            elif isinstance(message, m.SaveRay):
                self._save_ray(message)
            elif isinstance(message, m.Configure):
                self._configure(message)
            self._rest.worked()
        return True

    def _open(self, message: m.OpenPath) -> None:
        assert self._session is not None
        self._control.begin("open", message.number, "loading checkpoint")
        try:
            info = _open_with_progress(self._session, message.path, self._control.progress)
        except Exception as e:
            done = m.OpenDone(message.number, message.path, error=error_info(e))
            self._free_memory()
        else:
            done = m.OpenDone(message.number, message.path, info=info)
        self._idle()
        self._results.send(done)

    def _close_path(self, path: str) -> None:
        assert self._session is not None
        try:
            self._session.close(path)
        except Exception as e:
            # Nobody waits for an answer: it goes to the terminal.
            print(f"triscope worker: closing {path}: {e}", file=sys.stderr)
        self._free_memory()
        self._idle()

    def _save_ray(self, message: m.SaveRay) -> None:
        assert self._session is not None
        self._control.begin("save", message.number, "saving ray")
        error = None
        try:
            self._session.save_ray(message.request, message.x, message.y, message.path)
        except Exception as e:
            error = error_info(e)
        self._idle()
        self._results.send(m.SaveDone(message.number, message.path, error))

    def _configure(self, message: m.Configure) -> None:
        assert self._factory is not None
        self._control.begin("options", message.number, "starting session")
        error = None
        try:
            session = build_session(self._factory, message.options)
        except Exception as e:
            error = error_info(e)
        else:
            self._session = session
            self._free_memory()
        self._idle()
        self._results.send(m.ConfigureDone(message.number, error))

    # Work

    def _inspect(self, number: int, message: m.InspectRequest) -> None:
        assert self._session is not None
        self._control.begin("inspect", number, "inspecting ray")
        try:
            done = m.InspectDone(number, self._session.inspect(message.request, message.x, message.y))
        except Exception as e:
            done = m.InspectDone(number, error=error_info(e))
            self._free_memory()
        self._idle()
        self._results.send(done)

    def _answer(self, turn: Turn) -> None:
        assert self._session is not None
        question, number = turn.message.question, turn.number
        if question is None:
            return  # the one that waited was taken back
        self._control.begin("ask", number, "answering")
        try:
            found = self._session.answer(question, self._turns.answer_gives_way, self._control.progress)
            done = m.AnswerDone(number, found.values, found.arrays)
        except Cancelled:
            self._turns.again(turn)
            self._idle()
            return
        except Exception as e:
            done = m.AnswerDone(number, error=error_info(e))
            self._free_memory()
        self._idle()
        self._results.send(done)

    def _bake(self, turn: Turn) -> None:
        assert self._session is not None
        question, number = turn.message.question, turn.number
        if question is None:
            return  # the wish was taken back
        self._control.begin("bake", number, "baking")
        gives_way = lambda: self._turns.bake_gives_way(question.level)
        try:
            made = self._session.bake(question, gives_way, self._control.progress)
            done = self._sent_volume(number, turn.message.ring, made)
        except Cancelled:
            self._turns.again(turn)
            self._idle()
            return
        except Exception as e:
            done = m.BakeDone(number, error=error_info(e))
            self._free_memory()
        self._idle()
        self._results.send(done)

    def _sent_volume(self, number: int, name: m.RingName | None, made: BakedLike) -> m.BakeDone:
        """Put the volume where the GUI can read it: in its ring, or in the message if it does not fit."""
        parts, ring = parts_of(made.arrays), self._ring_of("volumes", name)
        if ring is not None and made.arrays.nbytes <= ring.slot_bytes:
            slot = ring.acquire(lambda: False)
            if slot is not None:
                ring.write_bytes(slot, parts)
                return m.BakeDone(number, made.spec, ring.name, slot)
        return m.BakeDone(number, made.spec, data=b"".join(parts))

    def _render(self, turn: Turn) -> None:
        control, generation, message = self._control, turn.number, turn.message
        if control.cancel_below > generation:
            self._results.send(m.Dropped(generation))
            return
        control.begin("render", generation, "rendering")
        tier = message.request.tier

        def cancelled() -> bool:
            return control.cancel_below > generation or self._turns.picture_gives_way(tier)

        result, arrays = self._render_within_memory(message.request, cancelled)
        if result.error is not None and result.error.kind == "cancelled":
            if control.cancel_below <= generation:
                self._turns.again(turn)
                self._idle()
                return
            done: m.FromWorker = m.Dropped(generation)
        else:
            done = self._deliver(generation, message, result, arrays)
        self._idle()
        self._results.send(done)

    def _render_within_memory(
        self, request: RenderRequest, cancelled: Callable[[], bool]
    ) -> tuple[RenderResult, dict[str, np.ndarray]]:
        """Render; after out-of-memory again with half the rays per tile, down to the floor."""
        cap = self._tile_cap[1] if self._tile_cap and self._tile_cap[0] == request.checkpoint else None
        tile = request.tile_rays
        if cap is not None:
            tile = min(tile or cap, cap)
        first: ErrorInfo | None = None
        while True:
            attempt = request if tile == request.tile_rays else request.model_copy(update={"tile_rays": tile})
            result, arrays = self._attempt(attempt, cancelled)
            if result.error is None or result.error.kind != "memory":
                return result, arrays
            first = first or result.error  # it names what fits: later ones find memory in smaller pieces
            self._free_memory()
            tile = (tile or min(FIRST_TILE, request.width * request.height)) // 2
            if tile < SMALLEST_TILE:
                hint = f"even with tiles of {SMALLEST_TILE} rays; try a smaller picture or fewer channels"
                error = first.replace(message=f"{first.message} ({hint})")
                return result.model_copy(update={"error": error}), {}
            self._tile_cap = (request.checkpoint, tile)

    def _attempt(
        self, request: RenderRequest, cancelled: Callable[[], bool]
    ) -> tuple[RenderResult, dict[str, np.ndarray]]:
        assert self._session is not None
        try:
            frame = self._session.render(request, cancelled=cancelled, progress=self._control.progress)
        except Exception as e:
            return RenderResult(error=error_info(e)), {}
        return frame.result, ({} if frame.result.error is not None else frame.arrays)

    def _deliver(
        self, generation: int, message: m.PictureRequest, result: RenderResult, arrays: dict[str, np.ndarray]
    ) -> m.RenderDone:
        """Put the arrays where the GUI can read them: in the ring, or in the message if they do not fit."""
        rss = self._process.memory_info().rss
        frames, size = lay_out(arrays, known=result.frames, align=ALIGN)
        result = result.model_copy(
            update={
                "request": None,
                "generation": generation,
                "frames": frames,
                "memory_bytes": result.memory_bytes or rss,
            }
        )
        ring = self._ring_of("pictures", message.ring)
        if arrays and ring is not None and size <= ring.slot_bytes:
            slot = ring.acquire(lambda: False)
            if slot is not None:
                ring.write(slot, frames, arrays)
                return m.RenderDone(generation, result, ring.name, slot, finished_at=time.monotonic())
        inline = {name: np.ascontiguousarray(a, dtype=np.float32) for name, a in arrays.items()}
        return m.RenderDone(generation, result, arrays=inline, needs_bytes=size, finished_at=time.monotonic())

    def _ring_of(self, what: str, name: m.RingName | None) -> FrameRing | None:
        """The ring of this name; `what` is sent through it, and the last ring for that is let go."""
        if name is None:
            return None
        known = self._rings.get(what)
        if known is not None and known.name == name.name:
            return known
        if known is not None:
            self._rings.pop(what).close()
        try:
            self._rings[what] = FrameRing.attach(name.name, name.slots, name.slot_bytes)
        except OSError:
            return None  # the GUI has made a larger one since; this frame goes through the pipe
        return self._rings[what]

    def _idle(self) -> None:
        """Report memory and device, and that the worker is idle."""
        assert self._session is not None
        self._control.memory_bytes = self._process.memory_info().rss
        self._control.device = self._session.device
        self._control.end()

    @staticmethod
    def _free_memory() -> None:
        gc.collect()
        if "torch" in sys.modules:
            from core_model.ops.devices import release_memory

            release_memory()


def _open_with_progress(
    session: SessionLike, path: str, progress: Callable[[str, float], None]
) -> CheckpointInfo:
    """`open`, with progress where the session offers it."""
    if "progress" in inspect.signature(session.open).parameters:
        return session.open(path, progress=progress)  # type: ignore[call-arg]
    return session.open(path)


def _end_with_parent() -> None:
    """End this process when the GUI process ends in whatever way, also in the middle of a frame."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(0)


def _first_line(e: BaseException) -> str:
    return (str(e).strip().splitlines() or [type(e).__name__])[0]
