"""One picture beside the window's own: what is asked for it, and when.

Pure but for its frame store. A new view of the window's own picture goes first; this one follows each of the same pose, so that
both turn together, and goes before that one settles or is refined. A reference is accumulated pass by pass while the view rests,
and kept as truth until the view changes; then the curve is measured: the current sampler at a few sample counts against that truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import ErrorInfo, RenderRequest, RenderResult, Tier
from viewer.state.compare_requests import PASS_SPP, plain, reference_pass, request_for
from viewer.state.comparison import Source
from viewer.state.document import Document
from viewer.state.final_view import FINAL, RAW
from viewer.state.frames import FrameStore
from viewer.state.shown_map import MapCache

CURVE_SPP = (4, 8, 16, 32, 64, 128)


@dataclass(frozen=True)
class Apart:
    """PSNR [dB] of colour over all pixels, the worst 1 % and the worst 0.1 % of them (inf = equal)."""

    psnr: float
    worst_1: float
    worst_01: float


@dataclass(frozen=True)
class CurvePoint:
    spp: float
    apart: Apart


class SecondView:
    """`next` gives the next request, `take` accepts a result.

    slot: of its pictures' textures, its own for good. source: what the frames show, None before there are any.
    """

    def __init__(self, slot: int = 1) -> None:
        self.slot = slot
        self.frames = FrameStore()
        self.maps = MapCache()
        self.source: Source | None = None
        self.pending: RenderRequest | None = None
        self.curve: tuple[CurvePoint, ...] = ()
        self.error: ErrorInfo | None = None
        self._asked: Source | None = None
        self._plain: frozenset[str] = frozenset()
        self._own = ""
        self._goal: RenderRequest | None = None

    def next(
        self, source: Source, doc: Document, info: CheckpointInfo, view: RenderRequest, resting: bool
    ) -> RenderRequest | None:
        """The next request for the picture of `source`; None = nothing to ask.

        view: of the window's own picture that is shown; resting: that one is full and its view stays.
        """
        if not source.is_rendered or self.pending is not None:
            return None
        self._asked = source
        if source.what == "reference":
            return self._next_of_reference(source, doc, info, view) if resting else None
        self._own = view.checkpoint
        goal = self._goal_of(source, doc, info, view)
        if goal == self._goal or (
            view.tier is Tier.REFINED and self._goal is not None and _same_picture(goal, self._goal)
        ):
            return None
        self._goal = self.pending = goal
        return goal

    def take(self, result: RenderResult, arrays: dict[str, np.ndarray]) -> bool:
        """Whether this answer was its own."""
        if self.pending is None or result.request != self.pending:
            return False
        request, self.pending = self.pending, None
        self.error = result.error
        if (
            result.error is not None
            and result.error.kind == "input"
            and request.checkpoint != self._own
            and request != plain(request)
        ):
            # another family may lack this sampler or channel: ask once more for what every family has
            self._plain |= {request.checkpoint}
            self._goal = self.error = None
            return True
        if result.error is not None and result.error.kind != "cancelled":
            self.frames.clear()  # an earlier B must not be shown as this one
            return True
        if request.tier is not Tier.REFINED and self._goal is not None and self._goal.tier is Tier.REFINED:
            self._measure(request, result, arrays)
        else:
            self.frames.add(result, arrays)
            self.source = self._asked
        return True

    def preempted(self) -> None:
        """The view asked for another picture: what was under way is dropped by the worker."""
        if self.pending is not None:
            self.pending = None
            if self._goal is not None and self._goal.tier is not Tier.REFINED:
                self._goal = None

    def is_of(self, source: Source) -> bool:
        """Whether the picture that is there is one of `source`, perhaps with other settings."""
        return bool(self.frames.arrays) and self.source is not None and self.source.what == source.what

    def computing(self, source: Source) -> bool:
        """Whether the picture that is asked for is not there yet.

        While the view turns it is one step behind, not late.
        """
        if self.error is not None or not source.is_rendered:
            return False
        return not self.is_of(source) or (self.pending is not None and self.pending.tier is not Tier.MOVING)

    def wanted(self, source: Source, doc: Document, info: CheckpointInfo, view: RenderRequest) -> bool:
        """Whether what is under way is still what the document asks for."""
        if source.what == "reference":
            return self._goal == reference_pass(source, doc, info, view, 0)
        return self._goal == self._goal_of(source, doc, info, view)

    def _goal_of(
        self, source: Source, doc: Document, info: CheckpointInfo, view: RenderRequest
    ) -> RenderRequest:
        goal = request_for(source, doc, info, view)
        return plain(goal) if goal.checkpoint in self._plain else goal

    def clear(self) -> None:
        """Another checkpoint is open.

        The maps stay: their numbers name pictures in textures, and may not begin again.
        """
        maps = self.maps
        self.__init__(self.slot)
        self.maps = maps

    def accumulated(self) -> float:
        """Samples per ray that the reference holds by now."""
        result = self.frames.result
        if (
            result is None
            or result.request is None
            or self._goal is None
            or self._goal.tier is not Tier.REFINED
        ):
            return 0.0
        return self.frames.averaged * float(result.request.sampler.spp or 0.0)

    def _next_of_reference(
        self, source: Source, doc: Document, info: CheckpointInfo, view: RenderRequest
    ) -> RenderRequest | None:
        first = reference_pass(source, doc, info, view, 0)
        if self._goal != first:
            self._goal, self.curve, self.error = first, (), None
            self.frames.clear()
        if self.error is not None:
            return None  # the same pass would fail again; a change of the view tries anew
        spp = float(first.sampler.spp or PASS_SPP)
        if self.frames.averaged * spp < source.reference_spp:
            self.pending = reference_pass(source, doc, info, view, self.frames.averaged)
            return self.pending
        if not source.curve or len(self.curve) == len(CURVE_SPP):
            return None
        sampler = doc.sampler.replace(
            spp=float(CURVE_SPP[len(self.curve)]), low_budget=None, high_budget=None
        )
        self.pending = first.model_copy(
            update={"sampler": sampler, "tier": Tier.FULL, "seed": 0, "channels": (_colour_of(first),)}
        )
        return self.pending

    def _measure(self, request: RenderRequest, result: RenderResult, arrays: dict[str, np.ndarray]) -> None:
        colour = _colour_of(request)
        truth, rgb = self.frames.arrays.get(colour), arrays.get(colour)
        if result.error is None and truth is not None and rgb is not None and truth.shape == rgb.shape:
            point = CurvePoint(result.samples_per_pixel or float(request.sampler.spp or 0), apart(rgb, truth))
            self.curve = (*self.curve, point)


def apart(a: np.ndarray, b: np.ndarray) -> Apart:
    """PSNR of colour `a` [3, H, W] in [0, 1] against `b`.

    Over all pixels, the worst 1 % and the worst 0.1 %.
    """
    error = np.sort(np.square(np.nan_to_num(a.astype(np.float64) - b)).mean(axis=0).ravel())[::-1]
    worst = [error[: max(1, round(share * error.size))].mean() for share in (1.0, 0.01, 0.001)]
    return Apart(*(float(-10.0 * np.log10(m)) if m > 0 else float("inf") for m in worst))


def _colour_of(request: RenderRequest) -> str:
    return FINAL if FINAL in request.channels else RAW


def _same_picture(a: RenderRequest, b: RenderRequest) -> bool:
    return a.model_copy(update={"tier": b.tier}) == b


def difference(a: np.ndarray, b: np.ndarray, kind: str) -> np.ndarray:
    """Difference of two maps [H, W].

    Mean |Δ| of colour, |Δ| of scalars, distance of positions, angle [deg] of directions.
    """
    if kind == "scalar":
        return np.abs(a - b)
    if kind == "colour":
        return np.abs(a - b).mean(axis=0)
    if kind == "position":
        return np.linalg.norm(a - b, axis=0)
    cosine = np.clip((a * b).sum(axis=0), -1.0, 1.0)
    return np.degrees(np.arccos(cosine)).astype(np.float32)
