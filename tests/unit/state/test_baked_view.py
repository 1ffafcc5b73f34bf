"""Which picture is shown while the view moves, which volume is asked for, and what the scheduler leaves to the window."""

from __future__ import annotations

import pytest

from core_model.schema.camera import OrbitPose
from core_model.schema.latent import LatentSpec, SeedWeight
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import RenderRequest, Tier
from tests.unit.state.simulated_renderer import INFO
from viewer.state.baked_view import (
    BUDGET_MS,
    FADE_S,
    LATENT_REST_S,
    RESTING_S,
    SHARES,
    TIMED,
    WALK_LEVEL,
    BakedSizer,
    BakeWishes,
    Fade,
    has_map,
    is_exact,
    is_of,
    rest_of,
)
from viewer.state.comparison import Comparison
from viewer.state.document import ChannelView, Document
from viewer.state.scheduler import Scheduler

DOC = Document(checkpoint=INFO.path)
OTHER = LatentSpec(seeds=(SeedWeight(seed=5),))


@pytest.mark.parametrize(
    "channel, shown",
    [
        ("rgb", True),
        ("normal", True),
        ("depth", True),
        ("opacity", True),
        ("samples", False),
        ("beta", False),
    ],
)
def test_only_the_maps_of_a_volume_stand_in(channel: str, shown: bool):
    assert has_map(DOC.replace(view=DOC.view.with_channel(channel))) is shown


def test_nothing_stands_in_where_more_is_shown_than_the_picture():
    assert not has_map(DOC.replace(compare=Comparison(mode="wipe")))
    assert not has_map(DOC.replace(view_dirs="camera"))
    assert not has_map(DOC.replace(quality=DOC.quality.replace(baked=False)))
    part = DOC.view.with_channel("normal").with_channel_view(ChannelView(name="normal", component="x"))
    assert not has_map(DOC.replace(view=part))


def test_a_volume_of_another_latent_is_never_shown_as_this_one():
    question = BakeQuestion(checkpoint=DOC.checkpoint, latent=DOC.latent)
    assert is_of(question, DOC) and not is_of(question, DOC.replace(latent=OTHER)) and not is_of(None, DOC)


@pytest.mark.parametrize("tier", list(Tier))
def test_exact_is_a_whole_picture_of_this_very_view(tier: Tier):
    base = RenderRequest(checkpoint=DOC.checkpoint, latent=DOC.latent, camera=DOC.camera, tier=tier)
    assert is_exact(base, DOC) is (tier in (Tier.FULL, Tier.REFINED))
    assert not is_exact(base, DOC.replace(camera=OrbitPose(yaw=0.1)))
    assert not is_exact(base, DOC.replace(latent=OTHER))
    assert not is_exact(base, DOC.replace(view=DOC.view.with_channel("normal")))


def test_the_fade_is_linear_and_ends():
    fade, left = Fade(), 1.0
    assert fade.over and fade.step(0.0) == 1.0
    fade.baked()
    shares, now = [], 10.0
    while not fade.over:
        left *= 1.0 - fade.step(now)
        shares.append(1.0 - left)
        now += 0.03
    assert shares[0] < 0.2 and shares[-1] == 1.0 and now - 10.0 < FADE_S + 0.06
    steps = [b - a for a, b in zip(shares, shares[1:-1], strict=False)]
    assert max(steps) - min(steps) < 1e-6


def test_the_drawn_size_follows_from_measured_times():
    sizer = BakedSizer(slow=False)
    assert sizer.share == 1.0
    for _ in range(60):
        sizer.measured(90.0 * sizer.share**2)
    assert SHARES[-1] <= sizer.share < 0.7 and not sizer.coarse
    for _ in range(60):
        sizer.measured(400.0)
    assert sizer.coarse and sizer.share == SHARES[-1], "the coarse volume is the last resort"
    for _ in range(60):
        sizer.measured(4.0 * sizer.share**2)
    assert sizer.share == 1.0 and not sizer.coarse
    settled = BakedSizer(slow=True)
    for _ in range(60):
        settled.measured(1.1 * BUDGET_MS)
    assert settled.share == BakedSizer(slow=True).share


