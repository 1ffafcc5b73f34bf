"""The GUI's frame rings: a larger one when a picture needs it; the old one goes when that is safe."""

from __future__ import annotations

import threading

import numpy as np

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import RenderRequest
from viewer.render_client import messages as m
from viewer.render_client.frame_ring import SLOTS, BufferPool, FrameRing, slot_bytes_for

_GROWTH = 1.25
"""Spare room in a new ring, so that a window that is dragged larger does not make one for every pixel."""


class FrameRings:
    """Current ring and those that still hold frames on their way.

    Without room for a ring, frames go through the pipe. Pictures and baked volumes have rings of their own.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self._lock = threading.Lock()
        self._slots = slots
        self._current: FrameRing | None = None
        self._old: list[FrameRing] = []
        self._planes: dict[str, dict[str, int]] = {}
        self._pool = BufferPool()
        self._least_bytes = 0
        self._no_room_for = 1 << 62

    def learn(self, info: CheckpointInfo) -> None:
        """How many planes each channel of a checkpoint has."""
        self._planes[info.path] = {c.name: 1 if c.kind == "scalar" else 3 for c in info.channels}

    def for_request(self, request: RenderRequest) -> m.RingName | None:
        """The ring for the pictures of a request, made or enlarged where necessary; None = use the pipe."""
        planes = self._planes.get(request.checkpoint, {})
        need = slot_bytes_for(request.width, request.height, [planes.get(c, 3) for c in request.channels])
        return self.for_bytes(need)

    def for_bytes(self, need: int) -> m.RingName | None:
        """The ring for so many bytes at once, made or enlarged where necessary; None = use the pipe."""
        need = max(need, self._least_bytes)
        with self._lock:
            if self._current is None or self._current.slot_bytes < need:
                self._enlarge(need)
            ring = self._current
            return None if ring is None else m.RingName(ring.name, ring.slots, ring.slot_bytes)

    def read(self, message: m.RenderDone) -> dict[str, np.ndarray]:
        """Own copies of a finished frame's arrays; gives its slot back."""
        if message.arrays is not None:
            self._least_bytes = max(self._least_bytes, message.needs_bytes)
            for array in message.arrays.values():
                array.flags.writeable = False
            return message.arrays
        ring = self._named(message.ring)
        if ring is None:
            return {}
        arrays = ring.read(message.slot, message.result.frames, self._pool)
        self._emptied(ring, message.slot)
        return arrays

    def read_bytes(self, message: m.BakeDone, size: int) -> bytes | None:
        """A copy of a baked volume's bytes; gives its slot back. None where the ring was let go."""
        if message.data is not None:
            self._least_bytes = max(self._least_bytes, size)
            return message.data
        ring = self._named(message.ring)
        if ring is None:
            return None
        data = ring.read_bytes(message.slot, size)
        self._emptied(ring, message.slot)
        return data

    def _named(self, name: str) -> FrameRing | None:
        with self._lock:
            return next((r for r in (self._current, *self._old) if r is not None and r.name == name), None)

    def _emptied(self, ring: FrameRing, slot: int) -> None:
        ring.release(slot)
        with self._lock:
            if ring is self._current:
                # The worker writes to the new ring: nothing more comes through the old ones.
                for old in self._old:
                    old.close()
                self._old.clear()

    def close(self) -> None:
        """Free all rings; no worker may be writing."""
        with self._lock:
            for ring in (self._current, *self._old):
                if ring is not None:
                    ring.close()
            self._current, self._old, self._no_room_for = None, [], 1 << 62

    def _enlarge(self, need: int) -> None:
        if need >= self._no_room_for:
            self._retire()
            return
        for slots, size in ((self._slots, int(need * _GROWTH)), (self._slots, need), (1, need)):
            try:
                ring = FrameRing.create(size, slots)
            except OSError:
                continue
            self._retire()
            self._current = ring
            return
        self._no_room_for = need
        self._retire()

    def _retire(self) -> None:
        if self._current is not None:
            self._old.append(self._current)
            self._current = None
