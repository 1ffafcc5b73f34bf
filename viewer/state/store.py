"""The document of one window with its history, and what the window has to say.

A passing notice, and a banner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from viewer.state.document import Document, QualitySettings
from viewer.state.undo import UndoHistory

NOTICE_S = 2.5


@dataclass(frozen=True)
class Banner:
    """title: what happened, in one line.

    detail: the rest, copied with it. remedy: the button that is offered.
    """

    title: str
    detail: str = ""
    severity: Literal["error", "note"] = "error"
    remedy: Literal["retry", "restart", "restore", "none"] = "none"

    @property
    def text(self) -> str:
        return f"{self.title}\n{self.detail}".strip()


class Store:
    """The one home of the document: everything that changes it goes through here."""

    def __init__(self, quality: QualitySettings | None = None) -> None:
        self.doc = Document(quality=quality or QualitySettings())
        self.undo = UndoHistory(self.doc)
        self.banner: Banner | None = None
        self.notice = ""
        self.finished: list[tuple[str, str]] = []
        """(title, path) of what was written since the frame loop last looked."""
        self._notice_until = 0.0
        self._mouse_down = False

    def edit(self, before: Document, after: Document, now: float) -> None:
        """Take over the fields in which `after` differs from `before`, as a step of the history."""
        if after == before:
            return
        names = [n for n in type(after).model_fields if getattr(before, n) != getattr(after, n)]
        doc = self.doc.replace(**{name: getattr(after, name) for name in names})
        self.undo.push(doc, _what_changed(self.doc, doc), now)
        self.doc = doc

    def adopt(self, doc: Document, key: str, now: float) -> None:
        """A document that comes from outside the panels, as one step of the history under `key`."""
        self.undo.push(doc, key, now)
        self.doc = doc

    def restart(self, doc: Document) -> None:
        """The first document of a checkpoint: the history begins anew."""
        self.doc = doc
        self.undo.restart(doc)

    def take_back(self, now: float) -> None:
        """One step back in the history."""
        self._return_to(self.undo.undo(), "Nothing to undo", now)

    def redo(self, now: float) -> None:
        self._return_to(self.undo.redo(), "Nothing to redo", now)

    def grip(self, mouse_down: bool) -> None:
        """Once a frame: a drag is one step of the history, however long the mouse rests."""
        if mouse_down and not self._mouse_down:
            self.undo.hold()
        elif self._mouse_down and not mouse_down:
            self.undo.release()
        self._mouse_down = mouse_down

    def say(self, text: str, now: float) -> None:
        """A passing remark in the status bar."""
        self.notice, self._notice_until = text, now + NOTICE_S

    def forget_notice(self, now: float) -> None:
        """Once a frame: the remark passes."""
        if self.notice and now >= self._notice_until:
            self.notice = ""

    def notice_s(self, now: float) -> float | None:
        """Seconds until the remark passes; None where there is none."""
        return max(self._notice_until - now, 0.0) if self.notice else None

    def _return_to(self, doc: Document | None, otherwise: str, now: float) -> None:
        if doc is None:
            self.say(otherwise, now)
        else:
            self.doc = doc


def _what_changed(old: Document, new: Document) -> str:
    """Names of the fields that differ: changes of the same fields in a row are one step of the history."""
    names: list[str] = []
    for field in type(old).model_fields:
        a, b = getattr(old, field), getattr(new, field)
        if a == b:
            continue
        parts = [p for p in getattr(type(a), "model_fields", {}) if getattr(a, p) != getattr(b, p)]
        names += [f"{field}.{p}" for p in parts] if field != "camera" and parts else [field]
    return ",".join(names)
