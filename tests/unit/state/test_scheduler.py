"""The tier table against a simulated renderer with a fake clock."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core_model.schema.channels import ChannelInfo
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest, RenderResult, Tier
from core_model.schema.sampler import SamplerSpec
from tests.unit.state.simulated_renderer import GUI_FRAME_S, INFO, Simulation
from viewer.state.document import ChannelView, Document, QualitySettings
from viewer.state.scheduler import Scheduler

DOC = Document.defaults_from(INFO)


def tiers(sim: Simulation) -> list[Tier]:
    return [r.tier for _, r in sim.requests]


def test_first_picture_goes_through_the_tiers_and_then_silence() -> None:
    sim = Simulation(us_per_sample=0.5)
    sim.rest(DOC, 30.0)
    assert tiers(sim) == [Tier.MOVING, Tier.SETTLED, Tier.FULL, Tier.BESIDE, *[Tier.REFINED] * 8]
    full, beside = sim.requests[2][1], sim.requests[3][1]
    assert beside == full.replace(tier=Tier.BESIDE, channels=("normal",))
    assert (full.width, full.height, full.sampler.spp, full.sampler.jitter) == (256, 256, 10.0, False)
    refined = [r for _, r in sim.requests[4:]]
    assert [r.seed for r in refined] == list(range(1, 9)) and all(r.sampler.jitter for r in refined)
    assert sim.requests[0][1].width < sim.requests[1][1].width <= 256
    assert sim.scheduler.wait_s(DOC, sim.now) is None
    last = sim.requests[-1][0]
    assert last < 130.0 - 10.0, "requests went on and on"


def test_settled_is_left_out_where_full_is_as_fast() -> None:
    sim = Simulation(us_per_sample=0.05)
    sim.rest(DOC, 5.0)
    sim.requests.clear()
    doc = sim.drag(DOC, 0.5)
    moved_until = sim.now
    sim.requests.clear()
    sim.rest(doc, 5.0)
    assert tiers(sim) == [Tier.FULL, Tier.BESIDE, *[Tier.REFINED] * 8]
    assert sim.requests[0][0] - moved_until <= DOC.quality.settle_delay_s + 0.05


def test_delays_are_kept() -> None:
    quality = QualitySettings(settle_delay_s=0.3, full_delay_s=0.9, refine=False)
    doc = DOC.replace(quality=quality)
    sim = Simulation(us_per_sample=0.5)
    sim.rest(doc, 5.0)
    times = {r.tier: t - sim.requests[0][0] for t, r in sim.requests}
    assert times[Tier.SETTLED] == pytest.approx(0.3, abs=0.04) and times[Tier.FULL] == pytest.approx(
        0.9, abs=0.04
    )
    assert Tier.REFINED not in times


@pytest.mark.parametrize("us_per_sample", [0.05, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("fixed_ms", [0.5, 20.0])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_moving_size_converges_and_does_not_oscillate(
    us_per_sample: float, fixed_ms: float, noise: float
) -> None:
    sim = Simulation(us_per_sample=us_per_sample, fixed_ms=fixed_ms, noise=noise, viewport=(512, 512))
    doc = sim.drag(DOC, 3.0)
    begun = sim.now
    sim.drag(doc, 6.0)
    late = [r for t, r in sim.finished(Tier.MOVING) if t > begun]
    sizes = [(r.width, r.request.sampler.spp) for r in late if r.request is not None]
    changes = sum(a != b for a, b in zip(sizes, sizes[1:]))
    assert changes <= (0 if noise == 0 else 2), f"{changes} changes of size: {sorted(set(sizes))}"
    mean_ms = sum(r.total_ms for r in late) / len(late)
    at_floor, at_full = sizes[-1] == (96, 4.0), sizes[-1] == (512, 10.0)
    assert at_floor or at_full or 0.75 < mean_ms * DOC.quality.target_fps / 1000 < 1.25, (
        f"{mean_ms:.1f} ms at {sizes[-1]}"
    )


def test_floor_is_the_users() -> None:
    doc = DOC.replace(quality=QualitySettings(floor_size=160))
    sim = Simulation(us_per_sample=50.0)
    sim.drag(doc, 20.0)
    assert {r.width for _, r in sim.requests} == {160}
    assert sim.requests[-1][1].sampler.spp == 4.0


def test_larger_target_rate_makes_smaller_frames() -> None:
    widths = []
    for fps in (10.0, 30.0):
        sim = Simulation(us_per_sample=0.5, viewport=(512, 512))
        sim.drag(DOC.replace(quality=QualitySettings(target_fps=fps)), 5.0)
        widths.append(sim.requests[-1][1].width)
    assert widths[0] > 1.3 * widths[1]


def test_slow_planes_do_not_shrink_the_picture() -> None:
    """A psi drag makes planes for every frame; the size is about the rays only."""
    sim = Simulation(us_per_sample=0.3, planes_ms=300.0)
    sim.drag(DOC, 4.0)
    before = sim.requests[-1][1].width
    doc = DOC
    for i in range(600):
        doc = doc.replace(latent=LatentSpec(psi=0.7 - 0.001 * i))
        sim.tick(doc)
    assert sim.requests[-1][1].width >= 0.85 * before


def test_pacing_of_requests_while_the_renderer_is_slow() -> None:
    """A drag over a slow renderer still shows finished frames at its pace."""
    sim = Simulation(us_per_sample=0.1, fixed_ms=200.0)
    sim.drag(DOC, 4.0)
    assert len(sim.finished(Tier.MOVING)) >= 15


def test_what_only_the_window_draws_asks_for_nothing() -> None:
    sim = Simulation()
    sim.rest(DOC, 10.0)
    sim.requests.clear()
    depth = next(c for c in INFO.channels if c.name == "depth")
    view = DOC.view.with_channel_view(
        DOC.view.of("depth", depth).replace(colormap="magma", auto_range=False, high=3.0)
    )
    doc = DOC.replace(view=view)
    sim.rest(doc, 2.0)
    sim.rest(doc.replace(view=view.with_channel("depth")), 2.0)  # depth is in every frame
    sim.rest(doc.replace(quality=QualitySettings(target_fps=30)), 2.0)
    assert sim.requests == []


def test_channel_that_is_chosen_before_it_came_is_asked_for() -> None:
    sim = Simulation()
    while sim.scheduler.tier is not Tier.FULL:
        sim.tick(DOC)
    sim.requests.clear()
    doc = DOC.replace(view=DOC.view.with_channel("normal"))
    sim.rest(doc, 10.0)
    assert tiers(sim)[0] is Tier.MOVING and tiers(sim)[-1] is Tier.REFINED
    for tier, request in zip(tiers(sim), (r for _, r in sim.requests), strict=True):
        moving = ("rgb", "depth", "normal")  # of the sampler only its finished pictures tell
        along = {Tier.MOVING: (), Tier.FULL: ("samples", "entropy")}.get(tier, ("samples",))
        assert request.channels == (*moving, *along)
    sim.requests.clear()
    sim.rest(DOC, 2.0)  # back to colour: it is in those frames
    assert sim.requests == []


def test_channels_follow_the_checkpoint() -> None:
    without = INFO.replace(has_proposal=False, channels=INFO.channels[:3] + INFO.channels[4:])
    request = Scheduler().step(
        DOC.replace(view=DOC.view.with_channel("entropy")), (64, 64), without, 0.0, None
    )
    assert request is not None and request.channels == ("rgb", "depth")


def test_closed_checkpoint_or_another_one_is_silence() -> None:
    sim = Simulation()
    for _ in range(10):
        assert sim.tick(DOC, info=None) is None
        assert sim.tick(DOC, info=INFO.replace(path="other")) is None
    assert sim.tick(DOC) is not None


def test_error_is_not_asked_for_again_until_something_changes() -> None:
    sim = Simulation(fails=True)
    sim.rest(DOC, 10.0)
    assert len(sim.requests) == 1
    sim.fails = False
    sim.rest(DOC.replace(latent=LatentSpec.of_seed(2)), 20.0)
    assert sim.requests[-1][1].tier is Tier.REFINED


def test_refinement_stops_where_the_sampler_ignores_the_seed() -> None:
    sim = Simulation(ignores_seed=True)
    sim.rest(DOC, 20.0)
    assert tiers(sim).count(Tier.REFINED) == 2


def test_more_refinement_can_be_asked_for_at_rest() -> None:
    sim = Simulation()
    sim.rest(DOC, 20.0)
    more = DOC.replace(quality=QualitySettings(refine_frames=12))
    sim.rest(more, 20.0)
    assert tiers(sim).count(Tier.REFINED) == 12 and sim.requests[-1][1].seed == 12


def test_moving_replaces_a_full_frame_at_once() -> None:
    sim = Simulation(us_per_sample=5.0)
    sim.rest(DOC, 1.5)
    assert sim.requests[-1][1].tier in (Tier.FULL, Tier.SETTLED)
    sim.requests.clear()
    doc = DOC.replace(camera=DOC.camera.replace(yaw=0.5))
    assert sim.tick(doc) is not None and tiers(sim) == [Tier.MOVING]


def test_size_of_the_picture_follows_the_viewport_and_the_limit() -> None:
    sim = Simulation(viewport=(900, 700))
    sim.rest(DOC.replace(quality=QualitySettings(max_size=512, refine=False)), 20.0)
    assert (sim.requests[-1][1].width, sim.requests[-1][1].height) == (512, 512)
    sim.viewport = (400, 300)
    sim.rest(DOC.replace(quality=QualitySettings(max_size=512, refine=False)), 20.0)
    assert sim.requests[-1][1].width == 300
    sim.viewport = (0, 0)
    count = len(sim.requests)
    sim.rest(DOC, 1.0)
    assert len(sim.requests) == count


def test_budgets_of_the_user_hold_at_rest_and_shrink_while_moving() -> None:
    spec = SamplerSpec(low_budget=16, high_budget=32, adaptive_share=0.1)
    sim = Simulation(us_per_sample=1.0)
    sim.rest(DOC.replace(sampler=spec), 20.0)
    moving, full = (next(r for _, r in sim.requests if r.tier is t).sampler for t in (Tier.MOVING, Tier.FULL))
    assert (full.low_budget, full.high_budget, full.spp) == (16, 32, pytest.approx(17.6))
    assert moving.low_budget is None and moving.spp is not None and moving.spp < 17.6


def test_wait_tells_when_to_look_again() -> None:
    scheduler = Scheduler()
    request = scheduler.step(DOC, (256, 256), INFO, 10.0, None)
    assert request is not None and scheduler.wait_s(DOC, 10.0) is None
    result = RenderResult(
        request=request, generation=1, width=request.width, height=request.width, total_ms=20.0
    )
    assert scheduler.step(DOC, (256, 256), INFO, 10.05, result) is None
    assert scheduler.wait_s(DOC, 10.05) == pytest.approx(0.10)
    full = scheduler.step(DOC, (256, 256), INFO, 10.16, result)
    assert full is not None and full.tier is Tier.FULL, (
        "at 20 ms a moving frame, full needs no settled one before it"
    )


def test_reset_asks_again() -> None:
    sim = Simulation()
    sim.rest(DOC, 20.0)
    sim.requests.clear()
    sim.scheduler.reset()
    sim.rest(DOC, 1.0)
    assert tiers(sim)[0] is Tier.MOVING


def test_old_results_do_not_count_as_answers() -> None:
    scheduler = Scheduler()
    first = scheduler.step(DOC, (64, 64), INFO, 0.0, None)
    moved = DOC.replace(camera=DOC.camera.replace(yaw=0.1))
    assert scheduler.step(moved, (64, 64), INFO, 0.1, None) is not None
    late = RenderResult(request=first, generation=1, total_ms=5.0)
    assert scheduler.step(moved, (64, 64), INFO, 1.0, late) is None


def test_request_is_valid_and_survives_validation() -> None:
    request = Scheduler().step(DOC, (333, 222), INFO, 0.0, None)
    assert request is not None
    assert RenderRequest.model_validate_json(request.model_dump_json()) == request


def test_channel_view_defaults_come_from_the_channel() -> None:
    depth = next(c for c in INFO.channels if c.name == "depth").replace(colormap="turbo", low=0.0, high=4.0)
    view = DOC.view.of("depth", depth)
    assert (view.colormap, view.auto_range, view.low, view.high) == ("turbo", False, 0.0, 4.0)
    assert DOC.view.of("depth", depth.replace(high=None)).auto_range
    mine = ChannelView(name="depth", colormap="magma", invert=True)
    settings = DOC.view.with_channel_view(mine).with_channel_view(mine.replace(low=1.0, high=2.0))
    assert settings.of("depth", depth).low == 1.0 and len(settings.channel_views) == 1


def test_document_takes_the_best_sampler_that_works() -> None:
    learned, importance = INFO.samplers
    info = INFO.replace(samplers=(learned.replace(available=False), importance), num_ws=8)
    doc = Document.defaults_from(info)
    assert doc.sampler.name == "importance" and doc.latent.cutoff == 8 and doc.checkpoint == "sim"


def test_a_channel_that_came_along_is_only_refined() -> None:
    sim = Simulation()
    sim.rest(DOC, 10.0)
    full = next(r for _, r in sim.requests if r.tier is Tier.FULL)
    assert "entropy" in full.channels, "it costs nothing beside the colours"
    assert all("entropy" not in r.channels for _, r in sim.requests if r.tier is not Tier.FULL)
    sim.requests.clear()
    sim.rest(DOC.replace(view=DOC.view.with_channel("entropy")), 10.0)
    assert set(tiers(sim)) == {Tier.REFINED} and len(sim.requests) == DOC.quality.refine_frames
    assert [r.seed for _, r in sim.requests] == list(range(1, DOC.quality.refine_frames + 1))


def test_over_a_line_nothing_comes_along() -> None:
    sim = Simulation()
    sim.scheduler.along = False
    sim.rest(DOC, 10.0)
    assert all("entropy" not in r.channels for _, r in sim.requests)
    assert Tier.BESIDE not in tiers(sim) and sim.scheduler.wait_s(DOC, sim.now) is None


def test_at_rest_every_channel_of_the_view_is_there_and_choosing_one_starts_nothing_over() -> None:
    sim = Simulation()
    sim.rest(DOC, 10.0)
    sim.requests.clear()
    for channel in INFO.channels:
        sim.rest(DOC.replace(view=DOC.view.with_channel(channel.name)), 10.0)
    assert set(tiers(sim)) == {Tier.REFINED}, "the chosen channel is refined, as colour was"
    assert {"normal", "entropy"} <= {name for _, r in sim.requests for name in r.channels}


def test_channels_that_take_long_come_last() -> None:
    info = INFO.replace(channels=(*INFO.channels, ChannelInfo(name="missed", title="Missed", kind="scalar")))
    sim = Simulation()
    for _ in range(900):
        sim.tick(DOC, info)
    assert tiers(sim)[2:] == [Tier.FULL, Tier.BESIDE, *[Tier.REFINED] * 8, Tier.BESIDE]
    assert [r.channels for _, r in sim.requests if r.tier is Tier.BESIDE] == [("normal",), ("missed",)]
    sim.requests.clear()
    sim.tick(DOC.replace(view=DOC.view.with_channel("missed")), info)
    assert Tier.MOVING not in tiers(sim)


def test_a_channel_that_cannot_be_made_beside_the_picture_is_not_asked_for_twice() -> None:
    sim = Simulation(fails_beside=True)
    sim.rest(DOC, 10.0)
    assert tiers(sim).count(Tier.BESIDE) == 1 and tiers(sim).count(Tier.REFINED) == 8
    assert sim.scheduler.wait_s(DOC, sim.now) is None


HANDS = st.one_of(
    st.tuples(st.just("turn"), st.booleans()),
    st.tuples(st.just("channel"), st.sampled_from(("rgb", "depth", "entropy"))),
    st.tuples(st.just("latent"), st.integers(0, 2)),
    st.tuples(st.just("wait"), st.integers(1, 60)),
    st.tuples(st.just("cancel"), st.none()),
    st.tuples(st.just("preempt"), st.none()),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(HANDS, max_size=12), st.sampled_from((0.05, 0.5, 2.0)), st.booleans())
@example(hands=[("turn", True), ("wait", 37)], us_per_sample=0.5, fails_beside=False)
def test_whatever_a_hand_does_the_last_view_is_refined_in_the_end(
    hands: list[tuple[str, Any]], us_per_sample: float, fails_beside: bool
) -> None:
    """Results may come late, of views that were left to the baked volume too: they say nothing about the one that is wanted."""
    sim = Simulation(us_per_sample=us_per_sample, fails_beside=fails_beside)
    doc = DOC
    for what, value in hands:
        if what == "turn":
            doc = sim.drag(doc, 0.04, baked=value)
        elif what == "channel":
            doc = doc.replace(view=doc.view.with_channel(value))
        elif what == "latent":
            doc = doc.replace(latent=LatentSpec.of_seed(value))
        elif what == "wait":
            sim.rest(doc, value * GUI_FRAME_S)
        elif what == "cancel":
            sim.scheduler.hold()
        else:
            sim.scheduler.preempted()
    doc = sim.drag(doc, 0.02, baked=True)
    end = sim.now + 60.0
    while sim.now < end and (sim.scheduler.waiting or sim.scheduler.wait_s(doc, sim.now) is not None):
        sim.tick(doc)
    pictures = [r for _, r in sim.requests if r.camera == doc.camera and r.latent == doc.latent]
    assert sum(r.tier is Tier.REFINED for r in pictures) == doc.quality.refine_frames
    assert sim.scheduler.wait_s(doc, sim.now) is None and not sim.scheduler.waiting
