"""Errors a person can act on: each names what, where, what was expected and what was got."""

from __future__ import annotations

SEE_DOCTOR = "`triscope doctor` says what this machine lacks"
"""What a failure to start ends with."""


class TriscopeError(Exception):
    """Base of every error that triscope raises on purpose; the CLI exits with status 1."""

    exit_status = 1


GOT_LETTERS = 300
"""So much of a text from outside is repeated in a message."""


class InputError(TriscopeError):
    """Input from outside was wrong; the CLI prints one line and exits with status 2."""

    exit_status = 2

    def __init__(self, *, what: str, where: str = "", expected: str = "", got: str = "") -> None:
        self.what, self.where, self.expected = (_one_line(s) for s in (what, where, expected))
        self.got = shortened(_one_line(got))
        parts = [self.what]
        if self.where:
            parts.append(f"in {self.where}")
        line = " ".join(parts)
        if self.expected:
            line += f": expected {self.expected}"
        if self.got:
            line += f"{',' if self.expected else ':'} got {self.got}"
        super().__init__(line)

    def __reduce__(self) -> tuple[object, ...]:
        """It crosses processes whole: exceptions are otherwise made anew from their line alone."""
        return _input_error, (self.what, self.where, self.expected, self.got)


def shortened(text: str) -> str:
    """A text from outside, no longer than a message can bear."""
    return text if len(text) <= GOT_LETTERS else f"{text[:GOT_LETTERS]}…"


def _input_error(what: str, where: str, expected: str, got: str) -> InputError:
    return InputError(what=what, where=where, expected=expected, got=got)


class Cancelled(TriscopeError):
    """A newer request waits; the current work was dropped between two tiles."""


class OutOfMemory(TriscopeError):
    """There was not memory enough; the message names what to lower, and to what."""


def is_out_of_memory(error: BaseException) -> bool:
    """Python's and numpy's, CUDA's, and the ways in which torch's CPU allocator and C++ say it."""
    if isinstance(error, MemoryError | OutOfMemory) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text
        or "bad_alloc" in text
        or text == "could not create a primitive"
        or ("alloc" in text and "memory" in text)
    )


def _one_line(text: str) -> str:
    return " ".join(str(text).split())
