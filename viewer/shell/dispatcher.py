"""The queue of actions: filled while a frame is drawn, carried out at its end, each by its one handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core_model.schema.atomic import not_written
from core_model.schema.errors import TriscopeError
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

    def carry_out(self, now: float) -> list[str]:
        """Carry out the actions of this frame in order; actions that handlers ask for wait for the next
        frame. Returns why some could not be: a full disk or a folder that is gone ends no window.
        """
        queue, self._queue = self._queue, []
        problems: list[str] = []
        for action in queue:
            try:
                self._handlers[type(action)](action, now)
            except TriscopeError as error:
                problems.append(str(error))
            except OSError as error:
                problems.append(not_written(error))
        return problems

    def _several(self, action: Several, now: float) -> None:
        for one in action.actions:
            self._handlers[type(one)](one, now)
