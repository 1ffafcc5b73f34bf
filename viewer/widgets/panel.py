"""What a panel is. A panel draws one dockable window and returns the document that it was given, changed or
not.
"""

from __future__ import annotations

from typing import Protocol

from core_model.schema.registry import Registry
from viewer.state.document import Document
from viewer.widgets.context import PanelContext


class Panel(Protocol):
    """One instance a window; it may keep what is only being typed, nothing else."""

    def draw(self, doc: Document, ctx: PanelContext) -> Document: ...


PANELS: Registry[type[Panel]] = Registry("panel")
"""Name → panel class; `viewer.shell.layout.SLOTS` gives each name its title and place."""
