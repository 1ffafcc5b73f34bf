"""A renderer, a GUI loop and a clock that exist only as numbers: for the tests of the scheduler."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointHeader, CheckpointInfo
from core_model.schema.render import ChannelFrame, ErrorInfo, RenderRequest, RenderResult, StageTime, Tier
from core_model.schema.sampler import SamplerInfo
from viewer.state.document import Document
from viewer.state.scheduler import Scheduler

GUI_FRAME_S = 1.0 / 60.0

INFO = CheckpointInfo(
    path="sim", header=CheckpointHeader(family="sim"), num_ws=14, has_proposal=True,
    channels=(
        ChannelInfo(name="rgb", title="Colour", kind="colour"),
        ChannelInfo(name="depth", title="Depth", kind="scalar"),
        ChannelInfo(name="normal", title="Normal", kind="direction"),
        ChannelInfo(name="samples", title="Samples", kind="scalar"),
        ChannelInfo(name="entropy", title="Entropy", kind="scalar", needs_proposal=True),
    ),
    samplers=(
        SamplerInfo(name="learned", title="Learned", description="", default_spp=10.0),
        SamplerInfo(name="importance", title="Importance", description="", default_spp=96.0),
    ),
)  # fmt: skip


@dataclass
class Simulation:
    """ms = fixed_ms + us_per_sample * edge² * spp / 1000, ± noise.

    A change of latent adds planes_ms once. One request is in hand at a time; a newer one waits (moving) or
    replaces it (others), as in the client.
    """

    us_per_sample: float = 0.5
    fixed_ms: float = 5.0
    planes_ms: float = 0.0
    noise: float = 0.0
    viewport: tuple[int, int] = (256, 256)
    fails: bool = False
    fails_beside: bool = False
    ignores_seed: bool = False
    scheduler: Scheduler = field(default_factory=Scheduler)
    now: float = 100.0
    requests: list[tuple[float, RenderRequest]] = field(default_factory=list)
    results: list[tuple[float, RenderResult]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(4)
        self._in_hand: tuple[float, RenderResult] | None = None
        self._waiting: RenderRequest | None = None
        self._last: RenderResult | None = None
        self._latent: object = None
        self._generation = 0

    def tick(
        self, doc: Document, info: CheckpointInfo | None = INFO, *, baked: bool = False
    ) -> RenderRequest | None:
        """One GUI frame: deliver what is finished, ask the scheduler, hand over what it wants.

        What the scheduler abandons comes nevertheless: it was on its way already.
        """
        self.now += GUI_FRAME_S
        self._deliver()
        request = self.scheduler.step(doc, self.viewport, info, self.now, self._last, baked=baked)
        self.scheduler.abandon()
        if request is not None:
            self.requests.append((self.now, request))
            in_hand = self._in_hand[1].request if self._in_hand else None
            if in_hand is not None and in_hand.tier is not Tier.MOVING:
                self._in_hand = None
            self._waiting = request
            self._take()
        return request

    def rest(self, doc: Document, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.tick(doc)

    def drag(self, doc: Document, seconds: float, *, baked: bool = False) -> Document:
        """Turn a little in every GUI frame."""
        end = self.now + seconds
        while self.now < end:
            doc = doc.replace(camera=doc.camera.replace(yaw=doc.camera.yaw + 0.001))
            self.tick(doc, baked=baked)
        return doc

    def finished(self, tier: Tier) -> list[tuple[float, RenderResult]]:
        return [(t, r) for t, r in self.results if r.request is not None and r.request.tier is tier]

    def _deliver(self) -> None:
        if self._in_hand is not None and self._in_hand[0] <= self.now:
            self._last = self._in_hand[1]
            self.results.append(self._in_hand)
            self._in_hand = None
            self._take()

    def _take(self) -> None:
        if self._in_hand is None and self._waiting is not None:
            request, self._waiting = self._waiting, None
            result = self._render(request)
            self._in_hand = (self.now + result.total_ms / 1000.0, result)

    def _render(self, request: RenderRequest) -> RenderResult:
        self._generation += 1
        spp = request.sampler.spp
        assert spp is not None
        ms = self.fixed_ms + self.us_per_sample * request.width**2 * spp / 1000.0
        ms *= 1.0 + self.noise * self._random.uniform(-1.0, 1.0)
        timings = [StageTime(stage="field", ms=ms)]
        if self._latent != request.latent and self.planes_ms:
            timings.append(StageTime(stage="planes", ms=self.planes_ms))
        self._latent = request.latent
        fails = self.fails or (self.fails_beside and request.tier is Tier.BESIDE)
        low = 0.0 if self.ignores_seed else 0.001 * request.seed
        return RenderResult(
            request=request, generation=self._generation, width=request.width, height=request.height,
            frames=() if fails else (ChannelFrame(name="rgb", shape=(3, 4, 4), low=low, high=1.0),),
            timings=tuple(timings), total_ms=sum(t.ms for t in timings),
            error=ErrorInfo(kind="failed", message="no") if fails else None,
        )  # fmt: skip
