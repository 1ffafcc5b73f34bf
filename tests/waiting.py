"""Waits of tests: for a condition, with a deadline, never for a length of time that was guessed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(
    condition: Callable[[], Found],
    what: str | Callable[[], str],
    seconds: float = 30.0,
    pause_s: float = 0.01,
) -> Found:
    """The first true value of condition(); AssertionError that names `what` once `seconds` are over."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {seconds:g} s for {what if isinstance(what, str) else what()}"
        time.sleep(pause_s)
    return found


def throughout(condition: Callable[[], object], what: str, seconds: float = 0.3) -> None:
    """Looks again and again for `seconds`: AssertionError as soon as condition() does not hold."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), what
        time.sleep(0.01)
