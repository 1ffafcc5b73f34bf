"""What a panel is given beside the document: the world at this GUI frame, and a way to ask for more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import RenderResult, Tier
from viewer.render_client.events import WorkerStatus
from viewer.state.document import ChannelView, Document
from viewer.state.frame_store import FrameStore
from viewer.ui.actions import Action
from viewer.ui.histogram import Histogram, HistogramCache
from viewer.ui.theme import Theme


@dataclass(frozen=True)
class Timing:
    """One finished frame in the history: total milliseconds, tier and edge in pixels."""

    ms: float
    tier: Tier
    edge: int


@dataclass
class Viewport:
    """Where the picture lies on the screen; the viewport panel writes it, the scheduler and overlays read it.

    edge_px: edge of the square picture in framebuffer pixels. hover: image coordinates in [0, 1] of the
    cursor, y down.
    """

    edge_px: int = 0
    hover: tuple[float, float] | None = None
    texture: int = 0
    origin: tuple[float, float] = (0.0, 0.0)
    size: float = 0.0
    held: str = ""
    histograms: HistogramCache = field(default_factory=HistogramCache)


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
    status: WorkerStatus
    theme: Theme
    viewport: Viewport
    history: tuple[Timing, ...]
    recent: tuple[str, ...]
    opening: str
    dialog_available: bool
    present: Callable[[str, np.ndarray, ChannelInfo, ChannelView, ShownRange, int], int]
    emit: Callable[[Action], None]
    now: float

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
        """The channel that can be drawn now: the document's, or colour while the other is still on its
        way.
        """
        wanted = self.channel(doc.view.channel)
        if wanted is not None and wanted.name in self.frames.arrays:
            return wanted
        return self.channel("rgb") if "rgb" in self.frames.arrays else None

    def shown_range(self, doc: Document, channel: ChannelInfo) -> ShownRange:
        """Range of the colour map: the extremes of the picture, or the fixed one of the document."""
        view = doc.view.of(channel.name, channel)
        if view.auto_range:
            low, high = self._extremes(channel.name)
        else:
            low, high = view.low, view.high
        return ShownRange(low, high if high > low else low + 1e-6)

    def histogram(self, doc: Document, channel: ChannelInfo) -> Histogram | None:
        """Histogram of a scalar channel over its shown range; None while there is no picture of it."""
        values = self.frames.arrays.get(channel.name)
        if values is None or values.ndim != 2:
            return None
        shown = self.shown_range(doc, channel)
        return self.viewport.histograms.of(self.frames.version, channel.name, values, shown.low, shown.high)

    def _extremes(self, name: str) -> tuple[float, float]:
        result = self.result
        if result is not None and self.frames.averaged <= 1:
            for frame in result.frames:
                if frame.name == name and frame.high > frame.low:
                    return frame.low, frame.high
        return self.frames.extremes(name)
