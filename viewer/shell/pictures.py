"""The pictures of one window: maps of the renderer and of the baked volume, drawn into textures that panels show."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from viewer.shell.baked_stage import BakedStage
from viewer.shell.coordinator import RenderCoordinator
from viewer.state.document import ChannelView, Document
from viewer.state.shown_map import ShownMap
from viewer.widgets.feature import RequestFrames
from viewer.widgets.shown_picture import ShownRange, iso_step_of
from viewer.widgets.theme import Theme

if TYPE_CHECKING:
    from viewer.gl.presenter import Presentation, Presenter

FADING = 60.0
"""Frames per second while a baked picture fades into the exact one."""


class Pictures:
    """Owns a presenter for each slot: 0 is the viewport's picture, others what is compared with it.

    theme: of this frame, set before the panels draw.
    """

    def __init__(
        self, coordinator: RenderCoordinator, baked: BakedStage, request_frames: RequestFrames
    ) -> None:
        self._coordinator, self._baked, self._request_frames = coordinator, baked, request_frames
        self._presenters: dict[int, Presenter] = {}
        self.theme: Theme | None = None

    def present(self, shown: ShownMap, view: ChannelView, span: ShownRange, edge: int, slot: int = 0) -> int:
        """Draws a map into the texture of `slot`, `edge`² framebuffer pixels; returns its GL name."""
        opacity = 1.0
        if slot == 0:
            opacity = self._baked.fade.step(time.monotonic())
            if not self._baked.fade.over:
                self._request_frames(FADING)
        how = self._presentation(shown, view, span, edge)
        return self._presenter(slot).draw(shown.version, shown.values, how, shown.chosen, opacity)

    def stand_in(
        self, doc: Document, shown: ShownMap, view: ChannelView, span: ShownRange, edge: int
    ) -> tuple[int, str]:
        """See `StandIn`."""
        control, how = self._coordinator, self._presentation(shown, view, span, edge)
        if not control.stands_in(self._baked.question, doc, edge):
            self._baked.camera = None
            return 0, ""
        texture = self._baked.present(doc, control.frames.base, self._presenter(0), how, time.monotonic())
        return texture, self._baked.label

    def _presenter(self, slot: int) -> Presenter:
        from viewer.gl.presenter import Presenter

        if slot not in self._presenters:
            self._presenters[slot] = Presenter()
        return self._presenters[slot]

    def _presentation(self, shown: ShownMap, view: ChannelView, span: ShownRange, edge: int) -> Presentation:
        from viewer.gl.presenter import Presentation

        theme = self.theme
        assert theme is not None
        return Presentation(
            kind=shown.channel.kind,
            width=edge,
            height=edge,
            colormap=view.colormap,
            low=span.low,
            high=span.high,
            invert=view.invert,
            checker_dark=theme.palette.checker_dark,
            checker_light=theme.palette.checker_light,
            checker_size=max(round(0.6 * theme.em), 4),
            iso_step=iso_step_of(view, span) if shown.values.ndim == 2 else 0.0,
        )

    def read(self) -> np.ndarray | None:
        """[H, W, 3] uint8 of the viewport's picture; None before the first. Needs the window's context."""
        return self._presenters[0].read() if 0 in self._presenters else None

    def close(self) -> None:
        """Frees the GL objects."""
        for presenter in self._presenters.values():
            presenter.delete()
        self._presenters.clear()
