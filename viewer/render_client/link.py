"""One life of the worker process, seen from the GUI: the process, its pipes and its control block."""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from multiprocessing import connection

from viewer.render_client import messages as m
from viewer.render_client import worker
from viewer.render_client.events import LineStatus
from viewer.render_client.mailbox import ControlBlock, Slot

_MAX_UNREAD_WAKES = 16
"""Wake messages in the pipe at most."""


class WorkerLink:
    """Starts a worker on construction; the methods are described in `protocol.Link`."""

    shares_memory = True
    line: LineStatus | None = None

    def __init__(self, factory: str, options: m.SessionOptions) -> None:
        context = multiprocessing.get_context("spawn")
        self.control = ControlBlock.create()
        self.control.progress("starting worker", 0.0)
        self.spawned_at = time.monotonic()
        self.ready_s = 0.0
        self._lock = threading.Lock()
        self._wakes_sent = 0
        self._closed = False
        # One pipe per direction. The worker's ends are closed on this side, so that its death reads as end of file.
        far_commands, self._commands = context.Pipe(duplex=False)
        self._results, far_results = context.Pipe(duplex=False)
        self._process = context.Process(
            target=worker.main,
            name="triscope-worker",
            daemon=True,
            args=(m.WorkerSetup(factory, options, self.control.name), far_commands, far_results),
        )
        try:
            self._process.start()
        except BaseException:
            self.close()
            raise
        finally:
            far_commands.close()
            far_results.close()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def exitcode(self) -> int | None:
        return self._process.exitcode

    def post(
        self,
        slot: Slot,
        number: int,
        message: m.PictureRequest | m.InspectRequest | m.AskRequest | m.BakeRequest,
    ) -> None:
        """Put a request in its slot of the mailbox, over the last one, and wake the worker.

        Raises InputError when it is too large.
        """
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with self._lock:
            if self._closed:
                return
            self.control.put(slot, number, data)
            # A worker that renders reads no wake messages. It looks into the mailboxes after each frame anyway,
            # so a few unread ones are enough; more would fill the pipe and block the window.
            if self._wakes_sent - self.control.wakes_read < _MAX_UNREAD_WAKES:
                self._wakes_sent += 1
                self._send(m.Wake())

    def cancel_below(self, number: int) -> None:
        """Work of a lower number stops at its next tile."""
        with self._lock:
            if not self._closed and self.control.cancel_below < number:
                self.control.cancel_below = number

    def send(self, message: m.ToWorker) -> None:
        """Send a command; a worker that has died meanwhile is the listener's business."""
        with self._lock:
            if not self._closed:
                self._send(message)

    def receive(self) -> Iterator[m.FromWorker]:
        """Messages until the process ends or closes its pipe, including those that it left behind."""
        while True:
            ready = connection.wait([self._results, self._process.sentinel])
            try:
                while self._results.poll(0):
                    yield self._results.recv()
            except (EOFError, OSError, pickle.UnpicklingError):
                return  # it died, perhaps in the middle of a message
            if self._process.sentinel in ready:
                return

    def join(self, timeout_s: float) -> bool:
        """Wait for the process; True when it has ended."""
        self._process.join(timeout_s)
        return self._process.exitcode is not None

    def kill(self) -> None:
        with contextlib.suppress(OSError, AttributeError, ValueError):
            self._process.kill()

    def close(self) -> None:
        """Free pipes and control block; the process must have ended."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for pipe in (self._commands, self._results):
                with contextlib.suppress(OSError):
                    pipe.close()
            self.control.close()

    @property
    def closed(self) -> bool:
        return self._closed

    def end_reason(self) -> tuple[str, bool]:
        code = self._process.exitcode
        if code is None:
            return "the render worker stopped answering", True
        if code >= 0:
            return f"the render worker ended with status {code}", True
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = " (perhaps the system ran out of memory)" if name == "SIGKILL" else ""
        return f"the render worker was ended by {name}{hint}", True

    def _send(self, message: m.ToWorker) -> None:
        with contextlib.suppress(OSError):
            self._commands.send(message)
