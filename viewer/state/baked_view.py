"""Which picture is on the screen: the renderer's exact one, or the baked volume while the view moves.

Exact pictures are shown where the renderer makes them at the display's rate, and wherever the view rests and its
picture is there. Otherwise the baked volume of just this latent stands in, and its picture fades over into the exact one.
Pure: times are arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Literal

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import RenderRequest, Tier
from viewer.state.document import Document
from viewer.state.final_view import FINAL, RAW

BakedMap = Literal["rgb", "normal", "depth", "opacity"]
MAPS: dict[str, BakedMap] = {
    FINAL: "rgb",
    RAW: "rgb",
    "normal": "normal",
    "depth": "depth",
    "opacity": "opacity",
}
"""Channels that a baked volume has, and its name for them."""
DISPLAY_MS = 1000.0 / 60.0
"""An exact picture that takes no longer is shown while the view moves, too."""
FADE_S = 0.15
LEVELS = (128, 256)
"""Cells per edge of the volumes of a view: the first is soon there, the last shows small things."""
LATENT_REST_S = 0.2
"""A latent that changes sooner is not worth a volume."""
WALK_LEVEL = 64
"""Cells per edge of the volumes of a walk, each of another head: to be there soon is worth more than small things."""
BUDGET_MS = 28.0
"""Time of one frame that drawing a volume may take; the GUI needs about as much with software OpenGL."""
SHARES = (1.0, 0.85, 0.7, 0.6, 0.5, 0.5)
"""Edges of the drawn picture in that of the viewport; at the last one the coarse volume is drawn."""
COARSE_COST = 0.75
"""Time of a picture of the coarse volume in that of the fine one (128³ and 256³ of the demo, software OpenGL)."""
TIMED = 8
"""One picture of so many is timed, beside the first ones of a size: to time one, the window waits for it."""
RESTING_S = 0.12
"""A volume that still stands in after so long without motion is drawn at the full size."""
LONGEST_FRAME_S = 0.5
"""Frames that lie further apart belong to no motion."""


def has_map(doc: Document) -> bool:
    """Whether a volume shows what the document does: one of its maps, plainly, and nothing beside or over it."""
    view = next((v for v in doc.view.channel_views if v.name == doc.view.channel), None)
    plain = view is None or (view.component == "all" and view.frame == "world")
    colour = MAPS.get(doc.view.channel) == "rgb"
    return (
        doc.quality.baked
        and doc.view.channel in MAPS
        and plain
        and doc.compare.mode == "off"
        and doc.mesh_mode == "off"
        and doc.planes.cell is None
        and not (colour and doc.view_dirs == "camera")
    )


def is_of(question: BakeQuestion | None, doc: Document) -> bool:
    """Whether a volume is of the document's own head."""
    return question is not None and (question.checkpoint, question.latent) == (doc.checkpoint, doc.latent)


def is_exact(base: RenderRequest | None, doc: Document) -> bool:
    """Whether the picture that began with `base` is a whole one of the document's view."""
    return (
        base is not None
        and base.tier in (Tier.FULL, Tier.REFINED)
        and (base.checkpoint, base.camera, base.latent) == (doc.checkpoint, doc.camera, doc.latent)
        and doc.view.channel in base.channels
    )


def rest_of(frame_s: float) -> float:
    """Seconds without motion after which the hand rests, where frames take `frame_s`: on a busy machine a hand that moves on may
    leave out a frame, and a picture of the full size in the middle of a drag would hold it up.
    """
    return max(RESTING_S, 2.5 * frame_s) if frame_s < LONGEST_FRAME_S else RESTING_S


