"""GUI side of the render worker: never blocks, never loads torch, and outlives the worker.

The GUI thread calls `submit`, `open` … and `poll`; a supervisor thread starts the worker, receives, copies
frames out of shared memory and starts a new worker when one dies. `PendingRequests` keeps what is asked for
and not yet answered, so that a new worker goes on where the last one died.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque

from core_model.schema.baked_bytes import arrays_of, byte_count, usual_bytes
from core_model.schema.question import Question
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import ErrorInfo, RenderRequest, RenderResult, Tier
from viewer.render_client import messages as m
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
    WorkerDied,
    WorkerStarted,
    WorkerStatus,
)
from viewer.render_client.link import WorkerLink
from viewer.render_client.pending import PendingRequests
from viewer.render_client.protocol import DEFAULT_FACTORY, Link, OpenLink, Wake
from viewer.render_client.rings import FrameRings

MAX_RESTARTS = 5
RESTART_WINDOW_S = 60.0
_DELAYS_S = (0.0, 0.25, 0.5, 1.0, 2.0)
FAR_WINDOW_S = 300.0
FAR_DELAYS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Waits between tries to reach a far worker; the last one for ever: a laptop may sleep for hours."""
_EVERYTHING = 2**62


class RenderClient:
    """A renderer in a process of its own; the methods are described in `protocol.Renderer`.

    link: how a worker is started. far: the command that leads to it; "" = it runs here.
    """

    def __init__(
        self,
        factory: str = DEFAULT_FACTORY,
        wake: Wake | None = None,
        options: m.SessionOptions | None = None,
        link: OpenLink = WorkerLink,
        far: str = "",
    ) -> None:
        self._factory, self._wake = factory, wake
        self._open_link, self._far = link, far
        self._options = options or m.SessionOptions()
        self._lock = threading.RLock()
        self._events: deque[Event] = deque()
        self._pending = PendingRequests()
        self._rings = FrameRings()
        self._volumes = FrameRings(slots=1)
        self._link: Link | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._go_on = threading.Event()
        self._deaths: deque[float] = deque()
        self._restarts = 0
        self._asked_to_restart = False
        self._start_error: ErrorInfo | None = None

    # Calls from the window

    def start(self) -> None:
        with self._lock:
            if self._thread is not None:
                return
            self._stopping.clear()
            self._go_on.clear()
            self._thread = threading.Thread(
                target=self._supervise, name="triscope-render-client", daemon=True
            )
            self._thread.start()
        atexit.register(self.stop)

    def open(self, path: str) -> int:
        with self._lock:
            message = self._pending.open(path)
            if self._link is not None:
                # The current frame belongs to the view that is being left; waiting for it would delay the file.
                self._link.cancel_below(self._pending.preempt())
                self._link.send(message)
            return message.number

    def close(self, path: str) -> None:
        with self._lock:
            self._pending.forget_checkpoint(path)
            if self._link is not None:
                self._link.send(m.ClosePath(path))

    def submit(self, request: RenderRequest) -> int:
        with self._lock:
            generation, preempts = self._pending.submit(request)
            if self._link is not None:
                if preempts:
                    self._link.cancel_below(generation)
                self._post_picture(self._link, generation, request)
            return generation

    def inspect(self, request: RenderRequest, x: int, y: int) -> int:
        with self._lock:
            message = m.InspectRequest(request, x, y)
            number = self._pending.inspect(message)
            if self._link is not None:
                self._link.post("inspect", number, message)
            return number

    def ask(self, question: Question) -> int:
        with self._lock:
            message = m.AskRequest(question)
            number = self._pending.ask(message)
            if self._link is not None:
                self._link.post("ask", number, message)
            return number

    def bake(self, question: BakeQuestion | None) -> int:
        with self._lock:
            number = self._pending.bake(question)
            if self._link is not None:
                self._post_bake(self._link, number, question)
            return number

    def withdraw_picture(self) -> None:
        with self._lock:
            number = self._pending.withdraw()
            if self._link is not None:
                self._link.cancel_below(number)

    def withdraw_question(self) -> None:
        with self._lock:
            number = self._pending.take_back()
            if self._link is not None:
                self._link.post("ask", number, m.AskRequest(None))

    def save_ray(self, request: RenderRequest, x: int, y: int, path: str) -> None:
        with self._lock:
            if self._link is None:
                error = ErrorInfo(kind="worker", message="the render process is not running")
                self._add(RaySaved(path, error))
            else:
                self._link.send(m.SaveRay(self._pending.number(), request, x, y, path))

    def configure(self, options: m.SessionOptions) -> None:
        with self._lock:
            self._options = options
            if self._link is not None:
                self._link.cancel_below(self._pending.preempt())
                self._link.send(m.Configure(self._pending.number(), options))
                self._feed(self._link)

    def poll(self) -> list[Event]:
        with self._lock:
            events = list(self._events)
            self._events.clear()
            return events

    def restart(self) -> None:
        with self._lock:
            self._deaths.clear()
            self._pending.forget_crashes()
            self._asked_to_restart = True
            if self._link is not None:
                self._link.kill()
            self._go_on.set()

    def stop(self, timeout_s: float = 2.0) -> None:
        with self._lock:
            thread, link = self._thread, self._link
            self._stopping.set()
            self._go_on.set()
            if link is not None:
                link.cancel_below(_EVERYTHING)
                link.send(m.Stop())
        if thread is not None and thread is not threading.current_thread():
            thread.join(min(0.5, 0.5 * timeout_s))
            link = self._link
            if thread.is_alive() and link is not None:
                link.kill()
            thread.join(timeout_s)
        with self._lock:
            self._thread = None
            self._rings.close()
            self._volumes.close()
        atexit.unregister(self.stop)

    @property
    def status(self) -> WorkerStatus:
        with self._lock:
            link = self._link
            if link is None or link.closed:
                return WorkerStatus(restarts=self._restarts, far=self._far)
            control, ready = link.control, link.ready_s > 0
            return WorkerStatus(
                alive=True,
                pid=link.pid,
                restarts=self._restarts,
                device=control.device,
                memory_bytes=control.memory_bytes,
                stage=control.stage,
                fraction=control.fraction,
                busy=not ready or control.working_on[0] != "",
                kind=control.working_on[0],
                started_s=link.ready_s,
                far=self._far,
                line=link.line,
            )

    # Supervisor thread

    def _supervise(self) -> None:
        while not self._stopping.is_set():
            link = self._spawn()
            if link is None:
                self._wait_for_restart()
                continue
            for message in link.receive():
                self._handle(link, message)
            if not link.join(1.0):
                link.kill()  # it closed its pipe and lives on: it can do nothing any more
                link.join(1.0)
            self._clean_up(link)

    def _spawn(self) -> Link | None:
        self._start_error = None
        try:
            link = self._open_link(self._factory, self._options)
        except Exception as e:
            self._go_on.clear()
            reason = f"the render worker could not be started: {e}"
            self._add(WorkerDied(reason, None, final=True, far=self._far))
            return None
        with self._lock:
            self._asked_to_restart = False
            self._link = link
            self._feed(link)
            if self._stopping.is_set():
                link.send(m.Stop())
        return link

    def _feed(self, link: Link) -> None:
        """Tell a new session what is open and what is still to be answered."""
        for message in self._pending.opens_to_send():
            link.send(message)
        inspection = self._pending.inspection
        if inspection is not None:
            link.post("inspect", *inspection)
        asked = self._pending.asked
        if asked is not None:
            link.post("ask", *asked)
        self._feed_newest(link)
        baking = self._pending.wanted_bake
        if baking is not None:
            self._post_bake(link, *baking)

    def _post_bake(self, link: Link, number: int, question: BakeQuestion | None) -> None:
        ring = None
        if question is not None and link.shares_memory:
            ring = self._volumes.for_bytes(usual_bytes(question.level))
        link.post("bake", number, m.BakeRequest(question, ring))

    def _feed_newest(self, link: Link) -> None:
        """Post the newest unanswered request, under a fresh number if its own was cancelled."""
        newest = self._pending.newest
        if newest is not None:
            generation, request = newest
            if generation < link.control.cancel_below:
                generation = self._pending.renumber_newest()
            self._post_picture(link, generation, request)

    def _post_picture(self, link: Link, generation: int, request: RenderRequest) -> None:
        ring = self._rings.for_request(request) if link.shares_memory else None
        link.post("render", generation, m.PictureRequest(request, ring))

    def _clean_up(self, link: Link) -> None:
        """The worker is gone: free what it used, report it, and wait before the next start."""
        reason, again = link.end_reason()
        with self._lock:
            working_on, code, had_started = link.control.working_on, link.exitcode, link.ready_s > 0
            self._link = None
            link.close()
            self._rings.close()
            self._volumes.close()
            if self._stopping.is_set():
                return
            asked, self._asked_to_restart = self._asked_to_restart, False
            failures = [] if asked else self._pending.after_crash(working_on, reason)
        self._restarts += 1
        if asked:
            return
        self._go_on.clear()
        if self._start_error is not None and not had_started:
            self._add(WorkerDied(self._start_error.message, code, final=True, far=self._far))
            self._wait_for_restart()
            return
        delay = self._delay() if again else None
        died = WorkerDied(reason, code, final=delay is None, far=self._far, again_s=delay or 0.0)
        self._add(died, *failures)
        if delay is None:
            self._wait_for_restart()
        else:
            self._go_on.wait(delay)

    def _delay(self) -> float | None:
        """Seconds to wait before the next start; None = it died too often."""
        now = time.monotonic()
        self._deaths.append(now)
        window = FAR_WINDOW_S if self._far else RESTART_WINDOW_S
        while self._deaths and now - self._deaths[0] > window:
            self._deaths.popleft()
        count = len(self._deaths)
        if self._far:
            return FAR_DELAYS_S[min(count, len(FAR_DELAYS_S)) - 1]
        return None if count > MAX_RESTARTS else _DELAYS_S[min(count, len(_DELAYS_S)) - 1]

    def _wait_for_restart(self) -> None:
        """Sleep until `restart()` or `stop()`. `_go_on` was cleared before the window heard of the end."""
        self._go_on.wait()

    def _handle(self, link: Link, message: m.FromWorker) -> None:
        match message:
            case m.Hello():
                link.ready_s = time.monotonic() - link.spawned_at
                self._add(WorkerStarted(message.pid, self._restarts, self._far))
            case m.RenderDone():
                self._take_frame(message)
            case m.Dropped():
                with self._lock:
                    self._pending.answered(message.generation, dropped=True)
            case m.OpenDone():
                self._take_open(link, message)
            case m.InspectDone(report=report, error=error):
                with self._lock:
                    self._pending.inspected(message.number)
                self._add(
                    Inspected(report, message.number)
                    if report is not None
                    else InspectFailed(error or ErrorInfo(kind="failed", message="no report"), message.number)
                )
            case m.AnswerDone(number=number, error=error):
                with self._lock:
                    self._pending.answered_question(number)
                told = (
                    Answered(number, message.values, message.arrays)
                    if error is None
                    else AnswerFailed(error, number)
                )
                self._add(told)
            case m.BakeDone():
                self._take_volume(message)
            case m.SaveDone(path=path, error=error):
                self._add(RaySaved(path, error))
            case m.ConfigureDone(error=error) if error is not None:
                if message.number == 0:
                    self._start_error = error
                else:
                    self._add(OpenFailed("", error))

    def _take_frame(self, message: m.RenderDone) -> None:
        arrays = self._rings.read(message)
        with self._lock:
            if message.preview:
                request = self._pending.request_of(message.generation)
                if request is None:
                    return
                request = request.model_copy(update={"tier": Tier.SETTLED})
            else:
                request = self._pending.answered(message.generation)
        result: RenderResult = message.result.model_copy(update={"request": request})
        self._add(FrameReady(result, arrays))

    def _take_volume(self, message: m.BakeDone) -> None:
        with self._lock:
            self._pending.baked(message.number)
        if message.spec is None:
            error = message.error or ErrorInfo(kind="failed", message="no volume")
            self._add(BakeFailed(error, message.number))
            return
        data = self._volumes.read_bytes(message, byte_count(message.spec))
        if data is not None:
            self._add(BakedReady(message.spec, arrays_of(message.spec, data), message.number))

    def _take_open(self, link: Link, message: m.OpenDone) -> None:
        with self._lock:
            again = self._pending.opened(message)
            if message.info is not None:
                self._rings.learn(message.info)
            else:
                # `open` cancelled the current frame, but the old view stays and still needs it.
                self._feed_newest(link)
        if message.info is not None:
            self._add(Opened(message.info, again, message.number))
        else:
            error = message.error or ErrorInfo(kind="failed", message="could not open")
            self._add(OpenFailed(message.path, error, message.number))

    def _add(self, *events: Event) -> None:
        """Queue events.

        Of frames that nobody fetched, only the last stays, and all refined ones: they are averaged.
        """
        with self._lock:
            for event in events:
                if isinstance(event, FrameReady):
                    waiting = [
                        e for e in self._events if not (isinstance(e, FrameReady) and _replaces(event, e))
                    ]
                    self._events = deque(waiting)
                self._events.append(event)
        if self._wake is not None:
            self._wake()


def _replaces(new: FrameReady, old: FrameReady) -> bool:
    if old.result.error is not None or new.result.error is not None:
        return False
    request = new.result.request
    return request is None or request.tier != "refined"
