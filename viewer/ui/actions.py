"""What panels ask of the application beside a changed document: frozen records, handled once at the end of
the frame.
"""

from __future__ import annotations

from dataclasses import dataclass

from viewer.ui.palette import ThemeName


@dataclass(frozen=True)
class OpenCheckpoint:
    """Open a file or `analytic:NAME`."""

    path: str


@dataclass(frozen=True)
class OpenDialog:
    """Show the desktop's own file dialog."""


@dataclass(frozen=True)
class ForgetRecent:
    """Remove a path from the recent files."""

    path: str


@dataclass(frozen=True)
class Retry:
    """Render the present view again after an error."""


@dataclass(frozen=True)
class RestartWorker:
    """Start the render process afresh."""


@dataclass(frozen=True)
class DismissBanner:
    """Hide the banner; the error stays in the log."""


@dataclass(frozen=True)
class CopyText:
    """Put text on the clipboard and say so in the status bar."""

    text: str
    what: str


@dataclass(frozen=True)
class SaveRay:
    """Write the report of the ray at `mark` (image coordinates) to a .json, .csv or .png file."""

    mark: tuple[float, float]
    path: str


@dataclass(frozen=True)
class SetTheme:
    name: ThemeName


@dataclass(frozen=True)
class SetScale:
    """Factor on every size of the interface."""

    scale: float


@dataclass(frozen=True)
class ShowPanel:
    title: str
    visible: bool


@dataclass(frozen=True)
class TogglePanels:
    """Tab: hide every panel but the viewport, or bring them back."""


@dataclass(frozen=True)
class ResetLayout:
    pass


@dataclass(frozen=True)
class ToggleKeys:
    """F1: the list of keys."""


@dataclass(frozen=True)
class ShowAbout:
    pass


@dataclass(frozen=True)
class Undo:
    pass


@dataclass(frozen=True)
class Redo:
    pass


@dataclass(frozen=True)
class Quit:
    pass


Action = (
    OpenCheckpoint
    | OpenDialog
    | ForgetRecent
    | Retry
    | RestartWorker
    | DismissBanner
    | CopyText
    | SaveRay
    | SetTheme
    | SetScale
    | ShowPanel
    | TogglePanels
    | ResetLayout
    | ToggleKeys
    | ShowAbout
    | Undo
    | Redo
    | Quit
)
