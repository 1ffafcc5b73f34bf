"""The queue of actions: filled while a frame is drawn, carried out at its end, each by its one handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from viewer.state.actions import Action, Several

Handler = Callable[[Any, float], None]
"""(action, now [s])."""


class Dispatcher:
    """`on` registers; the dispatcher itself is what panels call to ask for something."""

    def __init__(self) -> None:
        self._handlers: dict[type, Handler] = {Several: self._several}
        self._queue: list[Action] = []

    def on(self, kind: type, handler: Handler) -> None:
        """Register the handler of a kind of action; a second one for the same kind raises ValueError."""
        if kind in self._handlers:
            raise ValueError(f"{kind.__name__} has a handler already")
        self._handlers[kind] = handler

    def wrap(self, kind: type, around: Callable[[Handler, Any, float], None]) -> None:
        """Replace the handler of a kind by `around`, which receives the old one: for scripts that watch the
        window.
        """
        handler = self._handlers[kind]
        self._handlers[kind] = lambda action, now: around(handler, action, now)

    @property
    def kinds(self) -> frozenset[type]:
        return frozenset(self._handlers)

    def __call__(self, action: Action) -> None:
        """Ask for something; it is done at the end of the frame."""
        self._queue.append(action)

    def carry_out(self, now: float) -> None:
        """Carry out the actions of this frame in order; actions that handlers ask for wait for the next
        frame.
        """
        queue, self._queue = self._queue, []
        for action in queue:
            self._handlers[type(action)](action, now)

    def _several(self, action: Several, now: float) -> None:
        for one in action.actions:
            self._handlers[type(one)](one, now)
