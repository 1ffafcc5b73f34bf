"""Short work that may block (starting, stopping, asking Slurm): each in a thread; the frame loop takes the
results.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from core_model.schema.errors import TriscopeError


@dataclass(frozen=True)
class Outcome:
    """what: the errand in words; error: "" where it went well."""

    what: str
    error: str = ""


class Errands:
    """`run` from the frame loop, `take` in every frame."""

    def __init__(self, wake: Callable[[], None] | None = None) -> None:
        self._wake = wake
        self._under_way: list[str] = []
        self._done: deque[Outcome] = deque()

    @property
    def under_way(self) -> tuple[str, ...]:
        return tuple(self._under_way)

    def run(self, what: str, call: Callable[[], object]) -> None:
        self._under_way.append(what)
        threading.Thread(target=self._work, args=(what, call), name="errand", daemon=True).start()

    def take(self) -> list[Outcome]:
        """What has ended since the last call."""
        done = []
        while self._done:
            done.append(self._done.popleft())
        return done

    def _work(self, what: str, call: Callable[[], object]) -> None:
        try:
            call()
            outcome = Outcome(what)
        except (TriscopeError, OSError) as error:
            outcome = Outcome(what, str(error))
        except Exception as error:  # the window must hear of it
            outcome = Outcome(what, f"{type(error).__name__}: {error}")
        self._done.append(outcome)
        self._under_way.remove(what)
        if self._wake is not None:
            self._wake()
