"""What goes wrong on the line, in one line for a person."""

from __future__ import annotations


class WireError(Exception):
    """The other side sent what it may not send; `seen`: the bytes that show it."""

    def __init__(self, what: str, seen: bytes = b"") -> None:
        shown = "".join(chr(b) if 32 <= b < 127 else "." for b in seen[:40]).strip()
        super().__init__(f"{what}: {shown!r}" if shown else what)
