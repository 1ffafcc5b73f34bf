"""Actions: what panels request beside a changed document. Frozen records, each handled once at the end of the
frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from viewer.state.document import Document
from viewer.state.palette import ThemeName
from viewer.state.ray_marks import Key
from viewer.state.screen import PicturePlace
from viewer.state.work import WorkKind
from viewer.state.workspace import WorkspaceName


@dataclass(frozen=True)
class OpenCheckpoint:
    """Open a file or `analytic:NAME`.

    keep_view: latent, camera, sampler, channel and comparison stay where they fit.
    """

    path: str
    keep_view: bool = False


@dataclass(frozen=True)
class OpenDialog:
    """Ask for a file: by the desktop's dialog, or by the window's own browser."""


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
class CancelWork:
    """Stop what the renderer computes; kind None = the first item of the work badge."""

    kind: WorkKind | None = None


@dataclass(frozen=True)
class DismissBanner:
    """Hide the banner; the error stays in the log."""


@dataclass(frozen=True)
class CopyText:
    """Put text on the clipboard and say so in the status bar."""

    text: str
    what: str


@dataclass(frozen=True)
class SavePicture:
    """Ctrl+S: the present view as a picture in the last export folder."""


@dataclass(frozen=True)
class ShowFolder:
    """Show the folder `path`, or that of the file `path`, with the desktop's own program."""

    path: str


@dataclass(frozen=True)
class ExportMesh:
    """The mesh of the present head with the settings of the Mesh panel, under a name that is free."""


@dataclass(frozen=True)
class CancelTask:
    """End an export or another task."""

    task_id: str


@dataclass(frozen=True)
class StopRun:
    """Ask a training run to stop after its present step, with a snapshot."""

    path: str


@dataclass(frozen=True)
class CopyPicture:
    """The picture on the screen to the clipboard, as an image."""


@dataclass(frozen=True)
class SaveRay:
    """Write the report of the ray of `mark` to a .json, .csv or .png file."""

    mark: Key
    path: str


@dataclass(frozen=True)
class PinRay:
    """Keep the surface point of a pixel of this view, or let go of the pin that is there."""

    mark: Key


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
class FrontPanel:
    """Show a panel, in front of its group, and give it the keyboard."""

    title: str


@dataclass(frozen=True)
class FocusMenus:
    """Give the keyboard to the menu bar."""


@dataclass(frozen=True)
class TogglePanels:
    """Hide every panel but the viewport, or bring them back."""


@dataclass(frozen=True)
class ResetLayout:
    pass


@dataclass(frozen=True)
class ToggleKeys:
    """F1: the list of keys."""


@dataclass(frozen=True)
class TogglePalette:
    """Ctrl+P: the command palette."""


@dataclass(frozen=True)
class RestoreSession:
    """Bring back the view of the window that crashed, or of the last one."""


@dataclass(frozen=True)
class ApplyPreset:
    """Take sampler, quality and display settings from a preset."""

    name: str


@dataclass(frozen=True)
class SavePreset:
    """Keep sampler, quality and display settings under a name."""

    name: str


@dataclass(frozen=True)
class RemovePreset:
    name: str


@dataclass(frozen=True)
class KeepKeys:
    """The bindings of keys were changed: remember them."""


@dataclass(frozen=True)
class ShowAbout:
    pass


@dataclass(frozen=True)
class ShowDoctor:
    """What this machine has and lacks: `triscope doctor` in a sheet."""


@dataclass(frozen=True)
class ShowWelcome:
    """What a new user is greeted with."""


@dataclass(frozen=True)
class ShowWorkspace:
    """Ctrl+1, Ctrl+2: Explore or Training."""

    name: WorkspaceName


@dataclass(frozen=True)
class Undo:
    pass


@dataclass(frozen=True)
class Redo:
    pass


@dataclass(frozen=True)
class PicturePlaced:
    """The position of the picture on the screen, or of the cursor on it, has changed."""

    place: PicturePlace


@dataclass(frozen=True)
class Edit:
    """The document changes from `before` to `after`: the fields that differ are taken over, at once."""

    before: Document
    after: Document


@dataclass(frozen=True)
class Several:
    """One after the other."""

    actions: tuple[Action, ...]


@dataclass(frozen=True)
class ToggleWalk:
    """Stop the latent walk, or resume it from the displayed latent."""


@dataclass(frozen=True)
class Quit:
    pass


Action = (
    OpenCheckpoint
    | OpenDialog
    | ForgetRecent
    | Retry
    | RestartWorker
    | CancelWork
    | DismissBanner
    | CopyText
    | SavePicture
    | ShowFolder
    | ExportMesh
    | CancelTask
    | StopRun
    | CopyPicture
    | SaveRay
    | PinRay
    | SetTheme
    | SetScale
    | ShowPanel
    | FrontPanel
    | FocusMenus
    | TogglePanels
    | ResetLayout
    | ToggleKeys
    | TogglePalette
    | RestoreSession
    | ApplyPreset
    | SavePreset
    | RemovePreset
    | KeepKeys
    | ShowAbout
    | ShowDoctor
    | ShowWelcome
    | ShowWorkspace
    | Undo
    | Redo
    | PicturePlaced
    | Edit
    | Several
    | ToggleWalk
    | Quit
)

Dispatch = Callable[[Action], None]
"""How everything that is not an edit of the document is asked for; carried out at the end of the frame, in
order."""
