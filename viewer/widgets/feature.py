"""What a feature of the window is: a panel, and perhaps a layer over the picture.

A panel's `draw` and a layer's methods name the values that they need as parameters; `viewer.shell.values`
passes them by name and a test holds names and types to that table. They return the document that they were
given, changed or not, and ask for everything else by `dispatch(action)`. A feature keeps only what is being
typed, or what it draws with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from imgui_bundle import ImVec2

from core_model.schema.channels import ChannelInfo
from core_model.schema.registry import Registry
from viewer.state.document import ChannelView, Document
from viewer.state.shown_map import ShownMap
from viewer.widgets.shown_picture import ShownRange
from viewer.widgets.split import Squares


class Panel(Protocol):
    """Draws one dockable window: `draw` takes `doc` and the values that it names, and returns the document."""

    @property
    def draw(self) -> Callable[..., Document]: ...


@dataclass(frozen=True)
class LayerPicture:
    """What a layer shows in place of the render.

    drawn: the map under the cursor. channel: what the badge names. view, span: colours and range of its
    colour bar, where they are not those of the document.
    """

    drawn: ShownMap
    channel: ChannelInfo
    view: ChannelView | None = None
    span: ShownRange | None = None


class Layer:
    """What a feature shows in the viewport. A layer overrides what it needs; parameters are named as in a
    panel's `draw`.
    """

    replace: Callable[..., LayerPicture | None] | None = None
    """(…, shown, where, texture): draws instead of the render; None where it drew nothing."""
    over: Callable[..., Document] | None = None
    """(…, where): marks over the picture."""
    badge: Callable[..., float] | None = None
    """(…, corner): a plate below the title's, with its upper left corner there; returns the height that it
    took."""
    labels: Callable[..., None] | None = None
    """(…, where): plates at the lower edge."""


class Layers(Protocol):
    """All layers together, as the viewport calls them."""

    def replace(
        self, doc: Document, shown: ShownMap, where: Squares, texture: int
    ) -> LayerPicture | None: ...
    def over(self, doc: Document, where: Squares) -> Document: ...
    def badges(self, doc: Document, corner: ImVec2) -> None: ...
    def labels(self, doc: Document, where: Squares) -> None: ...


class RequestFrames(Protocol):
    def __call__(self, fps: float, moving: bool = False) -> None:
        """Draw at `fps` frames per second until the next frame asks again.

        moving: the camera moves by itself.
        """
        ...


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Feature:
    """One feature in one window.

    opened: another checkpoint is open; close: the window closes, its GL context still lives.
    """

    panel: Panel
    layer: Layer | None = None
    opened: Callable[[], None] = _nothing
    close: Callable[[], None] = _nothing


FEATURES: Registry[Callable[[], Feature]] = Registry("feature")
"""Name → maker; `viewer.shell.layout.SLOTS` gives each name its title and place."""
