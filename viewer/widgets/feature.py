"""What a feature of the window is: a panel, and perhaps a layer over the picture.

A panel's `draw` and a layer's methods name the values that they need as parameters; `viewer.shell.values`
passes them by name and a test holds names and types to that table. They return the document that they were
given, changed or not, and ask for everything else by `dispatch(action)`. A feature keeps only what is being
typed, or what it draws with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from imgui_bundle import ImVec2

from core_model.schema.channels import ChannelInfo
from core_model.schema.plugins import adopt, refuse
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
    labels: Callable[..., float] | None = None
    """(…, where): a plate in the lower right corner of the picture; returns the height that it took there."""


class Layers(Protocol):
    """All layers together, as the viewport calls them."""

    def replace(
        self, doc: Document, shown: ShownMap, where: Squares, texture: int
    ) -> LayerPicture | None: ...
    def over(self, doc: Document, where: Squares) -> Document: ...
    def badges(self, doc: Document, corner: ImVec2) -> None: ...
    def labels(self, doc: Document, where: Squares) -> float: ...


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


@dataclass(frozen=True)
class FeaturePlugin:
    """A feature of another package (entry point `triscope.features`), imported by the window: it loads no torch.

    name: of the feature. title: of its tab. make: called once per window. dock: the group whose tab it becomes.
    shown: from the start, else by the View menu.
    """

    name: str
    title: str
    make: Callable[[], Feature]
    dock: Literal["left", "left-low", "right", "right-low", "bottom"] = "right"
    shown: bool = True


def _installed() -> None:
    """Features of other packages; their places in the window wait in `PLUGINS`."""
    PLUGINS.update(adopt("features", FeaturePlugin, _taken))


def _taken(found: FeaturePlugin) -> None:
    if any(found.title == other.title for other in PLUGINS.values()):
        raise ValueError(f"there is a tab {found.title!r} already")
    FEATURES.add(found.name, found.make)


PLUGINS: dict[str, FeaturePlugin] = {}
"""By entry point; filled when `FEATURES` is first read."""
FEATURES: Registry[Callable[[], Feature]] = Registry("feature", _installed)
"""Name → maker; `viewer.shell.layout.SLOTS` gives each name of our own its title and place."""


def make_features() -> dict[str, Feature]:
    """Every registered feature, by name; one of another package that cannot be made is named and left out."""
    FEATURES.names()
    entries = {found.name: entry for entry, found in PLUGINS.items()}
    made: dict[str, Feature] = {}
    for name, make in FEATURES.items():
        if name not in entries:
            made[name] = make()
            continue
        entry = entries[name]
        try:
            feature = make()
            if not isinstance(feature, Feature):
                raise TypeError(f"its make() gives a {type(feature).__name__}, not a Feature")
        except (Exception, SystemExit) as error:  # foreign code: anything may come out of it
            refuse("features", entry, error)
            del PLUGINS[entry]
        else:
            made[name] = replace(
                feature, opened=_guarded(feature.opened, entry), close=_guarded(feature.close, entry)
            )
    return made


def _guarded(hook: Callable[[], None], entry: str) -> Callable[[], None]:
    """`hook` of another package: what it raises is said and goes no further."""

    def called() -> None:
        try:
            hook()
        except Exception as error:
            refuse("features", entry, error)

    return called
