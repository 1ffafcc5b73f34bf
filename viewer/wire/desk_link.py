"""A line of its own for whoever has no renderer at its other end (the monitor): kept up, and tried again when it breaks."""

from __future__ import annotations

import threading
from collections.abc import Callable

from core_model.schema.errors import TriscopeError
from viewer.wire import records as r
from viewer.wire.channel import Channel
from viewer.wire.command import Command
from viewer.wire.desk_line import DeskLine
from viewer.wire.faults import WireError
from viewer.wire.greeting import Greeted, greeting

DELAYS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Waits between tries; the last one for ever: a laptop may sleep for hours."""


class DeskLink:
    """Starts the command in a thread. `first` waits for the first try; `close` ends the command and its tree."""

    def __init__(self, command: str, wake: Callable[[], None] = lambda: None) -> None:
        self.line = DeskLine(command, wake)
        self._command = command
        self._stop, self._tried = threading.Event(), threading.Event()
        self._process: Command | None = None
        self._channel: Channel | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="triscope-desk-line", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Of the command; 0 while there is none."""
        with self._lock:
            return self._process.pid if self._process is not None else 0

    @property
    def bytes_in(self) -> int:
        """What came over the present line."""
        with self._lock:
            return self._channel.bytes_in if self._channel is not None else 0

    def first(self, timeout_s: float) -> None:
        """Wait until the line is there. Raises TriscopeError where another try will not go better, or it takes too long."""
        self._tried.wait(timeout_s)
        if self.line.trouble:
            raise TriscopeError(self.line.trouble)

    def close(self) -> None:
        """End the line; safe to call twice."""
        self._stop.set()
        with self._lock:
            channel, process = self._channel, self._process
        if channel is not None:
            channel.send(r.ToStop())
            channel.flush(1.0)
            channel.close()
        if process is not None:
            process.wait(1.0)
            process.kill()
        self._thread.join(3.0)

    def _work(self) -> None:
        tries = 0
        while not self._stop.is_set():
            reached, why, again = self._live()
            self.line.detach(why)
            self._tried.set()
            if not again:
                return
            tries = 0 if reached else tries + 1
            self._stop.wait(DELAYS_S[min(tries, len(DELAYS_S) - 1)])

    def _live(self) -> tuple[bool, str, bool]:
        """One life: (whether it was reached, why it ended, whether another try may go better)."""
        try:
            process = Command(self._command)
        except (OSError, TriscopeError) as e:
            return False, str(e), False
        channel = Channel(process.read, process.write, process.kill)
        with self._lock:
            self._process, self._channel = process, channel
        reached = False
        try:
            first = Greeted()
            channel.say(greeting())
            if not first.read(process.read):
                return False, *process.why()
            reached = True
            channel.start()
            self.line.attach(channel)
            self._tried.set()
            for record, blobs in channel.receive(first.rest):
                if not isinstance(record, r.FromDesk):
                    raise WireError(f"a message that nobody asked for ({record.kind})")
                self.line.take(record, blobs)
        except (WireError, OSError) as e:
            return reached, f"`{self._command}`: {e}", reached
        finally:
            if not channel.fault:
                process.wait(1.0)  # it ends by itself, and its status says why
            channel.close()
            process.kill()
            with self._lock:
                self._process = self._channel = None
            channel.release()
        if channel.fault:
            return True, f"`{self._command}`: {channel.fault}", True
        return True, process.why()[0], True
