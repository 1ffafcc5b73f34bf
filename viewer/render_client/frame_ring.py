"""Frames in shared memory: a ring of slots that the worker fills and the GUI empties.

header  4096 bytes: int64 state of each slot
        (0 free: only the worker writes it; 1 full: only the GUI reads it)
slots   channels one after the other, float32 in C order, each at a multiple of 64 bytes
        (`ChannelFrame.offset`)

The GUI makes the ring; when a picture needs more room it makes a larger one under a new name, which the next
request carries, and lets the old one go as soon as a frame came through the new one.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from multiprocessing.shared_memory import SharedMemory

import numpy as np

from core_model.schema.render import ChannelFrame
from viewer.render_client import shared_block

SLOTS = 3
_HEADER = 4096
ALIGN = 64
_FREE, _FULL = 0, 1


class FrameRing:
    """One block of shared memory. Only the process that created it unlinks it."""

    def __init__(self, block: SharedMemory, slots: int, slot_bytes: int, owner: bool) -> None:
        self._block, self._owner = block, owner
        self._bytes = shared_block.view(block)
        self._states = self._bytes[:_HEADER].cast("q")
        self.name, self.slots, self.slot_bytes = block.name, slots, slot_bytes

    @classmethod
    def create(cls, slot_bytes: int, slots: int = SLOTS) -> FrameRing:
        """A ring whose slots hold `slot_bytes` each.

        Raises OSError where shared memory has no room for it.
        """
        slot_bytes = _aligned(max(slot_bytes, ALIGN))
        return cls(shared_block.create(_HEADER + slots * slot_bytes, "ring"), slots, slot_bytes, owner=True)

    @classmethod
    def attach(cls, name: str, slots: int, slot_bytes: int) -> FrameRing:
        """The ring called `name`. Raises FileNotFoundError when its owner has let it go."""
        return cls(shared_block.attach(name), slots, slot_bytes, owner=False)

    def close(self) -> None:
        """Let go of the block; the owner also removes its name."""
        self._states.release()
        self._bytes.release()
        shared_block.discard(self._block, unlink=self._owner)

    # Worker's side

    def acquire(self, give_up: Callable[[], bool], timeout_s: float = 1.0) -> int | None:
        """A free slot; None when `give_up()` or after `timeout_s` in which the GUI emptied none."""
        end = time.monotonic() + timeout_s
        while True:
            for slot in range(self.slots):
                if self._states[slot] == _FREE:
                    return slot
            if give_up() or time.monotonic() >= end:
                return None
            time.sleep(0.0005)

    def write(self, slot: int, frames: Iterable[ChannelFrame], arrays: Mapping[str, np.ndarray]) -> None:
        """Copy each frame's array to its offset and mark the slot full.

        Raises ValueError when it does not fit.
        """
        for frame in frames:
            target = self._view(slot, frame)
            np.copyto(target, arrays[frame.name], casting="same_kind")
        self._states[slot] = _FULL

    def write_bytes(self, slot: int, parts: Iterable[memoryview]) -> None:
        """Copy parts one after the other and mark the slot full.

        Raises ValueError when they do not fit.
        """
        parts = tuple(parts)
        self._check_size(slot, "bytes", sum(len(part) for part in parts))
        at = _HEADER + slot * self.slot_bytes
        for part in parts:
            self._bytes[at : at + len(part)] = part
            at += len(part)
        self._states[slot] = _FULL

    # GUI's side

    def read_bytes(self, slot: int, size: int) -> bytes:
        """A copy of the slot's first `size` bytes; the slot stays full until `release`."""
        self._check_size(slot, "bytes", size)
        at = _HEADER + slot * self.slot_bytes
        return bytes(self._bytes[at : at + size])

    def read(self, slot: int, frames: Iterable[ChannelFrame], pool: BufferPool) -> dict[str, np.ndarray]:
        """Own, read-only copies of the slot's channels, by name; the slot stays full until `release`."""
        frames = tuple(frames)
        for frame in frames:
            self._check(slot, frame)
        size = max((f.offset + 4 * math.prod(f.shape) for f in frames), default=0)
        at = _HEADER + slot * self.slot_bytes
        buffer = pool.take(size)
        np.copyto(buffer[:size], np.frombuffer(self._bytes, np.uint8, size, at))
        out: dict[str, np.ndarray] = {}
        for frame in frames:
            array = np.ndarray(frame.shape, np.float32, buffer, frame.offset)
            array.flags.writeable = False
            out[frame.name] = array
        return out

    def release(self, slot: int) -> None:
        """Give the slot back to the worker."""
        self._states[slot] = _FREE

    def _view(self, slot: int, frame: ChannelFrame) -> np.ndarray:
        self._check(slot, frame)
        at = _HEADER + slot * self.slot_bytes + frame.offset
        return np.ndarray(frame.shape, np.float32, self._bytes, at)

    def _check(self, slot: int, frame: ChannelFrame) -> None:
        end = frame.offset + 4 * math.prod(frame.shape)
        self._check_size(slot, f"channel {frame.name!r}", -1 if frame.offset < 0 else end)

    def _check_size(self, slot: int, what: str, end: int) -> None:
        if not 0 <= end <= self.slot_bytes or not 0 <= slot < self.slots:
            raise ValueError(
                f"{what} in frame ring {self.name}: expected at most {self.slot_bytes} "
                f"bytes in one of {self.slots} slots, got {end} in slot {slot}"
            )


class BufferPool:
    """Memory of frames that were let go, for the next ones: fresh pages cost more than the copy itself.

    A buffer is free again when no array looks into it any more. One thread takes; any thread may let go.
    """

    def __init__(self, keep: int = 4) -> None:
        self._buffers: list[np.ndarray] = []
        self._keep = keep

    def take(self, size: int) -> np.ndarray:
        """A uint8 array of at least `size` bytes that nobody else uses."""
        free = [i for i in range(len(self._buffers)) if sys.getrefcount(self._buffers[i]) == 2]
        for i in free:
            if size <= self._buffers[i].size <= 2 * size + 4096:
                return self._buffers[i]
        for i in reversed(free):
            del self._buffers[i]
        buffer = np.empty(max(size, 1), np.uint8)
        self._buffers = [*self._buffers, buffer][-self._keep :]
        return buffer


def slot_bytes_for(width: int, height: int, planes: Iterable[int]) -> int:
    """Bytes of a slot for channels of so many planes each (vectors 3, scalars 1) at that size."""
    return sum(_aligned(4 * width * height * n) for n in planes)


def _aligned(size: int) -> int:
    return -(-size // ALIGN) * ALIGN
