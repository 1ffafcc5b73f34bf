"""The values of one GUI frame, and how panels and layers get those that they name.

Nothing else sees this table: a panel's `draw` has a parameter for each value that it reads, and `call` passes
them by name. `tests/unit/shell/test_values.py` holds every parameter's name and type to the fields below.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from imgui_bundle import ImVec2

from core_model.schema.checkpoint import CheckpointInfo
from viewer.gl.framebuffer import Underlaid
from viewer.jobs.tasks import Tasks
from viewer.render_client.events import WorkerStatus
from viewer.state.actions import Dispatch
from viewer.state.basket import Shelf
from viewer.state.camera_glide import CameraGlide
from viewer.state.compared import Compared
from viewer.state.document import Document
from viewer.state.exports import Exports
from viewer.state.frames import Timing
from viewer.state.key_map import KeyMap
from viewer.state.latent_walk import Walk
from viewer.state.presets import Presets
from viewer.state.query_cache import QueryCache
from viewer.state.ray_queries import RayQueries
from viewer.state.screen import PicturePlace
from viewer.state.shown_map import ShownMap
from viewer.state.work import Work
from viewer.state.workspace import Workspace
from viewer.widgets.feature import Layer, LayerPicture, Layers, RequestFrames
from viewer.widgets.file_chooser import FileChooser
from viewer.widgets.inputs import Inputs
from viewer.widgets.shown_picture import Present, ShownPicture, StandIn
from viewer.widgets.split import Squares
from viewer.widgets.theme import Theme


@dataclass(frozen=True)
class FrameValues:
    """By the names that parameters have.

    info: of the open checkpoint, None before there is one. opening: path that is being opened. recent: files
    opened before, without the open one. history: finished frames, oldest first. moving: whether hand, walk or
    path moves the view now. now: seconds of a monotonic clock. underlay: has the window draw a picture under
    the GUI; False where it cannot.
    """

    theme: Theme
    info: CheckpointInfo | None
    picture: ShownPicture
    place: PicturePlace
    layers: Layers
    rays: RayQueries
    queries: QueryCache
    compared: Compared
    basket: Shelf
    work: tuple[Work, ...]
    tasks: Tasks
    exports: Exports
    keys: KeyMap
    inputs: Inputs
    presets: Presets
    walk: Walk
    glide: CameraGlide
    workspace: Workspace
    status: WorkerStatus
    history: tuple[Timing, ...]
    recent: tuple[str, ...]
    opening: str
    files: FileChooser
    moving: bool
    now: float
    present: Present
    stand_in: StandIn
    underlay: Callable[[Underlaid], bool]
    request_frames: RequestFrames
    dispatch: Dispatch


@cache
def _names(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(name for name in inspect.signature(function).parameters if name != "self")


def call(method: Callable[..., Any], values: FrameValues, **own: object) -> Any:
    """`method` with the values that its parameters name; `own`: those of this call alone."""
    names = _names(getattr(method, "__func__", method))
    return method(**{name: own[name] if name in own else getattr(values, name) for name in names})


class AllLayers:
    """The layers of all features, in the order of their registration."""

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        self._layers = layers
        self.values: FrameValues | None = None

    def _of(self, part: str) -> list[Callable[..., Any]]:
        return [method for layer in self._layers if (method := getattr(layer, part)) is not None]

    def replace(self, doc: Document, shown: ShownMap, where: Squares, texture: int) -> LayerPicture | None:
        """The first layer that draws instead of the render."""
        assert self.values is not None
        for method in self._of("replace"):
            found = call(method, self.values, doc=doc, shown=shown, where=where, texture=texture)
            if found is not None:
                return found
        return None

    def over(self, doc: Document, where: Squares) -> Document:
        assert self.values is not None
        for method in self._of("over"):
            doc = call(method, self.values, doc=doc, where=where)
        return doc

    def badges(self, doc: Document, corner: ImVec2) -> None:
        assert self.values is not None
        for method in self._of("badge"):
            corner = ImVec2(corner.x, corner.y + call(method, self.values, doc=doc, corner=corner))

    def labels(self, doc: Document, where: Squares) -> float:
        """Height of the highest plate in the lower right corner."""
        assert self.values is not None
        values = self.values
        return max((call(method, values, doc=doc, where=where) for method in self._of("labels")), default=0.0)
