"""Moving pictures of a baked scene are drawn by the surface-guided sampler: whole, and near the full picture."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.queries import QuerySession
from core_model.schema.assets import asset_path
from core_model.schema.camera import OrbitPose
from core_model.schema.latent import LatentSpec
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import RenderRequest, Tier
from core_model.schema.sampler import SamplerSpec

DEMO = str(asset_path("demo.safetensors"))
SIZE = 96
VIEWS = (OrbitPose(yaw=0.6, pitch=0.1), OrbitPose(yaw=1.57), OrbitPose(yaw=0.3, pitch=-0.5))


def request(camera: OrbitPose, tier: Tier, size: int = SIZE, **changes: object) -> RenderRequest:
    settings: dict[str, object] = {"channels": ("rgb", "depth", "opacity"), **changes}
    return RenderRequest(checkpoint=DEMO, camera=camera, width=size, height=size, tier=tier, **settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def session() -> QuerySession:
    return QuerySession(device="cpu", threads=1)


@pytest.fixture(scope="module")
def before(session: QuerySession) -> str:
    """The sampler of a moving picture while nothing is baked; bakes afterwards."""
    name = session.render(request(VIEWS[0], Tier.MOVING)).result.sampler
    session.bake(BakeQuestion(checkpoint=DEMO))
    return name


def test_the_learned_sampler_draws_until_the_scene_is_baked(session: QuerySession, before: str) -> None:
    assert before == "learned"
    assert session.render(request(VIEWS[0], Tier.MOVING)).result.sampler == "surface"


@pytest.mark.parametrize(
    ("tier", "changes"),
    [
        (Tier.FULL, {}),
        (Tier.SETTLED, {}),
        (Tier.MOVING, {"channels": ("rgb", "samples")}),
        (Tier.MOVING, {"sampler": SamplerSpec(strategy="unstratified")}),
    ],
    ids=("full", "settled", "samples shown", "another strategy"),
)
def test_what_shows_the_learned_sampler_is_drawn_by_it(
    session: QuerySession, before: str, tier: Tier, changes: dict[str, object]
) -> None:
    assert session.render(request(VIEWS[0], tier, 32, **changes)).result.sampler == "learned"


@pytest.mark.parametrize("view", VIEWS, ids=("three quarters", "side", "below"))
def test_moving_pictures_have_no_holes(session: QuerySession, before: str, view: OrbitPose) -> None:
    full = session.render(request(view, Tier.FULL, 2 * SIZE, sampler=SamplerSpec(spp=32))).arrays
    moving = session.render(request(view, Tier.MOVING)).arrays
    # every pixel that the head covers whole
    head = full["opacity"].reshape(SIZE, 2, SIZE, 2).min(axis=(1, 3)) > 0.98
    holes = int((head & (moving["opacity"] < 0.8)).sum())
    assert holes <= 0.001 * head.sum(), f"{holes} of {int(head.sum())} pixels let the background through"
    fine = full["rgb"].reshape(3, SIZE, 2, SIZE, 2).mean(axis=(2, 4))
    error = float(np.square(moving["rgb"] - fine).mean())
    assert -10.0 * np.log10(error) > 33.0
    plain = session.render(
        request(view, Tier.MOVING, sampler=SamplerSpec(spp=4, strategy="stratified"))
    ).arrays
    missed = int((head & (plain["opacity"] < 0.8)).sum())
    assert missed > 10 * max(holes, 1), "four samples of the learned sampler miss what these four find"


@pytest.mark.parametrize("seed", [0, 2, 1])
def test_before_the_bake_outlines_are_whole_too(seed: int) -> None:
    """While a latent is dragged nothing is baked: rays that four samples led past a surface are drawn again, and only
    where no channel shows what the sampler did."""
    session, view = QuerySession(device="cpu", threads=1), VIEWS[0]
    latent = LatentSpec.of_seed(seed, psi=0.7)
    dense = SamplerSpec(spp=64, adaptive=False, tau=0.999)
    full = session.render(request(view, Tier.FULL, latent=latent, sampler=dense)).arrays
    few = SamplerSpec(spp=4.4)
    moving = session.render(request(view, Tier.MOVING, latent=latent, sampler=few))
    assert moving.result.sampler == "learned"
    told = session.render(
        request(view, Tier.MOVING, latent=latent, sampler=few, channels=("rgb", "opacity", "samples"))
    )
    head = full["opacity"] > 0.95
    holes, before = (int((head & (x.arrays["opacity"] < 0.5)).sum()) for x in (moving, told))
    assert holes <= 0.004 * head.sum() and before > 10 * max(holes, 1)
    error, plain = (float(np.square(x.arrays["rgb"] - full["rgb"]).mean()) for x in (moving, told))
    assert -10.0 * np.log10(error) > 29.0 and plain > 4.0 * error
    # the picture that tells of the sampler is what it says: no sample more than those it counts
    assert told.result.evaluated_per_pixel < moving.result.evaluated_per_pixel
    assert told.result.samples_per_pixel == pytest.approx(4.4, abs=0.4)
