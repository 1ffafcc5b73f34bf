"""What a panel is given beside the document: the world at this GUI frame, and a way to ask for more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import RenderResult, Tier
from viewer.gl.underlay import Underlaid
from viewer.jobs.tasks import Tasks
from viewer.render_client.events import WorkerStatus
from viewer.state.query_cache import Answers
from viewer.state.document import ChannelView, Document
from viewer.state.export_desk import Exports
from viewer.state.final_view import FINAL, RAW
from viewer.state.frames import FrameStore
from viewer.state.ray_queries import Inspections, RayQuestion
from viewer.state.key_map import KeyMap
from viewer.state.latent_walk import Walk
from viewer.state.linked import Linked
from viewer.state.presets import Presets
from viewer.state.second_view import SecondView
from viewer.state.shown_map import MapCache, ShownMap
from viewer.state.workspace import Workspace
from viewer.state.work import Work
from viewer.state.actions import Action
from viewer.state.camera_glide import CameraGlide
from viewer.widgets.histogram import Histogram, HistogramCache
from viewer.widgets.inputs import Inputs
from viewer.features.mesh.stage import MeshStage
from viewer.widgets.theme import Theme
from viewer.widgets.ticks import nice_ticks


@dataclass(frozen=True)
class Timing:
    """One finished frame in the history: total milliseconds, tier and edge in pixels."""

    ms: float
    tier: Tier
    edge: int


@dataclass
class Viewport:
    """Where the picture lies on the screen; the viewport panel writes it, the scheduler and overlays read it.

    drawn: the map that lies under the cursor (A, or the difference); beside: the map of B, if there is one.
    edge_px: edge of the square picture in framebuffer pixels. hover: image coordinates in [0, 1] of the
    cursor, y down. see_through: the panel has no ground, what is drawn into the window before the GUI shows;
    underlaid: what to draw there in this frame. moving_fps: GUI frames per second that something which moves
    by itself asked for in this frame.
    """

    edge_px: int = 0
    hover: tuple[float, float] | None = None
    texture: int = 0
    see_through: bool = False
    underlaid: Underlaid | None = None
    origin: tuple[float, float] = (0.0, 0.0)
    size: float = 0.0
    held: str = ""
    drawn: ShownMap | None = None
    beside: ShownMap | None = None
    histograms: HistogramCache = field(default_factory=HistogramCache)
    maps: MapCache = field(default_factory=MapCache)
    linked: Linked = field(default_factory=Linked)
    glide: CameraGlide = field(default_factory=CameraGlide)
    moving_fps: float = 0.0


@dataclass(frozen=True)
class ShownRange:
    """Colour map range of the shown channel, in its unit."""

    low: float
    high: float


@dataclass(frozen=True)
class PanelContext:
    """Read-only but for `viewport` and `emit`. `info` is None until a checkpoint is open."""

    info: CheckpointInfo | None
    frames: FrameStore
    rays: Inspections
    answers: Answers
    tasks: Tasks
    keys: KeyMap
    inputs: Inputs
    presets: Presets
    exports: Exports
    walk: Walk
    workspace: Workspace
    mesh: MeshStage
    questions: tuple[RayQuestion, ...]
    status: WorkerStatus
    theme: Theme
    viewport: Viewport
    history: tuple[Timing, ...]
    recent: tuple[str, ...]
    opening: str
    dialog_available: bool
    present: Callable[[ShownMap, ChannelView, ShownRange, int, int], int]
    second: SecondView
    emit: Callable[[Action], None]
    now: float
    work: tuple[Work, ...] = ()

    def stale(self, mark: tuple[float, float]) -> bool:
        """Whether the report of a mark belongs to another view than the present one."""
        return not any(q.mark == mark and self.rays.is_fresh(q) for q in self.questions)

    @property
    def result(self) -> RenderResult | None:
        """Record of the picture on the screen."""
        return self.frames.result

    def channel(self, name: str) -> ChannelInfo | None:
        """Description of channel `name` of the open checkpoint."""
        if self.info is None:
            return None
        return next((c for c in self.info.channels if c.name == name), None)

    def shown_channel(self, doc: Document) -> ChannelInfo | None:
        """The channel that can be drawn now: the document's, or colour (finished, else raw) while the other is still on its
        way.
        """
        return next((self.channel(n) for n in (doc.view.channel, FINAL, RAW) if self.channel(n) and n in self.frames.arrays), None)

    def shown_map(self, doc: Document) -> ShownMap | None:
        """The picture as it is drawn; None while there is none."""
        channel = self.shown_channel(doc)
        if channel is None:
            return None
        view = doc.view.of(channel.name, channel)
        return self.viewport.maps.of(self.frames.version, channel, view, self.frames.arrays, self.result)

    def shown_range(self, doc: Document, channel: ChannelInfo) -> ShownRange:
        """Range of the colour map: the extremes of the picture, or the fixed one of the document."""
        view = doc.view.of(channel.name, channel)
        low, high = view.low, view.high
        if view.auto_range:
            shown = self.shown_map(doc)
            low, high = shown.extremes if shown is not None and shown.channel.name == channel.name else (0.0, 1.0)
        return ShownRange(low, high if high > low else low + 1e-6)

    def histogram(self, doc: Document, channel: ChannelInfo) -> Histogram | None:
        """Histogram of a scalar map over its shown range; None while there is no picture of it."""
        shown = self.shown_map(doc)
        if shown is None or shown.channel.name != channel.name or shown.values.ndim != 2:
            return None
        span = self.shown_range(doc, channel)
        return self.viewport.histograms.of(shown.version, channel.name, shown.values, span.low, span.high)

    def marked(self, doc: Document) -> float | None:
        """Value of a scalar map under the cursor."""
        shown, hover = self.shown_map(doc), self.viewport.hover
        if shown is None or hover is None or shown.values.ndim != 2:
            return None
        height, width = shown.values.shape
        found = shown.at(int(hover[0] * width), int(hover[1] * height))
        return None if found is None else found[0]

    def iso_step(self, doc: Document, channel: ChannelInfo) -> float:
        """Distance of iso-lines in the channel's unit; 0 = none."""
        return iso_step_of(doc.view.of(channel.name, channel), self.shown_range(doc, channel))


def iso_step_of(view: ChannelView, span: ShownRange) -> float:
    """Distance of iso-lines in the map's unit: the user's, or a round tenth of the range; 0 = none."""
    if not view.iso:
        return 0.0
    if view.iso_step is not None:
        return view.iso_step
    ticks = nice_ticks(span.low, span.high, 12)
    return ticks[1] - ticks[0] if len(ticks) > 1 else span.high - span.low
