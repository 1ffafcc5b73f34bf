"""The picture to compare with: what it is asked for, when, and how far the two are apart.

Pure but for its frame store. A new view of A (the window's own picture) goes first; B follows each A of the
same pose, so that both turn together, and goes before A settles or is refined. A reference is accumulated
pass by pass while A rests, and kept as truth until the view changes; then the curve is measured: the current
sampler at a few sample counts against that truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import ErrorInfo, RenderRequest, RenderResult, Tier
from viewer.state.document import Document
from viewer.state.final_view import FINAL, RAW
from viewer.state.frames import FrameStore
from viewer.state.requests import PASS_SPP, plain, reference_pass, request_b
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
    """One instance per window; `next` gives the next request, `take` accepts a result."""

    def __init__(self) -> None:
        self.frames = FrameStore()
        self.maps = MapCache()
        self.pending: RenderRequest | None = None
        self.curve: tuple[CurvePoint, ...] = ()
        self.error: ErrorInfo | None = None
        self._plain: frozenset[str] = frozenset()
        self._own = ""
        self._goal: RenderRequest | None = None
        self._apart: tuple[tuple[int, int], Apart | None] | None = None

    def next(
        self, doc: Document, info: CheckpointInfo, a: RenderResult | None, resting: bool
    ) -> RenderRequest | None:
        """The next request for B; None = nothing to ask.

        a: the shown full picture of A; resting: A is full and its view stays.
        """
        spec = doc.compare
        if spec.mode == "off" or a is None or a.request is None or self.pending is not None:
            return None
        if spec.what == "reference":
            return self._next_of_reference(doc, info, a.request) if resting else None
        self._own = a.request.checkpoint
        goal = self._request_b(doc, info, a.request)
        if goal == self._goal or (
            a.request.tier is Tier.REFINED and self._goal is not None and _same_picture(goal, self._goal)
        ):
            return None
        self._goal = self.pending = goal
        return goal

    def take(self, result: RenderResult, arrays: dict[str, np.ndarray]) -> bool:
        """Whether this answer was B's."""
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
        return True

    def preempted(self) -> None:
        """A asked for another picture: what was under way for B is dropped by the worker."""
        if self.pending is not None:
            self.pending = None
            if self._goal is not None and self._goal.tier is not Tier.REFINED:
                self._goal = None

    def computing(self, doc: Document) -> bool:
        """Whether the picture of B that the document asks for is not there yet.

        While the view turns it is one step behind, not late.
        """
        spec = doc.compare
        if (
            spec.mode == "off"
            or self.error is not None
            or (spec.what == "checkpoint" and not spec.checkpoint)
        ):
            return False
        return not self.frames.arrays or (self.pending is not None and self.pending.tier is not Tier.MOVING)

    def wanted(self, doc: Document, info: CheckpointInfo, a: RenderRequest) -> bool:
        """Whether what is under way is still what the document asks for."""
        if doc.compare.mode == "off":
            return False
        if doc.compare.what == "reference":
            return self._goal == reference_pass(doc, info, a, 0)
        return self._goal == self._request_b(doc, info, a)

    def _request_b(self, doc: Document, info: CheckpointInfo, a: RenderRequest) -> RenderRequest:
        goal = request_b(doc, info, a)
        return plain(goal) if goal.checkpoint in self._plain else goal

    def clear(self) -> None:
        """Another checkpoint is open.

        The maps stay: their numbers name pictures in textures, and may not begin again.
        """
        maps = self.maps
        self.__init__()
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

    def matches(self, a: RenderResult | None) -> bool:
        """Whether B shows the view of A (while turning it may be one step behind)."""
        b = self.frames.result
        if a is None or b is None or a.request is None or b.request is None:
            return False
        return a.request.camera == b.request.camera and (a.width, a.height) == (b.width, b.height)

    def apart(self, a: FrameStore) -> Apart | None:
        """How far A's colour is from B's; None where they cannot be compared."""
        key = (a.version, self.frames.version)
        if self._apart is None or self._apart[0] != key:
            both = next((n for n in (FINAL, RAW) if n in a.arrays and n in self.frames.arrays), FINAL)
            pair = a.arrays.get(both), self.frames.arrays.get(both)
            ready = (
                pair[0] is not None
                and pair[1] is not None
                and self.matches(a.result)
                and pair[0].shape == pair[1].shape
            )
            self._apart = (key, apart(*pair) if ready else None)  # type: ignore[arg-type]
        return self._apart[1]

    def _next_of_reference(
        self, doc: Document, info: CheckpointInfo, a: RenderRequest
    ) -> RenderRequest | None:
        first = reference_pass(doc, info, a, 0)
        if self._goal != first:
            self._goal, self.curve, self.error = first, (), None
            self.frames.clear()
        if self.error is not None:
            return None  # the same pass would fail again; a change of the view tries anew
        spp = float(first.sampler.spp or PASS_SPP)
        if self.frames.averaged * spp < doc.compare.reference_spp:
            self.pending = reference_pass(doc, info, a, self.frames.averaged)
            return self.pending
        if not doc.compare.curve or len(self.curve) == len(CURVE_SPP):
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