class Fade:
    """From the baked picture to the exact one; the exact picture is drawn over what is there, more of it each time."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._share = 1.0

    def baked(self) -> None:
        """The baked picture is on the screen now."""
        self._since, self._share = None, 0.0

    @property
    def over(self) -> bool:
        return self._share >= 1.0

    def step(self, now: float) -> float:
        """Opacity with which the exact picture goes over what the last step left; 1 when the fade is over."""
        if self.over:
            return 1.0
        if self._since is None:
            self._since = now - 1.0 / 60.0
        before, self._share = self._share, min((now - self._since) / FADE_S, 1.0)
        return 1.0 if self.over else (self._share - before) / (1.0 - before)


class BakedSizer:
    """How large a moving picture of the volume is drawn, of `SHARES`, by the time that the last ones took."""

    def __init__(self, slow: bool) -> None:
        """slow: OpenGL is software: begin small."""
        self._at = 2 if slow else 0
        self._times: list[float] = []
        self._drawn = 0

    @property
    def share(self) -> float:
        return SHARES[self._at]

    @property
    def coarse(self) -> bool:
        """Whether the coarse volume is to be drawn where the fine one is there, too."""
        return self._at == len(SHARES) - 1

    def is_timed(self) -> bool:
        """Whether the picture that is drawn now is to be timed."""
        self._drawn += 1
        return len(self._times) < 3 or self._drawn % TIMED == 0

    def measured(self, ms: float) -> None:
        """A picture of the present share took `ms`."""
        self._times = [*self._times[-2:], ms]
        if len(self._times) < 3:
            return
        typical = median(self._times)
        if typical > 1.2 * BUDGET_MS and self._at < len(SHARES) - 1:
            self._at += 1
        elif self._at > 0 and typical * _cost(self._at - 1) / _cost(self._at) < 0.85 * BUDGET_MS:
            self._at -= 1
        else:
            return
        self._times.clear()


def _cost(at: int) -> float:
    """Time of a picture, up to a factor."""
    return SHARES[at] ** 2 * (COARSE_COST if at == len(SHARES) - 1 else 1.0)


@dataclass
class BakeWishes:
    """Which volume is asked for next: of the view's latent once that rests, coarse first; on a walk one head after the other.

    asked: what the renderer was told last, under `number`. got: the volume that came last.
    """

    asked: BakeQuestion | None = None
    number: int = -1
    got: BakeQuestion | None = None
    _failed: BakeQuestion | None = None
    _latent: object = None
    _since: float = 0.0

    def next(
        self, doc: Document, info: CheckpointInfo | None, now: float, walking: bool = False
    ) -> BakeQuestion | None:
        """What is wanted now; None = nothing. walking: the latent goes on by itself, and what is under way is waited for."""
        if info is None or info.path != doc.checkpoint or not doc.quality.baked:
            return None
        if doc.latent != self._latent:
            self._latent, self._since = doc.latent, now
        if walking:
            return self.asked or self._wish(doc, WALK_LEVEL)
        if now - self._since < LATENT_REST_S:
            return None
        level = next((n for n in LEVELS if n > self._level(doc)), None)
        return None if level is None else self._wish(doc, level)

    def _level(self, doc: Document) -> int:
        """Cells per edge of the volume of this head that is there; 0 = none."""
        return self.got.level if self.got is not None and is_of(self.got, doc) else 0

    def _wish(self, doc: Document, level: int) -> BakeQuestion | None:
        wish = BakeQuestion(
            checkpoint=doc.checkpoint, latent=doc.latent, level=level, precision=doc.quality.precision
        )
        return None if wish == self._failed or self._level(doc) >= level else wish

    def wait_s(self, now: float) -> float | None:
        """Seconds until `next` may want something although nothing changed; None = it would say so already."""
        left = self._since + LATENT_REST_S - now
        return left if left > 0.0 else None

    def sent(self, wish: BakeQuestion | None, number: int) -> None:
        self.asked, self.number = wish, number

    def came(self, number: int) -> BakeQuestion | None:
        """The question that a volume answers; None if another one has been asked since."""
        if number != self.number or self.asked is None:
            return None
        self.got, self.asked = self.asked, None
        return self.got

    def failed(self, number: int) -> None:
        if number == self.number:
            self._failed, self.asked = self.asked, None

    def forget(self) -> None:
        """Another checkpoint, or the same file with other content."""
        self.asked, self.number, self.got, self._failed, self._latent = None, -1, None, None, None
