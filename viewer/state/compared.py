"""All pictures of a comparison: those that are rendered, the photos, and how far A and B are apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import ErrorInfo, RenderRequest, RenderResult
from viewer.state.compare_requests import shown_in
from viewer.state.comparison import MOST_TILES, Source
from viewer.state.document import Document
from viewer.state.final_view import FINAL, RAW
from viewer.state.frames import FrameStore
from viewer.state.photos import Photos
from viewer.state.second_view import Apart, SecondView, apart, difference
from viewer.state.shown_map import ShownMap

FIRST_SLOT = 4
"""Of the textures; those before it are the view's, the difference's and the mesh's."""
PHOTO_EDGE = 1024


@dataclass(frozen=True)
class ChannelApart:
    """Difference of A and B in one channel: mean and 99th percentile in `unit`."""

    channel: ChannelInfo
    mean: float
    high: float
    unit: str


class Compared:
    """One `SecondView` for each tile; the view's own tile uses none. One request is under way at a time."""

    def __init__(self) -> None:
        self.views = tuple(SecondView(FIRST_SLOT + i) for i in range(MOST_TILES))
        self.photos = Photos()
        self._tiles: tuple[Source, ...] = ()
        self._apart: tuple[tuple[object, ...], Apart | None] | None = None
        self._channels: tuple[tuple[object, ...], tuple[ChannelApart, ...]] | None = None

    # What is asked for

    def follow(self, doc: Document) -> None:
        """Pictures go with their tiles where these change places."""
        tiles = doc.compare.tiles
        if tiles == self._tiles:
            return
        before, left = self._tiles, list(self.views)
        taken: list[SecondView | None] = []
        for index, source in enumerate(tiles):
            same = [i for i, s in enumerate(before) if s == source and self.views[i] in left]
            at = index if index in same else same[0] if same else None
            taken.append(None if at is None else self.views[at])
            if at is not None:
                left.remove(self.views[at])
        for index, view in enumerate(taken):
            if view is None:  # the tile itself was changed: its picture is replaced when the next one comes
                own = self.views[index]
                taken[index] = own if own in left else left[0]
                left.remove(taken[index])  # type: ignore[arg-type]
        self.views = (*(v for v in taken if v is not None), *left)
        self._tiles = tiles

    def rendered(self, doc: Document) -> list[tuple[Source, SecondView]]:
        """The tiles on the screen that are rendered, references last: they take many passes."""
        self.follow(doc)
        found = [(s, v) for s, v in zip(doc.compare.shown, self.views, strict=False) if s.is_rendered]
        return sorted(found, key=lambda one: one[0].what == "reference")

    def next(
        self, doc: Document, info: CheckpointInfo, view: RenderRequest, resting: bool
    ) -> RenderRequest | None:
        """The next request; see `SecondView.next`."""
        if self.pending is not None:
            return None
        for source, one in self.rendered(doc):
            request = one.next(source, doc, info, view, resting)
            if request is not None:
                return request
        return None

    @property
    def pending(self) -> RenderRequest | None:
        """What is under way."""
        return next((v.pending for v in self.views if v.pending is not None), None)

    def take(self, result: RenderResult, arrays: dict[str, np.ndarray]) -> SecondView | None:
        """The picture whose answer this was."""
        return next((v for v in self.views if v.take(result, arrays)), None)

    def preempted(self) -> None:
        """See `SecondView.preempted`."""
        for view in self.views:
            view.preempted()

    def wanted(self, doc: Document, info: CheckpointInfo, view: RenderRequest) -> bool:
        """Whether what is under way is still what the document asks for."""
        return any(
            one.pending is not None and one.wanted(source, doc, info, view)
            for source, one in self.rendered(doc)
        )

    def computing(self, doc: Document) -> bool:
        """Whether a picture that the document asks for is not there yet."""
        return any(view.computing(source) for source, view in self.rendered(doc))

    def empty(self, doc: Document) -> bool:
        """Whether there is nothing yet of a tile."""
        return any(not view.is_of(source) for source, view in self.rendered(doc))

    def error(self, index: int) -> ErrorInfo | None:
        return self.views[index].error

    def clear(self) -> None:
        """Another checkpoint is open."""
        for view in self.views:
            view.clear()
        self._apart = self._channels = None

    # What is there

    def store(self, doc: Document, index: int, own: FrameStore) -> FrameStore | None:
        """Frames of a tile; None for a photo, and before there are any. own: of the window's view."""
        self.follow(doc)
        source = doc.compare.tiles[index]
        if source.what in ("view", "photo"):
            return own if source.what == "view" else None
        view = self.views[index]
        return view.frames if view.is_of(source) else None

    def map_of(
        self, doc: Document, index: int, channels: tuple[ChannelInfo, ...], own: FrameStore
    ) -> ShownMap | None:
        """The map that a rendered tile or a photo shows; None until it is there."""
        self.follow(doc)
        source, view = doc.compare.tiles[index], self.views[index]
        described = {c.name: c for c in channels}
        if source.what == "photo":
            pixels, colour = self.photo(source, own), described.get(FINAL)
            if pixels is None or colour is None:
                return None
            look = doc.view.of(FINAL, colour)
            return view.maps.of(0, colour.replace(title="Photo"), look, {FINAL: pixels}, None)
        if not view.is_of(source):
            return None
        name, arrays = shown_in(source, doc), view.frames.arrays
        if name == FINAL and FINAL not in arrays:  # both move in raw colours
            name = RAW
        if name not in described or name not in arrays:
            return None
        look = doc.view.of(name, described[name]).replace(outline=False)
        return view.maps.of(view.frames.version, described[name], look, arrays, view.frames.result)

    def photo(self, source: Source, own: FrameStore) -> np.ndarray | None:
        """Pixels [3, E, E] at the size of the view's colours, so that they can be subtracted."""
        colours = next((own.arrays[n] for n in (FINAL, RAW) if n in own.arrays), None)
        return self.photos.at(source.photo, PHOTO_EDGE if colours is None else colours.shape[-1])

    def matches(self, doc: Document, view: RenderResult | None) -> bool:
        """Whether all rendered tiles show the view's camera and size (while turning they may be one step behind)."""
        if view is None or view.request is None:
            return False
        for source, one in self.rendered(doc):
            b = one.frames.result
            if not one.is_of(source) or b is None or b.request is None:
                return False
            if view.request.camera != b.request.camera or (view.width, view.height) != (b.width, b.height):
                return False
        return True

    def accumulated(self, index: int) -> float:
        return self.views[index].accumulated()

    def apart(self, doc: Document, own: FrameStore) -> Apart | None:
        """How far A's colour is from B's; None where they cannot be compared."""
        key = self._key(doc, own)
        if self._apart is None or self._apart[0] != key:
            a, b = (self._colours(doc, index, own) for index in (0, 1))
            both = a is not None and b is not None and a.shape == b.shape and self._aligned(doc, own)
            self._apart = (key, apart(a, b) if both else None)  # type: ignore[arg-type]
        return self._apart[1]

    def by_channel(
        self, doc: Document, channels: tuple[ChannelInfo, ...], own: FrameStore
    ) -> tuple[ChannelApart, ...]:
        """A against B in every channel that both have at the same size."""
        key = self._key(doc, own)
        if self._channels is None or self._channels[0] != key:
            self._channels = (key, self._measured(doc, channels, own) if self._aligned(doc, own) else ())
        return self._channels[1]

    def _key(self, doc: Document, own: FrameStore) -> tuple[object, ...]:
        self.follow(doc)
        a, b = doc.compare.tiles[:2]
        photos = tuple(id(self.photo(s, own)) for s in (a, b) if s.what == "photo")
        return (a, b, own.version, self.views[0].frames.version, self.views[1].frames.version, photos)

    def _aligned(self, doc: Document, own: FrameStore) -> bool:
        """Whether A and B are of one camera; a photo has none."""
        if any(s.what == "channel" for s in doc.compare.tiles[:2]):
            return False
        stores = [self.store(doc, i, own) for i in (0, 1)]
        cameras = {
            str(s.result.request.camera)
            for s in stores
            if s is not None and s.result is not None and s.result.request is not None
        }
        return len(cameras) <= 1

    def _colours(self, doc: Document, index: int, own: FrameStore) -> np.ndarray | None:
        source, store = doc.compare.tiles[index], self.store(doc, index, own)
        if source.what == "photo":
            return self.photo(source, own)
        if store is None:
            return None
        other = self.store(doc, 1 - index, own)
        both = [n for n in (FINAL, RAW) if n in store.arrays and (other is None or n in other.arrays)]
        return store.arrays[both[0]] if both else None

    def _measured(
        self, doc: Document, channels: tuple[ChannelInfo, ...], own: FrameStore
    ) -> tuple[ChannelApart, ...]:
        arrays = []
        for index in (0, 1):
            source, store = doc.compare.tiles[index], self.store(doc, index, own)
            pixels = self.photo(source, own) if source.what == "photo" else None
            arrays.append(store.arrays if store is not None else {} if pixels is None else {FINAL: pixels})
        a, b = arrays
        found = []
        for channel in channels:
            name = channel.name
            if name in a and name in b and a[name].shape == b[name].shape:
                values = difference(a[name], b[name], channel.kind)
                values = values[np.isfinite(values)]
                if values.size:
                    high = float(np.percentile(values, 99.0))
                    found.append(ChannelApart(channel, float(values.mean()), high, unit_of(channel)))
        return tuple(found)


def unit_of(channel: ChannelInfo) -> str:
    """Unit of a difference of two maps of this kind."""
    return {"direction": "degrees", "colour": ""}.get(channel.kind, channel.unit)
