"""Two threads around a pair of byte streams: what is to go out, what comes in, and whether the other side lives.

Messages wait in lanes. A lane sends one message at a time; a lower lane goes first, EXACT and BULK in turns. A
message with a key replaces the one of that key that still waits (and, told so, the one that is on its way): the newest
picture wins, and no queue builds up. Nothing but the URGENT lane is sent beyond the window of `pace.py`.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from viewer.wire.faults import WireError
from viewer.wire.pace import Pace
from viewer.wire.packets import packed, unpacked
from viewer.wire.records import Alive, Record
from viewer.wire.segments import Cutter, Joiner, ack

BEAT_S = 2.0
"""Longest silence of a side that lives."""
DEAD_S = 15.0
"""Silence after which the other side is taken for gone."""
_READ = 1 << 18

Make = Callable[[], "tuple[Record, Sequence[bytes | memoryview]] | None"]


class Lane(IntEnum):
    """Order of messages on the line."""

    URGENT = 0
    REPLY = 1
    PICTURE = 2
    EXACT = 3
    BULK = 4


@dataclass
class _Waiting:
    key: str
    make: Make


class Channel:
    """read, write: file descriptors, owned by the channel from now on.

    on_silence: called from a thread when the other side was given up; `receive` may still hang in its read.
    """

    def __init__(
        self,
        read: int,
        write: int,
        on_silence: Callable[[], None],
        dead_s: float = DEAD_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_silence = on_silence
        self.pace = Pace()
        self.bytes_in = 0
        self.fault = ""
        self._read, self._write, self._dead_s, self._clock = read, write, dead_s, clock
        self._changed = threading.Condition()
        self._lanes: dict[Lane, deque[_Waiting]] = {lane: deque() for lane in Lane}
        self._now: dict[Lane, tuple[str, Cutter]] = {}
        self._joiner = Joiner()
        self._ended: set[Lane] = set()
        self._acked = 0
        self._said = self._heard = clock()
        self._bulk_next = False
        self._closing = self._closed = False
        self._writer = threading.Thread(target=self._send_all, name="triscope-line-out", daemon=True)

    def start(self) -> None:
        self._heard = self._clock()
        self._writer.start()

    def say(self, data: bytes) -> None:
        """Write before anything else, and before `start`; a stream that is closed already is the reader's business."""
        with contextlib.suppress(OSError):
            _write_all(self._write, data)

    # Out

    def send(
        self, record: Record, blobs: Sequence[bytes | memoryview] = (), lane: Lane = Lane.REPLY, key: str = ""
    ) -> None:
        """Queue a message; never blocks."""
        self.send_made(lambda: (record, blobs), lane, key)

    def send_made(self, make: Make, lane: Lane, key: str = "") -> None:
        """Queue a message that is made when its turn comes; None then = nothing after all."""
        with self._changed:
            if self._closing:
                return
            queue = self._lanes[lane]
            if key:
                for waiting in [w for w in queue if w.key == key]:
                    queue.remove(waiting)
            queue.append(_Waiting(key, make))
            self._changed.notify_all()

    def drop(self, key: str) -> None:
        """Messages of this key are not wanted any more, neither those that wait nor the one on its way."""
        with self._changed:
            for lane, queue in self._lanes.items():
                for waiting in [w for w in queue if w.key == key]:
                    queue.remove(waiting)
                current = self._now.get(lane)
                if current is not None and current[0] == key:
                    self._ended.add(lane)
            self._changed.notify_all()

    def waiting(self, lane: Lane) -> int:
        """Messages of a lane that are not out yet."""
        with self._changed:
            return len(self._lanes[lane]) + (lane in self._now)

    def wait_below(self, lane: Lane, count: int) -> bool:
        """Block until fewer than `count` messages of a lane are waiting; False once the channel is closed."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or len(self._lanes[lane]) + (lane in self._now) < count
            )
            return not self._closed

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything is out and acknowledged; False when that took longer, or the line is gone."""
        end = self._clock() + timeout_s
        with self._changed:
            while not self._closed and self._clock() < end:
                if not any(self._lanes.values()) and not self._now and self.pace.under_way <= 0:
                    return True
                self._changed.wait(0.05)
        return False

    def _send_all(self) -> None:
        try:
            while (data := self._next()) is not None:
                _write_all(self._write, data)
        except OSError:
            pass  # the other side is gone: the reader finds out why
        except Exception as e:
            self.fault = self.fault or f"what was to be sent could not be packed ({type(e).__name__}: {e})"
        self.close()

    def _next(self) -> bytes | None:
        """The next segment; None when the channel closes."""
        while True:
            with self._changed:
                if self._closing:
                    return None
                now = self._clock()
                if self._joiner.received > self._acked:
                    self._acked, self._said = self._joiner.received, now
                    return ack(self._acked)
                lane = self._choose()
                if lane is None:
                    wait = self._said + BEAT_S - now
                    if wait <= 0:
                        self._lanes[Lane.URGENT].append(_Waiting("", lambda: (Alive(), ())))
                        continue
                    self._changed.wait(wait)
                    continue
                current = self._now.get(lane)
                if current is not None:
                    return self._segment(lane, *current)
                waiting = self._lanes[lane].popleft()
                self._now[lane] = (waiting.key, Cutter(lane, b""))  # so that `drop` finds it while it is made
            made = waiting.make()
            data = None if made is None else packed(*made)
            with self._changed:
                if data is None or lane in self._ended:
                    del self._now[lane]
                    self._ended.discard(lane)
                    self._changed.notify_all()
                    continue
                self._now[lane] = (waiting.key, Cutter(lane, data))

    def _segment(self, lane: Lane, key: str, cutter: Cutter) -> bytes:
        if lane in self._ended:
            self._ended.discard(lane)
            out = cutter.abort()
            del self._now[lane]
        else:
            out = cutter.next(self.pace.segment())
            if cutter.done:
                del self._now[lane]
        self._bulk_next = lane is Lane.EXACT
        self._said = self._clock()
        self.pace.sending(len(out), self._said)
        self._changed.notify_all()
        return out

    def _choose(self) -> Lane | None:
        busy = [lane for lane in Lane if self._lanes[lane] or lane in self._now]
        if not busy:
            return None
        if busy[0] is Lane.URGENT:
            return Lane.URGENT
        if self.pace.under_way >= self.pace.window:
            self.pace.blocked()
            return None
        if busy[0] is Lane.EXACT and self._bulk_next and Lane.BULK in busy:
            return Lane.BULK
        return busy[0]

    # In

    def receive(self, first: bytes = b"") -> Iterator[tuple[Record, list[memoryview]]]:
        """Messages until the other side closes its stream or breaks the rules (then `fault` says how).

        first: bytes that were read already.
        """
        watch = threading.Thread(target=self._watch, name="triscope-line-watch", daemon=True)
        watch.start()
        data = first
        try:
            while not self._closed:
                if data:
                    self._heard = self._clock()
                    self.bytes_in += len(data)
                    with self._changed:
                        messages = self._joiner.feed(data)
                        self.pace.acknowledged(self._joiner.acknowledged, self._heard)
                        self._changed.notify_all()
                    for message in messages:
                        record, blobs = unpacked(message)
                        if not isinstance(record, Alive):
                            yield record, blobs
                data = os.read(self._read, _READ)
                if not data:
                    return
        except WireError as e:
            self.fault = str(e)
        except OSError:
            pass
        finally:
            self.close()

    def _watch(self) -> None:
        """Give the other side up when it is silent for too long."""
        while not self._closed:
            time.sleep(min(0.5, self._dead_s / 4))
            if self._clock() - self._heard > self._dead_s:
                self.fault = self.fault or f"no sign of life for {self._dead_s:.0f} s"
                self.close()
                self._on_silence()

    def close(self) -> None:
        """Send nothing more, wake whoever waits. Safe to call twice, from any thread."""
        with self._changed:
            self._closing = self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    def release(self) -> None:
        """Close the descriptors, once no thread reads or writes any more."""
        if self._writer.is_alive() and self._writer is not threading.current_thread():
            self._writer.join(2.0)
        for one in (self._read, self._write):
            with contextlib.suppress(OSError):
                os.close(one)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
