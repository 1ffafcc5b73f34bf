"""Which picture the window asks for next: another view, then the picture to compare with, then settling, then refinement."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from core_model.schema.question import DirectionsQuestion, PictureQuestion, Question
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import RenderRequest, RenderResult, Tier
from tests.blob_head.session import blob_info
from viewer.render_client.events import Answered, Event, FrameReady, Opened, WorkerStatus
from viewer.shell.coordinator import RenderCoordinator
from viewer.state.comparison import Comparison
from viewer.state.document import Document
from viewer.state.store import Store

INFO = blob_info("blob:demo")
EDGE = 128


@dataclass
class Window:
    """A controller, its clock, and a renderer that answers when the test says so."""

    now: float = 100.0
    status: WorkerStatus = WorkerStatus()
    asked_pictures: list[RenderRequest] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    generation: int = 0

    def __post_init__(self) -> None:
        self.store = Store()
        self.control = RenderCoordinator(self, self.store)  # type: ignore[arg-type]
        self.control.open("blob:demo")
        self.events.append(Opened(INFO, number=1))
        self.frame()

    # the renderer's face, as far as the controller uses it

    def open(self, path: str) -> int:
        return 1

    def close(self, path: str) -> None: ...

    def submit(self, request: RenderRequest) -> int:
        self.generation += 1
        self.asked_pictures.append(request)
        return self.generation

    def ask(self, question: Question) -> int:
        self.asked.append(question)
        return len(self.asked)

    def bake(self, question: BakeQuestion | None) -> int:
        return 0

    def withdraw_picture(self) -> None:
        self.withdrawn.append("picture")

    def withdraw_question(self) -> None:
        self.withdrawn.append("question")

    def poll(self) -> list[Event]:
        events, self.events = self.events, []
        return events

    # what the test does

    @property
    def last(self) -> RenderRequest:
        return self.asked_pictures[-1]

    @property
    def doc(self) -> Document:
        return self.control.store.doc

    def frame(
        self, doc: Document | None = None, seconds: float = 0.02, want: tuple[Question, ...] = ()
    ) -> list[RenderRequest]:
        """One GUI frame; returns the pictures that were asked for in it."""
        self.now += seconds
        before = len(self.asked_pictures)
        self.control.poll(self.now)
        for question in want:
            self.control.queries.want(question)
        self.store.edit(self.doc, doc or self.doc, self.now)
        self.control.ask(EDGE, self.now)
        return self.asked_pictures[before:]

    def answer(self, request: RenderRequest | None = None) -> None:
        """The renderer has finished the last picture (or `request`)."""
        request = request or self.last
        shape = (request.height, request.width)
        arrays = {
            n: np.full((3, *shape) if n in ("rgb", "normal") else shape, 0.5, np.float32)
            for n in request.channels
        }
        result = RenderResult(
            request=request, generation=self.generation, width=request.width, height=request.height, total_ms=5000.0,
            samples_per_pixel=request.sampler.spp or 0.0,
        )  # fmt: skip
        self.events.append(FrameReady(result, arrays))

    def rested(self, refined: int = 2) -> Document:
        """Until the full picture is there, `refined` frames are in it and the next one is under way."""
        for _ in range(50):
            if self.last.tier is Tier.REFINED and self.last.seed > refined:
                return self.doc
            self.answer()
            self.frame(seconds=0.5)
        raise AssertionError("it never refined")

    def compare(self, **changes: object) -> Document:
        return self.doc.replace(compare=Comparison.beside("difference", **changes))


def test_b_goes_before_refinement_which_goes_on_with_its_frames() -> None:
    window = Window()
    window.rested(refined=2)
    own = window.control.frames.base
    assert own is not None and own.tier is Tier.FULL
    asked = window.frame(window.compare(what="sampler", sampler="uniform"))
    assert [r.sampler.name for r in asked] == ["uniform"], (
        "B is asked for while a refined frame is under way, in the same GUI frame"
    )
    b = asked[0]
    assert (b.tier, b.sampler.spp, b.sampler.tau, b.sampler.jitter) == (
        Tier.FULL,
        own.sampler.spp,
        own.sampler.tau,
        False,
    )
    for _ in range(5):
        assert window.frame(seconds=0.5) == [], "nothing goes before B while it is computed"
    window.answer()
    resumed = window.frame()
    assert [(r.tier, r.seed) for r in resumed] == [(Tier.REFINED, 3)]
    window.answer()
    window.frame()
    assert window.control.frames.averaged == 3 and window.control.compared.views[1].frames.arrays, (
        "no frame was lost"
    )


def test_the_reference_goes_before_refinement() -> None:
    window = Window()
    window.rested()
    asked = window.frame(window.compare(what="reference", reference_spp=256))
    assert [r.sampler.name for r in asked] == ["stratified"]
    window.answer()
    assert [r.sampler.name for r in window.frame()] == ["stratified"], "its second pass, too"
    window.answer()
    assert [(r.sampler.name, r.seed) for r in window.frame()] == [("learned", 3)]


def test_b_goes_before_a_settles() -> None:
    """A full picture under way is given up for a quick B at the size that is shown, and asked for again."""
    window = Window()
    window.answer()
    while window.last.tier is Tier.MOVING:
        window.frame(seconds=0.1)
    settling = window.last
    (b,) = window.frame(window.compare(what="samples", spp=64.0))
    assert b.sampler.spp == 64.0 and b.tier is Tier.MOVING
    window.answer()
    assert [r.tier for r in window.frame(seconds=0.5)] == [Tier.FULL] and settling.tier in (
        Tier.SETTLED,
        Tier.FULL,
    )


def test_another_view_goes_before_b_and_a_display_setting_does_not() -> None:
    window = Window()
    window.rested()
    doc = window.compare(what="sampler", sampler="uniform")
    window.frame(doc)
    brighter = doc.replace(
        view=doc.view.with_channel_view(doc.view.of("depth", INFO.channels[1]).replace(invert=True))
    )
    assert window.frame(brighter) == [] and window.control.compared.pending is not None
    turned = brighter.replace(camera=doc.camera.replace(yaw=0.7))
    assert [(r.tier, r.camera) for r in window.frame(turned)] == [(Tier.MOVING, turned.camera)]
    assert window.control.compared.pending is None


def test_another_b_replaces_the_one_that_is_computed() -> None:
    window = Window()
    window.rested()
    window.frame(window.compare(what="sampler", sampler="uniform"))
    (other,) = window.frame(window.compare(what="sampler", sampler="importance"))
    assert other.sampler.name == "importance"
    (refined,) = window.frame(window.doc.replace(compare=Comparison()))
    assert refined.tier is Tier.REFINED and window.control.compared.pending is None


def test_a_full_picture_that_was_ready_all_the_same_is_not_made_twice() -> None:
    window = Window()
    window.answer()
    while window.last.tier is not Tier.FULL:
        if window.frame(seconds=0.5) and window.last.tier is Tier.SETTLED:
            window.answer()
    full = window.last
    (b,) = window.frame(window.compare(what="samples", spp=64.0))
    window.answer(full)
    window.answer(b)
    assert all(r.tier is not Tier.FULL or r.sampler.spp == 64.0 for r in window.frame())


def test_questions_are_asked_while_it_refines_and_small_pictures_wait_for_the_others() -> None:
    window = Window()
    window.rested()
    thumb = PictureQuestion(
        checkpoint="blob:demo", request=RenderRequest(checkpoint="blob:demo", width=8, height=8)
    )
    directions = DirectionsQuestion(checkpoint="blob:demo")
    window.frame(want=(thumb,))
    assert window.asked == [thumb]
    window.frame(want=(thumb, directions))
    assert window.asked == [thumb, directions], "a board is no reason to wait"
    window.frame(want=(thumb, directions))
    assert len(window.asked) == 2
    window.events.append(Answered(2, {"samples": 1}))
    window.frame(want=(thumb,))
    assert window.asked[2:] == [thumb] and window.control.queries.peek(directions) is not None


@pytest.mark.parametrize("kind", ["second", None])
def test_cancelling_b_ends_the_comparison_and_keeps_the_picture(kind: str | None) -> None:
    window = Window()
    window.rested()
    window.frame(window.compare(what="sampler", sampler="uniform"))
    (work, *_) = window.control.work(window.now)
    assert (work.kind, work.title, work.shown) == ("second", "Computing B", True)
    shown = window.control.frames.version
    window.control.cancel(kind, window.now)  # type: ignore[arg-type]
    assert window.doc.compare.mode == "off" and window.withdrawn == ["picture"]
    assert [r.tier for r in window.frame()] == [Tier.REFINED] and window.control.frames.version == shown


def test_a_cancelled_question_is_not_asked_again_until_it_is_wanted_anew() -> None:
    window = Window()
    window.rested()
    directions = DirectionsQuestion(checkpoint="blob:demo")
    window.frame(want=(directions,))
    assert not any(w.shown for w in window.control.work(window.now) if w.kind == "question"), (
        "not worth a word yet"
    )
    window.frame(want=(directions,), seconds=1.5)
    (work,) = [w for w in window.control.work(window.now) if w.kind == "question"]
    assert work.shown and work.title == "Finding directions"
    window.control.cancel("question", window.now)
    error = window.control.queries.error(directions)
    assert error is not None and error.kind == "cancelled"
    window.frame(want=(directions,))
    assert window.withdrawn == ["question"] and window.asked == [directions]
    window.frame()
    window.frame(want=(directions,))
    assert window.asked == [directions, directions]


def test_a_cancelled_picture_is_not_asked_again_until_something_changes() -> None:
    window = Window()
    window.rested()
    window.control.cancel("picture", window.now)
    assert window.withdrawn == ["picture"]
    assert [window.frame(seconds=0.5) for _ in range(4)] == [[]] * 4
    turned = window.doc.replace(camera=window.doc.camera.replace(yaw=0.2))
    assert [r.tier for r in window.frame(turned)] == [Tier.MOVING]


def test_while_the_view_turns_b_follows_every_a() -> None:
    window = Window()
    window.rested()
    window.frame(window.compare(what="sampler", sampler="uniform"))
    window.answer()
    window.frame()
    order = []
    for step in range(12):  # a drag: another view in every GUI frame, an answer every other frame
        turned = window.doc.replace(camera=window.doc.camera.replace(yaw=0.01 * (step + 1)))
        asked = window.frame(turned)
        order += [r.sampler.name for r in asked]
        if step % 2:
            window.answer()
    assert {"learned", "uniform"} <= set(order)
    pairs = [name for i, name in enumerate(order) if i == 0 or name != order[i - 1]]
    assert (
        pairs == ["learned", "uniform"] * (len(pairs) // 2) + ["learned"] * (len(pairs) % 2)
        and pairs.count("uniform") >= 2
    )
