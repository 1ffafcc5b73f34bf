"""Follows a growing text file without ever reading a byte twice.

Files may be appended to, be in the middle of a copy, vanish and return, be cut short or be replaced. A
replaced file whose beginning is what was already read (rsync writes a new file and renames it) is continued;
anything else starts again and says so (`restarted`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from viewer.runs.source import HERE, FileMark, Range, RunSource

PROOF_BYTES = 256
"""How much before the read position, and of the file's head, is compared to know the file again."""
LINE_LIMIT = 16 << 20
"""Longest line that is read; a longer one is dropped."""


@dataclass(frozen=True)
class TailRead:
    """Result of one read.

    lines: complete new lines, without their ends.
    open_line: text after the last line end (torn, or still being written).
    restarted: the file was replaced; forget everything before.
    more: the file holds more than this read was allowed to take.
    fault: why the file could not be read, else "".
    """

    lines: tuple[bytes, ...] = ()
    open_line: bytes = b""
    restarted: bool = False
    more: bool = False
    fault: str = ""


class FileTail:
    """Read position in one file."""

    def __init__(self, path: PurePath, source: RunSource = HERE) -> None:
        self.path, self._source = path, source
        self.offset = 0
        self.size = 0
        self.dropped = 0
        self.skipped = 0
        self._open = b""
        self._skipping = False
        self._head = b""
        self._proof = b""
        self._seen: FileMark | None = None

    def read(self, limit: int = 4 << 20) -> TailRead:
        """At most about `limit` new bytes. Never raises for what a disk or a network folder may do."""
        try:
            mark = self._source.stat(self.path)
        except OSError as error:
            self._seen = None
            return TailRead(
                open_line=self._open,
                fault="" if self.offset == 0 and isinstance(error, FileNotFoundError) else _say(error),
            )
        if mark == self._seen:
            return TailRead(open_line=self._open)
        try:
            size, block, restarted = self._read(limit)
        except OSError as error:
            self._seen = None
            return TailRead(open_line=self._open, fault=_say(error))
        self.size = size
        held = _without_hole(block)
        lines = self._take(held)
        more = size > self.offset and len(held) == len(block) and bool(block)
        self._seen = None if more else mark
        return TailRead(lines, self._open, restarted, more)

    def skip_to_last(self, limit: int) -> None:
        """Before the first read: of a longer file read only the last `limit` bytes, from a line's start."""
        try:
            size = self._source.stat(self.path).size
        except OSError:
            return
        if self.offset == 0 and size > limit:
            self.offset = self.skipped = size - limit
            self._skipping = True

    def accept_open_line(self) -> None:
        """The open line was complete after all (it parsed): do not deliver it again with its end."""
        self._open = b""

    @property
    def share_read(self) -> float:
        """0…1, of the size last seen."""
        return min(1.0, self.offset / self.size) if self.size else 1.0

    def _read(self, limit: int) -> tuple[int, bytes, bool]:
        """(size of the file, new bytes, whether it starts again because those already read are not there any more)."""
        head, proof = self._head, self._proof
        known: tuple[Range, ...] = (
            ((0, len(head)), (self.offset - len(proof), len(proof))) if self.offset else ()
        )
        mark, blocks = self._source.read(self.path, *known, (self.offset, limit))
        restarted = bool(known) and (mark.size < self.offset or blocks[:2] != [head, proof])
        if restarted:
            self.offset, self.skipped, self._open, self._skipping = 0, 0, b"", False
            self._head = self._proof = b""
            mark, blocks = self._source.read(self.path, (0, limit))
        # What was written since the mark is left for the next read, which finds another mark.
        return mark.size, blocks[-1][: max(0, mark.size - self.offset)], restarted

    def _take(self, block: bytes) -> tuple[bytes, ...]:
        """Move on by `block`; returns the lines that it completes."""
        if not block:
            return ()
        if len(self._head) < PROOF_BYTES and self.offset == len(self._head):
            self._head += block[: PROOF_BYTES - len(self._head)]
        self.offset += len(block)
        self._proof = (self._proof + block[-PROOF_BYTES:])[-PROOF_BYTES:]
        if self._skipping:
            end = block.find(b"\n")
            if end < 0:
                return ()
            self._skipping, block = False, block[end + 1 :]
        *lines, self._open = (self._open + block).split(b"\n")
        if len(self._open) > LINE_LIMIT:
            self._open, self._skipping = b"", True
            self.dropped += 1
        return tuple(lines)


def _without_hole(block: bytes) -> bytes:
    """`block` up to a run of zero bytes at its end, which a copy or a network disk has not filled yet."""
    return block.rstrip(b"\0") if block.endswith(b"\0") else block


def _say(error: OSError) -> str:
    return f"{error.strerror or type(error).__name__}"
