"""What a program at rest gives back to the system: memory that it freed and the C library kept.

An allocator keeps what is freed, since the next piece of that size is then there at once. What a busy minute took would so stay
with the process for good: a worker that had drawn for five minutes held 1.2 GB, of which 0.3 GB were in use. At rest nobody needs
the other 0.9 GB, and the next picture takes back what it wants.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from core_model.schema.memory import trim

REST_S = 5.0
"""Seconds without work after which a program is at rest."""


class Rest:
    """Looks at when a program worked last, and gives memory back once per rest.

    after_s: how long it takes to be one. give: what is done then. clock: seconds, monotonic.
    """

    def __init__(
        self,
        after_s: float = REST_S,
        give: Callable[[], object] = trim,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._after_s, self._give, self._clock = after_s, give, clock
        self._since, self._given = clock(), False

    def worked(self) -> None:
        """There was work just now."""
        self._since, self._given = self._clock(), False

    def look(self) -> bool:
        """There is no work now; True where this was the moment to give memory back."""
        if self._given or self._clock() - self._since < self._after_s:
            return False
        self._given = True
        self._give()
        return True
