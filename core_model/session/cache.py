"""Stage cache: least recently used out first, under one byte budget."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class StageCache:
    """Values under hashable keys with their sizes. An entry larger than the whole budget is handed out but not kept."""

    def __init__(self, budget_bytes: int) -> None:
        self.budget = budget_bytes
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self.used = 0

    def get(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> tuple[T, bool]:
        """(value, was it cached)."""
        if key in self._entries:
            self._entries.move_to_end(key)
            return self._entries[key][0], True
        value = make()
        n = size(value)
        if n <= self.budget:
            self._entries[key] = (value, n)
            self.used += n
            self._evict()
        return value, False

    def drop(self, belongs: Callable[[Hashable], bool]) -> None:
        """Forget every entry whose key `belongs`."""
        for key in [k for k in self._entries if belongs(k)]:
            self.used -= self._entries.pop(key)[1]

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def _evict(self) -> None:
        while self.used > self.budget:
            _, (_, n) = self._entries.popitem(last=False)
            self.used -= n
