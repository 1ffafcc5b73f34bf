"""The displayed picture as panels read it: its maps, their ranges and statistics, the value under the cursor."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from core_model.schema.camera import OrbitPose
from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderResult
from viewer.state.document import ChannelView, Document
from viewer.state.final_view import FINAL, RAW
from viewer.state.frames import FrameStore
from viewer.state.screen import PicturePlace
from viewer.state.shown_map import MapCache, ShownMap
from viewer.widgets.histogram import Histogram, HistogramCache
from viewer.widgets.ticks import nice_ticks


@dataclass(frozen=True)
class ShownRange:
    """Colour map range of the shown channel, in its unit."""

    low: float
    high: float


class Present(Protocol):
    """Draws maps into textures; each `slot` has its own."""

    def __call__(self, shown: ShownMap, view: ChannelView, span: ShownRange, edge: int, slot: int = 0) -> int:
        """The GL name of a texture with the map in it, `edge`² framebuffer pixels."""
        ...


class StandIn(Protocol):
    """Draws the document's view from its baked volume while the exact picture of it is not there."""

    def __call__(
        self, doc: Document, shown: ShownMap, view: ChannelView, span: ShownRange, edge: int
    ) -> tuple[int, str]:
        """(GL name of a texture of `edge`² framebuffer pixels, what the overlay calls it); (0, "") where the exact one is shown."""
        ...


@dataclass(frozen=True)
class ShownPicture:
    """info: of the open checkpoint, None before there is one.

    place: where the picture lies, and the cursor on it. seen_from: camera of the baked picture that stands in for the
    exact one now. seen_head: latent of the volume that it is drawn from.
    """

    info: CheckpointInfo | None
    frames: FrameStore
    place: PicturePlace
    maps: MapCache = field(default_factory=MapCache)
    histograms: HistogramCache = field(default_factory=HistogramCache)
    seen_from: OrbitPose | None = None
    seen_head: LatentSpec | None = None

    @cached_property
    def result(self) -> RenderResult | None:
        """Record of the picture on the screen; of a baked one with its camera and latent."""
        result = self.frames.result
        if self.seen_from is None or result is None or result.request is None:
            return result
        head = self.seen_head or result.request.latent
        request = result.request.model_copy(update={"camera": self.seen_from, "latent": head})
        matrix = tuple(self.seen_from.world_from_cam().reshape(-1).tolist())
        return result.model_copy(update={"request": request, "world_from_cam": matrix})

    def channel(self, name: str) -> ChannelInfo | None:
        """Description of channel `name` of the open checkpoint."""
        if self.info is None:
            return None
        return next((c for c in self.info.channels if c.name == name), None)

    def shown_channel(self, doc: Document) -> ChannelInfo | None:
        """The channel that can be drawn now: the document's, or colour (finished, else raw) until that is
        rendered.
        """
        names = (doc.view.channel, FINAL, RAW)
        return next((found for n in names if n in self.frames.arrays and (found := self.channel(n))), None)

    def shown_map(self, doc: Document) -> ShownMap | None:
        """The picture as it is drawn; None while there is none."""
        channel = self.shown_channel(doc)
        if channel is None:
            return None
        view = doc.view.of(channel.name, channel)
        return self.maps.of(self.frames.version, channel, view, self.frames.arrays, self.result)

    def shown_range(self, doc: Document, channel: ChannelInfo) -> ShownRange:
        """Range of the colour map: the extremes of the picture, or the fixed one of the document."""
        view = doc.view.of(channel.name, channel)
        low, high = view.low, view.high
        if view.auto_range:
            shown = self.shown_map(doc)
            low, high = (
                shown.extremes if shown is not None and shown.channel.name == channel.name else (0.0, 1.0)
            )
        return ShownRange(low, high if high > low else low + 1e-6)

    def histogram(self, doc: Document, channel: ChannelInfo) -> Histogram | None:
        """Histogram of a scalar map over its shown range; None while there is no picture of it."""
        shown = self.shown_map(doc)
        if shown is None or shown.channel.name != channel.name or shown.values.ndim != 2:
            return None
        span = self.shown_range(doc, channel)
        return self.histograms.of(shown.version, channel.name, shown.values, span.low, span.high)

    def marked(self, doc: Document) -> float | None:
        """Value of a scalar map under the cursor."""
        shown, hover = self.shown_map(doc), self.place.hover
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
