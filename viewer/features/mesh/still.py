"""Wait until something has not changed for a moment before asking for costly things about it."""

from __future__ import annotations


class Still:
    """`of(key, now)`: whether `key` has been the same for `pause_s` seconds."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._key: object = None
        self._since = 0.0

    def of(self, key: object, now: float) -> bool:
        if key != self._key:
            self._key, self._since = key, now
        return now - self._since >= self._pause_s
