"""A name → value table with explicit registration; duplicates and unknown names are errors."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from core_model.schema.errors import InputError

T = TypeVar("T")


class Registry(Generic[T]):
    """Ordered registry of one kind of thing (families, samplers, channels, panels …).

    complete: adds what installed packages bring (`schema/plugins.py`), once, when the registry is first read and
    no earlier: a package may import the registry's module while it is imported itself.
    """

    def __init__(self, kind: str, complete: Callable[[], object] | None = None) -> None:
        self.kind = kind
        self._own: dict[str, T] = {}
        self._complete = complete

    @property
    def _items(self) -> dict[str, T]:
        complete, self._complete = self._complete, None
        if complete is not None:
            complete()
        return self._own

    def add(self, name: str, item: T) -> T:
        """Register `item` under `name`; raises ValueError when the name is taken."""
        if name in self._own:
            raise ValueError(f"{self.kind} {name!r} is registered twice")
        self._own[name] = item
        return item

    def get(self, name: str, where: str = "") -> T:
        """The item called `name`; raises InputError naming the nearest known name."""
        if name in self._items:
            return self._items[name]
        near = difflib.get_close_matches(name, self._items, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise InputError(
            what=f"unknown {self.kind}",
            where=where,
            expected=f"one of {', '.join(self._items)}",
            got=f"{name!r}{hint}",
        )

    def names(self) -> tuple[str, ...]:
        return tuple(self._items)

    def items(self) -> tuple[tuple[str, T], ...]:
        return tuple(self._items.items())

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[T]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)
