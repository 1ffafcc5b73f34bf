"""Which picture to request from the renderer, and when: the quality tiers (design §3).

moving   at every change; size and samples from measured milliseconds
settled  after `settle_delay_s` of rest; full samples at a size that takes a fraction of a second; left out
         where a full frame is as fast
full     after `full_delay_s` of rest; the size of the viewport and the user's samples
beside   the other channels of that picture, so that each is there at once when it is chosen; those that take
         many evaluations only after the refined frames
refined  one frame after the other with samples at other places of the same strata, averaged with the full
         frame by the FrameStore

Then nothing, until the document changes. What only the GUI draws (colour map, range) never makes a request.
Pure: the clock is an argument.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import IDLE, RenderRequest, RenderResult, Tier
from viewer.state.document import Document
from viewer.state.final_view import QUICK, final_ms, in_raw, is_final, is_repeatable, size_matters, stands_in
from viewer.state.moving_size import LATENT_STAGES, MovingSize, MovingSizer
from viewer.state.requests import (
    LAST,
    as_its_program,
    beside_request,
    channels_for,
    channels_left,
    samples_of,
    view_request,
)

SETTLED_MS = 200.0
"""Target time of a settled frame; a full frame that is expected to be as fast is asked for instead."""
SETTLED_FLOOR = 128


@dataclass(frozen=True)
class _Wanted:
    """What decides a picture, apart from its tier."""

    doc: Document
    edge: int


class Scheduler:
    """Takes the document in each GUI frame and answers with the request to submit, or None.

    along: exact pictures bring the channels that cost nothing, and the others follow while nothing else is wanted; not over a
    line, where each of them takes its time.
    """

    def __init__(self) -> None:
        self.sizer = MovingSizer()
        self.along = True
        self._wanted: _Wanted | None = None
        self._changed_at = 0.0
        self._sent: RenderRequest | None = None
        self._answered = True
        self._given_up: RenderRequest | None = None
        self._sent_before: RenderRequest | None = None
        self._held = False
        self._left = False
        self._kept: RenderRequest | None = None
        self._left_out: tuple[str, ...] = ()
        self._refined_in: set[str] = set()
        self._failed: set[str] = set()
        self._seen: tuple[int, int] | None = None
        self._refined = 0
        self._ms_per_sample: float | None = None
        self._final_ms: float | None = None
        self._last_extremes: tuple[tuple[float, float], ...] = ()

    def step(
        self,
        doc: Document,
        viewport_px: tuple[int, int],
        info: CheckpointInfo | None,
        now: float,
        last_result: RenderResult | None,
        only_new: bool = False,
        baked: bool = False,
    ) -> RenderRequest | None:
        """The next request, or None.

        only_new: nothing but the first picture of another view. baked: the window itself draws this view while it
        moves, so that only the picture at rest is asked for.
        viewport_px: (width, height) of the viewport in framebuffer pixels; pictures are square, as the
        families' cameras are, with the shorter side as edge. info: of `doc.checkpoint`, None while it is not
        open (then no request). now: seconds of a monotonic clock. last_result: the newest result from the
        renderer, errors included.
        """
        self.learn(doc, last_result)
        edge = min(*viewport_px, doc.quality.max_size)
        if info is None or info.path != doc.checkpoint or edge < 1:
            return None
        wanted = _Wanted(_picture_part(doc), edge)
        if self._is_new(wanted, doc, info):
            self._note_change(wanted, now)
            self._left = baked and self._sent is not None
            return None if self._left else self._send(self._moving(doc, info, edge))
        if only_new or self._held or not self._answered or self._sent is None:
            return None
        if self._left:
            if now - self._changed_at < doc.quality.settle_delay_s:
                return None
            self._left = False
            return self._send(self._full(doc, info, edge))
        under_way = self._sent.channels if self._sent.tier is Tier.REFINED else ()
        if self._sent.tier in IDLE and doc.view.channel not in {*self._refined_in, *under_way}:
            # it came along with the full picture: now it is refined too
            self._refined, self._last_extremes = 0, ()
        self._left_out = self._channels_left(info)
        request = self._at_rest(doc, info, edge, now - self._changed_at)
        return None if request is None else self._send(request)

    def turns(self, doc: Document, edge_px: int, info: CheckpointInfo) -> bool:
        """Whether the next step asks for another view than the last one."""
        return self._is_new(_Wanted(_picture_part(doc), min(edge_px, doc.quality.max_size)), doc, info)

    def _is_new(self, wanted: _Wanted, doc: Document, info: CheckpointInfo) -> bool:
        return self._wanted is None or wanted != self._wanted or not (self._left or self._covers(doc, info))

    def abandon(self) -> bool:
        """Give up what is under way for a view that has been left to the window; whether there was anything."""
        given_up = self._left and not self._answered
        self._answered = self._answered or self._left
        return given_up

    def full_ms(self, doc: Document, info: CheckpointInfo, edge_px: int) -> float | None:
        """Milliseconds that an exact picture of the viewport's size is expected to take; None before anything was measured."""
        if is_final(doc.view.channel, info):
            return self._final_ms
        edge = min(edge_px, doc.quality.max_size)
        return None if self._ms_per_sample is None else self._ms_per_sample * edge**2 * samples_of(doc, info)

    def preempted(self) -> None:
        """Something else interrupted what was under way: it is requested again, refinement at the same frame."""
        if self._sent is None or self._answered:
            return
        self._answered = True
        if self._sent.tier not in IDLE:
            self._given_up, self._sent = self._sent, self._sent_before

    def hold(self) -> None:
        """The user cancelled it: nothing more is requested until something changes."""
        self._held = self._answered = True

    def wait_s(self, doc: Document, now: float) -> float | None:
        """Seconds until `step` may request more although nothing changes (0 = now); None = nothing to
        request, or a result is due.

        To be called after `step` in the same GUI frame.
        """
        if self._left and not self._held:
            return max(0.0, self._changed_at + doc.quality.settle_delay_s - now)
        if self._sent is None or self._held or not self._answered or self._is_finished(doc):
            return None
        settle_at, full_at = (
            self._changed_at + s for s in (doc.quality.settle_delay_s, doc.quality.full_delay_s)
        )
        if self._sent.tier is Tier.MOVING and now < settle_at:
            return settle_at - now
        if self._sent.tier in (Tier.MOVING, Tier.SETTLED):
            return max(0.0, full_at - now)
        return 0.0

    @property
    def waiting(self) -> bool:
        """Whether a request is under way."""
        return self._sent is not None and not self._answered

    def rest_s(self, now: float) -> float:
        """Seconds since the picture last had to change."""
        return now - self._changed_at

    def reset(self) -> None:
        """Ask again from the start at the next step (worker restarted by hand, checkpoint reloaded)."""
        self._wanted, self._sent, self._answered, self._held, self._left = None, None, True, False, False
        self.sizer.forget()
        self._ms_per_sample = self._final_ms = None

    @property
    def tier(self) -> Tier | None:
        """Tier of the last request; None before the first."""
        return None if self._sent is None else self._sent.tier

    # What came back

    def learn(self, doc: Document, result: RenderResult | None) -> None:
        """Take a result once: its timings, and that its request is answered. `step` calls it too."""
        if result is None or result.request is None or self._seen == (result.generation, id(result)):
            return
        self._seen = (result.generation, id(result))
        if result.error is None:
            self._learn_time(doc, result)
        if result.error is None and result.request == self._given_up:
            self._sent = self._given_up  # it was ready before it could be given up
        if result.request != self._sent:
            return
        self._answered = True
        if self._left:
            return  # of the view before: it is no step of the one that the window draws now
        if result.request.tier is Tier.BESIDE:
            self._took_beside(result)
            return
        if result.error is not None:
            # The same view would fail again: wait for a change. A cancelled one may be asked for again.
            self._held = result.error.kind != "cancelled"
            if not self._held and result.request.tier is not Tier.REFINED:
                self._sent = result.request.model_copy(update={"tier": Tier.MOVING})
        elif result.request.tier is Tier.REFINED:
            self._refined_in |= set(result.request.channels)
            extremes = tuple((f.low, f.high) for f in result.frames)
            same = extremes == self._last_extremes and any(low != high for low, high in extremes)
            # A sampler that ignores the seed gives the same picture twice: more of it changes nothing.
            self._refined = doc.quality.refine_frames if same else self._refined + 1
            self._last_extremes = extremes

    def _learn_time(self, doc: Document, result: RenderResult) -> None:
        request = result.request
        assert request is not None
        latent_ms = sum(t.ms for t in result.timings if t.stage in LATENT_STAGES and not t.cached)
        ms = max(result.total_ms - latent_ms, 0.05)
        target = 1000.0 / doc.quality.target_fps
        finished = final_ms(result)
        if finished is not None:
            self._final_ms = max(finished - latent_ms, 0.05)
        if not size_matters(result):
            return
        spp = request.sampler.spp or result.samples_per_pixel or 1.0
        size = MovingSize(request.width, spp)
        if request.tier is Tier.BESIDE:  # other channels take other times
            return
        if request.tier is Tier.MOVING:
            self.sizer.measured(ms, size, target)
            if self._ms_per_sample is None:
                self._ms_per_sample = ms / size.work
            return
        if latent_ms < 0.5 * result.total_ms:
            self.sizer.hint(ms, size.work, target)
        self._ms_per_sample = ms / size.work

    # What goes out

    def _note_change(self, wanted: _Wanted, now: float) -> None:
        old = self._wanted
        if old is None or old.doc.checkpoint != wanted.doc.checkpoint:
            self.sizer.forget()
            self._ms_per_sample = self._final_ms = None
        elif old.doc.latent != wanted.doc.latent or old.doc.sampler.name != wanted.doc.sampler.name:
            self.sizer.skip_next()
        self._wanted, self._changed_at, self._given_up, self._kept = wanted, now, None, None
        self._held = False
        self._refined, self._last_extremes = 0, ()
        self._refined_in, self._failed, self._left_out = set(), set(), ()

    def _at_rest(self, doc: Document, info: CheckpointInfo, edge: int, rest_s: float) -> RenderRequest | None:
        assert self._sent is not None
        quality, tier = doc.quality, self._sent.tier
        if tier is Tier.MOVING and rest_s >= quality.settle_delay_s:
            settled = self._settled_edge(doc, info, edge)
            if settled is None:
                return self._full(doc, info, edge)
            if rest_s < quality.full_delay_s and settled > self._sent.width:
                return view_request(doc, info, settled, Tier.SETTLED)
            if rest_s >= quality.full_delay_s:
                return self._full(doc, info, edge)
        elif tier is Tier.SETTLED and rest_s >= quality.full_delay_s:
            return self._full(doc, info, edge)
        elif tier in _WHOLE:
            return self._more(doc, info, edge)
        return None

    def _more(self, doc: Document, info: CheckpointInfo, edge: int) -> RenderRequest | None:
        """What follows the exact picture: its other channels, refined frames, and channels that take long."""
        quick = tuple(name for name in self._left_out if name not in LAST)
        refined = self._is_refined(doc)
        if self._kept is not None and self._left_out and (quick or refined):
            return beside_request(self._kept, quick or self._left_out)
        return None if refined else view_request(doc, info, edge, Tier.REFINED, seed=self._refined + 1)

    def _channels_left(self, info: CheckpointInfo) -> tuple[str, ...]:
        if self._kept is None or not self.along:
            return ()
        return tuple(name for name in channels_left(self._kept, info) if name not in self._failed)

    def _took_beside(self, result: RenderResult) -> None:
        """The channels are there; those that could not be made are not asked for again before the view changes."""
        request = result.request
        assert request is not None and self._kept is not None
        if result.error is None:
            self._kept = self._kept.replace(channels=(*self._kept.channels, *request.channels))
        elif result.error.kind != "cancelled":
            self._failed |= set(request.channels)

    def _is_refined(self, doc: Document) -> bool:
        kept = self._kept or self._sent
        assert kept is not None
        return is_repeatable(kept) or not doc.quality.refine or self._refined >= doc.quality.refine_frames

    def _is_finished(self, doc: Document) -> bool:
        assert self._sent is not None
        return self._sent.tier in _WHOLE and self._is_refined(doc) and not self._left_out

    def _settled_edge(self, doc: Document, info: CheckpointInfo, edge: int) -> int | None:
        """Edge of a settled frame of about SETTLED_MS; None = the full frame is expected to be as fast."""
        if self._ms_per_sample is None or doc.native or is_final(doc.view.channel, info):
            return None
        full_ms = self._ms_per_sample * edge * edge * samples_of(doc, info)
        if full_ms <= SETTLED_MS:
            return None
        fits = 8 * round(edge * math.sqrt(SETTLED_MS / full_ms) / 8)
        return max(min(SETTLED_FLOOR, edge), min(fits, edge))

    def _moving(self, doc: Document, info: CheckpointInfo, edge: int) -> RenderRequest:
        if (
            is_final(doc.view.channel, info)
            and self._final_ms is not None
            and self._final_ms <= QUICK * 1000.0 / doc.quality.target_fps
        ):
            return view_request(doc, info, edge, Tier.MOVING)
        size = self.sizer.size(edge, samples_of(doc, info), doc.quality.floor_size)
        request = view_request(doc, info, size.edge, Tier.MOVING, spp=size.spp)
        raw = {"channels": in_raw(request.channels), "shared_rays": False}
        return request.model_copy(update=raw) if is_final(doc.view.channel, info) else request

    def _full(self, doc: Document, info: CheckpointInfo, edge: int) -> RenderRequest:
        native = doc.native and info.has_native  # the program has its own few channels
        request = view_request(doc, info, edge, Tier.FULL, along=self.along and not native)
        return as_its_program(request, info) if native else request

    def _send(self, request: RenderRequest) -> RenderRequest:
        self._sent_before, self._sent, self._answered = self._sent, request, False
        self._kept = request if request.tier is Tier.FULL else self._kept
        return request

    def _covers(self, doc: Document, info: CheckpointInfo) -> bool:
        """Whether the pictures on their way hold the channel that is shown."""
        if self._sent is None or (
            self._sent.shared_rays and not self._sent.native and not is_final(doc.view.channel, info)
        ):
            return False
        tier = Tier.FULL if self._sent.tier in _WHOLE else self._sent.tier
        wanted = channels_for(doc, info, tier)
        if tier is Tier.FULL and self._kept is not None and set(wanted) <= set(self._kept.channels):
            return True
        moving = self._sent.tier is Tier.MOVING and is_final(doc.view.channel, info) and stands_in(self._sent)
        return set(in_raw(wanted) if moving else wanted) <= set(self._sent.channels)


_WHOLE = (Tier.FULL, *IDLE)


def _picture_part(doc: Document) -> Document:
    """The document without display settings and frame rate, whose changes need no new picture."""
    kept = doc.quality
    quality = type(kept)(precision=kept.precision, skip_empty=kept.skip_empty)
    return doc.model_copy(update={**_NOT_RENDERED, "quality": quality})


_NOT_RENDERED = {
    name: getattr(Document(), name)
    for name in (
        "view",
        "rays",
        "compare",
        "section",
        "planes",
        "layers",
        "volume",
        "mesh",
        "navigation",
        "path",
    )
}
