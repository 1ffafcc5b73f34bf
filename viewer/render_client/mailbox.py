"""The control block: one-place mailboxes, the cancel mark and the worker's progress, in shared memory.

A mailbox holds the newest request only, pickled; putting one overwrites the last, so that a flood of requests
costs no memory and never blocks the window. The worker reads `cancel_below` between tiles: it drops work of a
lower number. Every word has one writer. Requests carry a checksum, by which a reader detects a write in
progress.
"""

from __future__ import annotations

import struct
import time
import zlib
from typing import Literal

from core_model.schema.errors import InputError
from viewer.render_client import shared_block

Slot = Literal["render", "inspect", "ask", "bake"]
_SLOTS: dict[str, int] = {"render": 0, "inspect": 1, "ask": 2, "bake": 3}
WORK_KINDS = ("", "render", "open", "inspect", "options", "save", "ask", "bake")

_HEADER = 4096
_TEXT = 64
REQUEST_BYTES = 1 << 20
"""Largest request in bytes: an explicit w of 18 x 512 numbers takes 0.1 MB. Untouched pages cost nothing."""
_SLOT_BYTES = _HEADER + REQUEST_BYTES

# Words (int64) of the header. Writer of each: G = GUI, W = worker.
_CANCEL, _WAKES_READ, _RSS, _FRACTION, _STAGE_LEN, _DEVICE_LEN, _KIND, _NUMBER = range(8)  # G W W W W W W W
_STAGE_AT, _DEVICE_AT = 256, 256 + _TEXT


class ControlBlock:
    """Both sides' view of the block; made by the GUI (`create`), found by the worker (`attach`)."""

    def __init__(self, block: shared_block.shared_memory.SharedMemory, owner: bool) -> None:
        self._block, self._owner = block, owner
        self._bytes = shared_block.view(block)
        self._words = self._bytes[:_HEADER].cast("q")
        self.name = block.name

    @classmethod
    def create(cls) -> ControlBlock:
        return cls(shared_block.create(_HEADER + len(_SLOTS) * _SLOT_BYTES, "ctl"), owner=True)

    @classmethod
    def attach(cls, name: str) -> ControlBlock:
        return cls(shared_block.attach(name), owner=False)

    def close(self) -> None:
        """Let go of the block; the owner also removes its name."""
        self._words.release()
        self._bytes.release()
        shared_block.discard(self._block, unlink=self._owner)

    # Cancel mark: work of a number below it is not wanted any more.

    @property
    def cancel_below(self) -> int:
        return self._words[_CANCEL]

    @cancel_below.setter
    def cancel_below(self, number: int) -> None:
        self._words[_CANCEL] = number

    # Mailboxes

    def put(self, slot: Slot, number: int, data: bytes) -> None:
        """Place a pickled request, over the last one. Raises InputError when it is larger than a mailbox."""
        if len(data) > REQUEST_BYTES:
            raise InputError(
                what="request too large",
                where="render request",
                expected=f"at most {REQUEST_BYTES} bytes",
                got=f"{len(data)} (an explicit w or z?)",
            )
        at = self._slot(slot)
        head = struct.pack("<qqq", number, len(data), _checksum(number, data))
        self._bytes[at + 24 : at + 24 + len(data)] = data
        self._bytes[at : at + 24] = head

    def peek(self, slot: Slot) -> int:
        """Number of the newest request; 0 = none yet."""
        return struct.unpack_from("<q", self._bytes, self._slot(slot))[0]

    def take(self, slot: Slot, after: int) -> tuple[int, bytes] | None:
        """(number, pickled request) of the newest request if its number is above `after`."""
        at = self._slot(slot)
        for _ in range(2000):
            number, length, checksum = struct.unpack_from("<qqq", self._bytes, at)
            if number <= after:
                return None
            data = bytes(self._bytes[at + 24 : at + 24 + length]) if 0 <= length <= REQUEST_BYTES else b""
            if checksum == _checksum(number, data):
                return number, data
            time.sleep(0.0001)  # the GUI is in the middle of a write, which takes microseconds
        return None

    @staticmethod
    def _slot(slot: Slot) -> int:
        return _HEADER + _SLOTS[slot] * _SLOT_BYTES

    # Number of wake messages that the worker has read from the pipe

    @property
    def wakes_read(self) -> int:
        return self._words[_WAKES_READ]

    @wakes_read.setter
    def wakes_read(self, count: int) -> None:
        self._words[_WAKES_READ] = count

    # What the worker does, for the status bar and for `PendingRequests.after_crash`

    def begin(self, kind: str, number: int, stage: str) -> None:
        """The worker takes up work `number` of a kind out of WORK_KINDS."""
        self._words[_NUMBER] = number
        self._words[_KIND] = WORK_KINDS.index(kind)
        self.progress(stage, 0.0)

    def end(self) -> None:
        """The worker is idle."""
        self._words[_KIND] = 0
        self.progress("", 0.0)

    def progress(self, stage: str, fraction: float) -> None:
        self._words[_FRACTION] = round(1e6 * min(max(fraction, 0.0), 1.0)) if fraction == fraction else 0
        self._set_text(_STAGE_AT, _STAGE_LEN, stage)

    @property
    def working_on(self) -> tuple[str, int]:
        """(kind, number) of the current work; kind "" = idle."""
        return WORK_KINDS[self._words[_KIND]], self._words[_NUMBER]

    @property
    def stage(self) -> str:
        return self._text(_STAGE_AT, _STAGE_LEN)

    @property
    def fraction(self) -> float:
        return self._words[_FRACTION] * 1e-6

    @property
    def device(self) -> str:
        return self._text(_DEVICE_AT, _DEVICE_LEN)

    @device.setter
    def device(self, name: str) -> None:
        self._set_text(_DEVICE_AT, _DEVICE_LEN, name)

    @property
    def memory_bytes(self) -> int:
        return self._words[_RSS]

    @memory_bytes.setter
    def memory_bytes(self, value: int) -> None:
        self._words[_RSS] = value

    def _set_text(self, at: int, length_word: int, text: str) -> None:
        data = text.encode()[:_TEXT]
        self._bytes[at : at + len(data)] = data
        self._words[length_word] = len(data)

    def _text(self, at: int, length_word: int) -> str:
        return bytes(self._bytes[at : at + min(self._words[length_word], _TEXT)]).decode(errors="ignore")


def _checksum(number: int, data: bytes) -> int:
    return zlib.crc32(data, number & 0xFFFFFFFF)
