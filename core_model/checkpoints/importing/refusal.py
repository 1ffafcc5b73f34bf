"""Why a foreign file is refused, before it is known where in the file that was."""

from __future__ import annotations


class Refusal(Exception):
    """Raised inside the reader; becomes an InputError with file and byte position at its edge."""

    def __init__(self, what: str, expected: str = "", got: str = "") -> None:
        super().__init__(what)
        self.what, self.expected, self.got = what, expected, got
        self.at: int | None = None  # byte of the file where the reader stopped, where that is known


def shown(text: object, limit: int = 80) -> str:
    """Text from a file as quoted ASCII of bounded length: it may hold terminal escapes or megabytes."""
    raw = text if isinstance(text, str) else type(text).__name__
    return ascii(raw[:limit]) + ("…" if len(raw) > limit else "")
