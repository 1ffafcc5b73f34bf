"""Undo and redo: past and future documents, with one step per drag."""

from __future__ import annotations

from viewer.state.document import Document


class UndoHistory:
    """Stacks of past and future documents around a current one.

    Changes under the same key within `window_s` seconds of each other become one step; between `hold()` and
    `release()` (mouse down, mouse up) they do so however long the mouse rests.
    """

    def __init__(self, doc: Document, limit: int = 200, window_s: float = 0.8) -> None:
        self._current = doc
        self._past: list[Document] = []
        self._future: list[Document] = []
        self._limit, self._window_s = limit, window_s
        self._key: str | None = None
        self._time = 0.0
        self._held = False

    @property
    def current(self) -> Document:
        return self._current

    @property
    def can_undo(self) -> bool:
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        return bool(self._future)

    def push(self, doc: Document, key: str, now: float) -> None:
        """`doc` is the new current document; `key` names what changed it.

        `now` [s] is any monotonic clock.
        """
        if doc == self._current:
            return
        joins = key == self._key and (self._held or now - self._time <= self._window_s)
        if not joins:
            self._past.append(self._current)
            del self._past[: -self._limit]
        elif self._past and self._past[-1] == doc:
            # The drag came back to where it began: there is nothing to undo.
            self._past.pop()
            key = ""
        self._future.clear()
        self._current, self._time = doc, now
        self._key = key or None

    def hold(self) -> None:
        """The mouse went down: what follows under one key is one step until `release()`."""
        self.seal()
        self._held = True

    def release(self) -> None:
        """The mouse went up: the next change is a step of its own."""
        self._held = False
        self.seal()

    def seal(self) -> None:
        """End the current step: the next change starts a new one."""
        self._key = None

    def undo(self) -> Document | None:
        """The document before the last step, now current; None when there is none."""
        if not self._past:
            return None
        self._future.append(self._current)
        self._current = self._past.pop()
        self.seal()
        return self._current

    def redo(self) -> Document | None:
        """The document that the last undo left, now current; None when there is none."""
        if not self._future:
            return None
        self._past.append(self._current)
        self._current = self._future.pop()
        self.seal()
        return self._current

    def restart(self, doc: Document) -> None:
        """Forget everything and start from `doc` (another checkpoint was opened)."""
        self._current = doc
        self._past.clear()
        self._future.clear()
        self.release()
