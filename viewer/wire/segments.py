"""Messages in pieces: a long one gives way to a short one between any two pieces.

A segment is a header of 8 bytes and a payload of at most `SEGMENT` bytes:

    2  "tW"
    1  flags: FIRST, LAST, ABORT (the message of this lane is given up), ACK
    1  lane: one message at a time per lane
    4  length of the payload, little-endian

The payload of a FIRST segment begins with the length of the whole message (8 bytes). An ACK carries 8 bytes: how
many bytes of segments its sender has received so far, acknowledgements not counted.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from viewer.wire.faults import WireError

HEADER = struct.Struct("<2sBBI")
MAGIC = b"tW"
FIRST, LAST, ABORT, ACK = 1, 2, 4, 8
SEGMENT = 1 << 16
LANES = 5
MAX_MESSAGE = 1 << 30
"""Bytes: a baked volume of 512 cells per edge takes about 50 MB, a mesh preview less."""
_LENGTH = struct.Struct("<Q")


def segment(flags: int, lane: int, payload: bytes | memoryview) -> bytes:
    return HEADER.pack(MAGIC, flags, lane, len(payload)) + bytes(payload)


def ack(received: int) -> bytes:
    return segment(ACK, 0, _LENGTH.pack(received))


class Cutter:
    """One message on its way out: `next` gives its segments."""

    def __init__(self, lane: int, data: bytes) -> None:
        self.lane, self._data, self._at = lane, memoryview(data), -1

    @property
    def begun(self) -> bool:
        return self._at >= 0

    @property
    def done(self) -> bool:
        return self._at >= len(self._data)

    def next(self, size: int) -> bytes:
        """The next segment, with at most `size` bytes of the message."""
        flags, head = 0, b""
        if self._at < 0:
            flags, head, self._at = FIRST, _LENGTH.pack(len(self._data)), 0
        end = min(self._at + max(min(size, SEGMENT - len(head)), 1), len(self._data))
        part = self._data[self._at : end]
        self._at = end
        return segment(flags | (LAST if self.done else 0), self.lane, head + bytes(part))

    def abort(self) -> bytes:
        """The segment that ends it early."""
        return segment(ABORT, self.lane, b"")


@dataclass
class _Open:
    length: int
    data: bytearray


class Joiner:
    """Bytes in, messages out; raises WireError on anything that no sender of ours would send.

    Memory is taken for what has come, never for what was announced. received: bytes of segments so far, without
    acknowledgements. acknowledged: the last number that came in an ACK.
    """

    def __init__(self, largest: int = MAX_MESSAGE) -> None:
        self.received = self.acknowledged = 0
        self._largest = largest
        self._raw = bytearray()
        self._open: dict[int, _Open] = {}

    def feed(self, data: bytes) -> list[bytearray]:
        """The messages that `data` completes."""
        self._raw += data
        found, at = [], 0
        while len(self._raw) - at >= HEADER.size:
            magic, flags, lane, length = HEADER.unpack_from(self._raw, at)
            if magic != MAGIC or lane >= LANES or length > SEGMENT or flags > 15:
                raise WireError("what arrives is not a stream of triscope", bytes(self._raw[at : at + 40]))
            end = at + HEADER.size + length
            if len(self._raw) < end:
                break
            payload = bytes(self._raw[at + HEADER.size : end])
            if flags & ACK:
                self._take_ack(payload)
            else:
                self.received += end - at
                message = self._take(flags, lane, payload)
                if message is not None:
                    found.append(message)
            at = end
        del self._raw[:at]
        return found

    def _take_ack(self, payload: bytes) -> None:
        if len(payload) != _LENGTH.size:
            raise WireError("an acknowledgement of the wrong length")
        self.acknowledged = max(self.acknowledged, _LENGTH.unpack(payload)[0])

    def _take(self, flags: int, lane: int, payload: bytes) -> bytearray | None:
        if flags & ABORT:
            self._open.pop(lane, None)
            return None
        if flags & FIRST:
            if lane in self._open or len(payload) < _LENGTH.size:
                raise WireError("a message begins inside another one")
            length = _LENGTH.unpack_from(payload)[0]
            if length > self._largest:
                raise WireError(f"a message of {length} bytes; at most {self._largest} are taken")
            self._open[lane] = _Open(length, bytearray(payload[_LENGTH.size :]))
        elif lane not in self._open:
            raise WireError("a piece of a message that never began")
        else:
            self._open[lane].data += payload
        one = self._open[lane]
        if len(one.data) > one.length or bool(flags & LAST) != (len(one.data) == one.length):
            raise WireError("a message is not as long as it said")
        if not flags & LAST:
            return None
        del self._open[lane]
        return one.data
