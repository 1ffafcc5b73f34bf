"""The baked volume of the window: taken in without a hitch, drawn while the view moves, faded into the exact picture."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core_model.schema.camera import OrbitPose
from core_model.schema.latent import LatentSpec
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import RenderRequest
from viewer.render_client.events import BakedReady
from viewer.state.baked_view import MAPS, BakedSizer, Fade, is_exact, rest_of
from viewer.state.document import Document

if TYPE_CHECKING:
    from viewer.gl.baked_volume import BakedVolume, VolumeTexels, VolumeTextures
    from viewer.gl.presenter import Presentation, Presenter

WARM_EDGE = 64
"""Of the pictures that have the driver compile what the first drag needs, pixels."""


@dataclass(frozen=True)
class _Volume:
    question: BakeQuestion
    textures: VolumeTextures


class BakedStage:
    """Made for one window; every method but `offer` needs its OpenGL context.

    camera: of the baked picture on the screen; None while an exact one is there.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="triscope-baked")
        self._made: tuple[BakeQuestion, Future[VolumeTexels]] | None = None
        self._coming: _Volume | None = None
        self._shown: _Volume | None = None
        self._coarse: _Volume | None = (
            None  # of the same head, kept where OpenGL may be too slow for the fine one
        )
        self._drawn: _Volume | None = None
        self._gl: BakedVolume | None = None
        self._sizer: BakedSizer | None = None
        self._key: object = None
        self._moved_at, self._presented_at, self._rest_s = 0.0, 0.0, rest_of(0.0)
        self.fade = Fade()
        self.camera: OrbitPose | None = None
        self.draws = 0

    @property
    def question(self) -> BakeQuestion | None:
        """The volume that can be drawn now."""
        return None if self._shown is None else self._shown.question

    @property
    def head(self) -> LatentSpec | None:
        """Of the volume that can be drawn now."""
        return None if self._shown is None else self._shown.question.latent

    @property
    def label(self) -> str:
        """What the overlay says of the picture on the screen; "" where it is exact."""
        return "" if self.camera is None or self._drawn is None else f"baked {self._drawn.question.level}³"

    @property
    def busy(self) -> bool:
        """Whether a volume is being taken in, a part per frame."""
        return self._made is not None or self._coming is not None

    def offer(self, question: BakeQuestion, volume: BakedReady) -> None:
        """A volume came; its tables are made beside the frames."""
        from viewer.gl.baked_volume import VolumeTexels

        made = self._thread.submit(VolumeTexels.of, volume.spec, volume.arrays)
        made.add_done_callback(lambda _: self._wake())
        self._made = (question, made)

    def take_in(self) -> None:
        """A part of what came last goes to the graphics card; when it is there and drawn once, it replaces the volume before."""
        from viewer.gl.baked_volume import BakedVolume, VolumeTextures
        from viewer.gl.program import is_software

        if self._made is not None and self._made[1].done():
            question, made = self._made
            self._made = None
            if self._coming is not None:
                self._coming.textures.delete()
            self._coming = _Volume(question, VolumeTextures(made.result()))
            return
        if self._coming is None or not self._coming.textures.upload():
            return
        if self._gl is None:
            self._gl = BakedVolume()
            self._sizer = BakedSizer(slow=is_software())
        for shown in ("rgb", "normal"):
            self._gl.draw(self._coming.textures, OrbitPose(), WARM_EDGE, shown)
        self._keep_coarse(self._coming.question)
        self._shown, self._coming, self._key = self._coming, None, None

    def _keep_coarse(self, coming: BakeQuestion) -> None:
        """What was shown stays beside a finer volume of the same head with software OpenGL, else nothing stays."""
        from viewer.gl.program import is_software

        if self._coarse is not None:
            self._coarse.textures.delete()
        self._coarse = self._drawn = None
        if self._shown is None:
            return
        same = self._shown.question == coming.replace(level=self._shown.question.level)
        if is_software() and same and self._shown.question.level < coming.level:
            self._coarse = self._shown
        else:
            self._shown.textures.delete()

    def present(
        self, doc: Document, base: RenderRequest | None, presenter: Presenter, how: Presentation, now: float
    ) -> int:
        """Draws the document's view from the volume, which is of its head or of the last one of a walk; 0 where its exact picture is
        there.
        """
        if self._shown is None or self._gl is None or self._sizer is None or is_exact(base, doc):
            self.camera = None
            return 0
        if doc.camera != self.camera:
            self._moved_at, self._rest_s = now, rest_of(now - self._presented_at)
        self._presented_at = now
        resting = now - self._moved_at > self._rest_s
        edge = how.width if resting else max(16, round(how.width * self._sizer.share))
        drawn = (
            self._coarse if self._coarse is not None and self._sizer.coarse and not resting else self._shown
        )
        key = (id(drawn), doc.camera, doc.view.channel, doc.background, edge)
        self.camera = doc.camera
        self.fade.baked()
        if key != self._key:
            # to wait for the driver would keep the panels from being drawn beside it
            timed = not resting and self._sizer.is_timed()
            if timed:
                self._gl.finish()
            started = time.perf_counter()
            shown = MAPS[doc.view.channel]
            self._gl.draw(drawn.textures, doc.camera, edge, shown, doc.background)
            self._key, self._drawn = key, drawn
            presenter.draw_map(("baked", key), self._gl.map_texture, edge, how)
            self.draws += 1
            if timed:
                self._gl.finish()
                self._sizer.measured(1e3 * (time.perf_counter() - started))
            else:
                self._gl.flush()
        return presenter.draw_map(("baked", key), self._gl.map_texture, edge, how)

    def rests_s(self, now: float) -> float | None:
        """Seconds until the volume on the screen wants to be drawn at the full size; None = it is, or is not shown."""
        if self.camera is None:
            return None
        left = self._moved_at + self._rest_s - now
        return left + 0.005 if left > -0.05 else None

    def forget(self) -> None:
        """Another checkpoint: no volume is of its heads."""
        for volume in (self._shown, self._coming, self._coarse):
            if volume is not None:
                volume.textures.delete()
        self._shown = self._coming = self._coarse = self._drawn = self._made = None
        self.camera, self._key = None, None

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        self.forget()
        if self._gl is not None:
            self._gl.delete()
            self._gl = None
