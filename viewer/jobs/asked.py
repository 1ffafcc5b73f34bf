"""Answers of the machine that trains, for pages that are drawn: at once from this one, by threads from another.

`want` is called in every frame. An answer serves for a while; until there is one it is None.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from pathlib import PurePath
from typing import Any, TypeVar

from core_model.schema.errors import TriscopeError
from viewer.jobs.desk import Desk, DeskFacts, LocalDesk

A = TypeVar("A")
FACTS_S, SHORT_S = 20.0, 2.0
CONFIG_BYTES = 16 << 20
MOST_KEPT = 200


class Asked:
    """wake: called from a thread when an answer has come."""

    def __init__(self, desk: Desk | None = None, wake: Callable[[], None] = lambda: None) -> None:
        self.desk: Desk = desk or LocalDesk()
        self._wake = wake
        self._answers: dict[Hashable, tuple[float, Any]] = {}
        self._under_way: set[Hashable] = set()

    def want(self, key: Hashable, call: Callable[[], A], age_s: float) -> A | None:
        """What `call` returned last; it is called again where that is older than `age_s` seconds."""
        at, answer = self._answers.get(key, (-1e9, None))
        if time.monotonic() - at < age_s or key in self._under_way:
            return answer
        if self.desk.here:
            return self._ask(key, call)
        self._under_way.add(key)
        threading.Thread(target=self._work, args=(key, call), name="desk-question", daemon=True).start()
        return answer

    def facts(self) -> DeskFacts | None:
        return self.want("facts", self.desk.facts, FACTS_S)

    def is_run(self, path: PurePath) -> bool:
        age = 0.0 if self.desk.here else SHORT_S
        return bool(self.want(("run", path), lambda: self.desk.is_run(path), age))

    def free_name(self, folder: PurePath, stem: str) -> PurePath | None:
        age = 0.0 if self.desk.here else SHORT_S
        return self.want(("name", folder, stem), lambda: self.desk.free_name(folder, stem), age)

    def known_data(self, runs: tuple[PurePath, ...]) -> str | None:
        """A data set to begin with; "" where none is known."""
        return self.want("data", lambda: self.desk.known_data(runs), 1e9)

    def _ask(self, key: Hashable, call: Callable[[], A]) -> A | None:
        try:
            answer = call()
        except (TriscopeError, OSError):
            answer, old = None, self._answers.get(key)
            if old is not None:
                answer = old[1]
            self._answers[key] = time.monotonic() - 1e9, answer
            if not self.desk.here:
                time.sleep(SHORT_S)  # the line is down: not asked again at once
            return answer
        if len(self._answers) > MOST_KEPT:
            self._answers.clear()
        self._answers[key] = time.monotonic(), answer
        return answer

    def _work(self, key: Hashable, call: Callable[[], object]) -> None:
        try:
            self._ask(key, call)
        finally:
            self._under_way.discard(key)
        self._wake()
