"""From the records of a stream to plain data: numbers, text, lists, tuples, dicts and float32 arrays.

Nothing is followed deeper than the limits say, and whatever refers to itself is refused: a few bytes of a
pickle can describe a structure that has no end when it is walked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core_model.checkpoints.importing import omegaconf_tree
from core_model.checkpoints.importing.arrays import array_of, tensor_of
from core_model.checkpoints.importing.limits import Budget
from core_model.checkpoints.importing.records import ArrayRecord, TensorRecord
from core_model.checkpoints.importing.refusal import Refusal, shown


class Plain:
    """Turns values into plain data within one budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._open: set[int] = set()

    def value(self, value: object) -> Any:
        """Plain copy of `value`. Objects of other classes become their dotted name in angle brackets."""
        self._budget.node()
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            self._budget.text(len(value))
            return value
        if isinstance(value, TensorRecord):
            return tensor_of(value, self._budget)
        if isinstance(value, ArrayRecord):
            return array_of(value, self._budget)
        if omegaconf_tree.is_node(value):
            with self._inside(value):
                return omegaconf_tree.plain_node(value, self)
        if isinstance(value, dict):
            with self._inside(value):
                return {self.key(k): self.value(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            with self._inside(value):
                items = [self.value(item) for item in value]
                return items if isinstance(value, list) else tuple(items)
        if isinstance(value, set | frozenset):
            self._budget.node(len(value))
            return sorted(str(self.key(item)) for item in value)
        if isinstance(value, bytes | memoryview):
            return f"<{len(value)} bytes>"
        return f"<{value}>"[:200]

    def charge(self, steps: int, letters: int) -> None:
        """Work beside the values themselves: steps of a search, letters that are searched."""
        self._budget.step(steps)
        self._budget.text(letters)

    def key(self, key: object) -> str | int | float | bool | None:
        """A key of a plain dict."""
        if key is None or isinstance(key, str | int | float | bool):
            return key
        return f"<{type(key).__name__}>"

    def mapping(self, value: object, name: str) -> dict[str, Any]:
        """Plain copy of a dict with text keys; {} for None."""
        if value is None:
            return {}
        made = self.value(value)
        if not isinstance(made, dict):
            raise Refusal(f"bad {name}", "a dict", shown(made))
        return {str(k): v for k, v in made.items()}

    @contextmanager
    def _inside(self, value: object) -> Iterator[None]:
        """While a container is being copied: it may not occur in itself, nor lie too deep."""
        if id(value) in self._open:
            raise Refusal("settings refer to themselves", "a tree", "a circle")
        if len(self._open) >= self._budget.limits.depth:
            raise Refusal(
                "settings are nested too deeply", f"at most {self._budget.limits.depth} levels", "more"
            )
        self._open.add(id(value))
        try:
            yield
        finally:
            self._open.discard(id(value))