def test_few_pictures_are_timed_for_the_window_waits_for_them():
    sizer = BakedSizer(slow=True)
    timed = []
    for _ in range(5 * TIMED):
        timed.append(sizer.is_timed())
        if timed[-1]:
            sizer.measured(BUDGET_MS)
    assert timed[:4] == [True, True, True, False]
    assert sum(timed[TIMED:]) == 4
    sizer.measured(10.0 * BUDGET_MS)
    sizer.measured(10.0 * BUDGET_MS)
    assert sizer.is_timed(), "at another size the time is not known yet"


def test_a_slow_frame_is_no_rest():
    assert rest_of(0.02) == RESTING_S and rest_of(5.0) == RESTING_S
    assert rest_of(0.3) > 2 * 0.3


def test_volumes_are_wished_coarse_first_and_once_the_latent_rests():
    wishes = BakeWishes()
    assert wishes.next(DOC, INFO, 5.0) is None and wishes.wait_s(5.0) == pytest.approx(LATENT_REST_S)
    first = wishes.next(DOC, INFO, 5.3)
    assert first is not None and first.level == 128 and first.latent == DOC.latent
    wishes.sent(first, 7)
    assert wishes.came(6) is None and wishes.came(7) == first
    second = wishes.next(DOC, INFO, 5.4)
    assert second is not None and second.level == 256
    wishes.sent(second, 8)
    turned = DOC.replace(latent=OTHER)
    assert wishes.next(turned, INFO, 5.5) is None
    again = wishes.next(turned, INFO, 6.0)
    assert again is not None and (again.level, again.latent) == (128, OTHER)
    wishes.sent(again, 9)
    wishes.failed(9)
    assert wishes.next(turned, INFO, 7.0) is None, "what failed is not tried again"
    assert wishes.next(DOC.replace(quality=DOC.quality.replace(baked=False)), INFO, 9.0) is None


def test_a_walk_wishes_one_head_after_the_other_and_waits_for_each():
    wishes = BakeWishes()
    first = wishes.next(DOC, INFO, 5.0, walking=True)
    assert first is not None and (first.level, first.latent) == (WALK_LEVEL, DOC.latent)
    wishes.sent(first, 3)
    on = DOC.replace(latent=OTHER)
    assert wishes.next(on, INFO, 5.1, walking=True) == first, "what is under way is not given up"
    assert wishes.came(3) == first
    second = wishes.next(on, INFO, 5.2, walking=True)
    assert second is not None and second.latent == OTHER
    wishes.sent(second, 4)
    assert wishes.came(4) == second and wishes.next(on, INFO, 5.3, walking=True) is None
    finer = wishes.next(on, INFO, 6.0)
    assert finer is not None and (finer.level, finer.latent) == (128, OTHER), "the walk ended here"


def test_the_scheduler_asks_only_for_the_picture_at_rest_of_what_the_window_draws():
    scheduler = Scheduler()
    first = scheduler.step(DOC, (256, 256), INFO, 0.0, None, baked=True)
    assert first is not None and first.tier is Tier.MOVING, (
        "the first picture of all has nothing to stand in for it"
    )
    for i in range(1, 20):
        turned = DOC.replace(camera=OrbitPose(yaw=0.01 * i))
        assert scheduler.step(turned, (256, 256), INFO, 0.01 * i, None, baked=True) is None
        assert scheduler.abandon() is (i == 1)
        assert scheduler.wait_s(turned, 0.01 * i) == pytest.approx(turned.quality.settle_delay_s)
    last = scheduler.step(turned, (256, 256), INFO, 1.0, None, baked=True)
    assert last is not None and last.tier is Tier.FULL and last.camera == turned.camera and last.width == 256
    assert not scheduler.abandon() and scheduler.step(turned, (256, 256), INFO, 1.1, None, baked=True) is None
