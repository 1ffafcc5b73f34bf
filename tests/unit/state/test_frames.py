"""The last good frame and the mean of refined ones."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.schema.camera import OrbitPose
from core_model.schema.render import ErrorInfo, RenderRequest, RenderResult, Tier
from core_model.schema.sampler import SamplerSpec
from viewer.state.frames import FrameStore
from viewer.state.shown_map import chosen_rays


def result(
    generation: int, tier: Tier = Tier.FULL, seed: int = 0, error: str = "", yaw: float = 0.0
) -> RenderResult:
    request = RenderRequest(
        checkpoint="a", width=2, height=2, tier=tier, seed=seed, camera=OrbitPose(yaw=yaw)
    )
    failure = ErrorInfo(kind=error, message="no") if error else None
    return RenderResult(request=request, generation=generation, width=2, height=2, error=failure)


def rgb(value: float) -> dict[str, np.ndarray]:
    return {"rgb": np.full((3, 2, 2), value, np.float32)}


def test_error_keeps_the_last_good_picture() -> None:
    store = FrameStore()
    assert store.add(result(1), rgb(0.5)) and store.version == 1
    assert not store.add(result(2, error="failed"), {})
    assert store.error is not None and store.version == 1 and store.arrays["rgb"][0, 0, 0] == 0.5
    assert store.result is not None and store.result.generation == 1
    assert store.add(result(3), rgb(0.7)) and store.error is None and store.version == 2


def test_cancelled_and_older_frames_change_nothing() -> None:
    store = FrameStore()
    store.add(result(5), rgb(0.5))
    assert not store.add(result(4), rgb(0.1)) and not store.add(result(6, error="cancelled"), {})
    assert store.error is None and store.arrays["rgb"][0, 0, 0] == 0.5


def test_refined_frames_are_averaged_with_the_full_one_and_a_new_view_starts_afresh() -> None:
    rng = np.random.default_rng(0)
    full, *frames = rng.random((9, 3, 2, 2)).astype(np.float32)
    store = FrameStore()
    store.add(result(1, Tier.MOVING), rgb(0.0))
    store.add(result(2), {"rgb": full})
    assert store.averaged == 0
    for i, frame in enumerate(frames):
        store.add(result(3 + i, Tier.REFINED, seed=i + 1), {"rgb": frame})
    assert store.averaged == 8
    np.testing.assert_allclose(store.arrays["rgb"], np.mean([full, *frames], axis=0), atol=1e-6)
    store.add(result(20, Tier.REFINED, seed=1, yaw=0.3), rgb(0.25))
    assert store.averaged == 1 and (store.arrays["rgb"] == 0.25).all()
    store.add(result(21), rgb(0.75))
    assert store.averaged == 0 and (store.arrays["rgb"] == 0.75).all()


def test_a_channel_that_is_refined_later_counts_its_own_frames() -> None:
    store, seen = FrameStore(), np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    store.add(result(1), rgb(0.0) | {"beta": seen})
    for seed in (1, 2):
        store.add(result(1 + seed, Tier.REFINED, seed=seed), rgb(0.3))
    assert (store.averaged_in("rgb"), store.averaged_in("beta")) == (2, 0)
    store.add(result(4, Tier.REFINED, seed=1), rgb(0.9) | {"beta": seen + 2.0})
    assert (store.averaged_in("rgb"), store.averaged_in("beta")) == (2, 1)
    np.testing.assert_allclose(store.arrays["rgb"], 0.2, atol=1e-6)  # seed 1 was in it already
    np.testing.assert_allclose(store.arrays["beta"], seen + 1.0)


def test_what_tells_of_the_sampler_stays_that_of_the_full_frame() -> None:
    store = FrameStore()
    store.add(result(1), rgb(0.0) | {"samples": np.full((2, 2), 9.0, np.float32)})
    store.add(result(2, Tier.REFINED, seed=1), rgb(1.0) | {"samples": np.full((2, 2), 18.0, np.float32)})
    assert (store.arrays["samples"] == 9.0).all() and (store.arrays["rgb"] == 0.5).all()


def test_the_outline_of_hard_rays_survives_refinement() -> None:
    """The budgets that it is drawn by are those that the shown map of samples was made with."""
    own, more = SamplerSpec(spp=8.8), SamplerSpec(spp=17.6, tau=0.998, jitter=True)
    samples = np.array([[8.0, 16.0], [8.0, 8.0]], np.float32)
    store = FrameStore()
    for number, (tier, sampler) in enumerate(((Tier.FULL, own), (Tier.REFINED, more))):
        given = result(1 + number, tier, seed=number)
        assert given.request is not None
        given = given.model_copy(
            update={
                "request": given.request.model_copy(update={"sampler": sampler}),
                "total_ms": 100.0 + number,
            }
        )
        store.add(given, rgb(0.5) | {"samples": samples * (1 + number)})
        chosen = chosen_rays(store.arrays["samples"], store.result)
        assert chosen is not None and chosen.tolist() == [[False, True], [False, False]]
    assert store.result is not None and store.result.request is not None
    assert (store.result.request.tier, store.result.generation, store.result.total_ms) == (
        Tier.REFINED,
        2,
        100.0,
    )


def test_mean_is_over_the_frames_that_have_a_value() -> None:
    nan = np.nan
    depths = [[[1.0, nan], [nan, 2.0]], [[3.0, 4.0], [nan, nan]], [[5.0, nan], [nan, 4.0]]]
    store = FrameStore()
    for i, depth in enumerate(depths):
        store.add(result(1 + i, Tier.REFINED, seed=i + 1), {"depth": np.array(depth, np.float32)})
    np.testing.assert_allclose(store.arrays["depth"], [[3.0, 4.0], [nan, 3.0]])


def test_mean_normal_is_a_unit_vector() -> None:
    store = FrameStore()
    for i, axis in enumerate((0, 1, 0)):
        normal = np.zeros((3, 2, 2), np.float32)
        normal[axis] = 1.0
        store.add(result(1 + i, Tier.REFINED, seed=i + 1), {"normal": normal})
    expected = np.array([2.0, 1.0, 0.0]) / np.sqrt(5.0)
    np.testing.assert_allclose(store.arrays["normal"][:, 0, 0], expected, atol=1e-6)


def test_given_arrays_are_not_edited() -> None:
    first = rgb(0.0)
    first["rgb"].flags.writeable = False
    store = FrameStore()
    store.add(result(1, Tier.REFINED, seed=1), first)
    store.add(result(2, Tier.REFINED, seed=2), rgb(1.0))
    assert (first["rgb"] == 0.0).all() and (store.arrays["rgb"] == 0.5).all()


def test_shapes_that_do_not_fit_are_an_error() -> None:
    store = FrameStore()
    store.add(result(1, Tier.REFINED, seed=1), rgb(0.0))
    with pytest.raises(ValueError, match="channel 'rgb': expected"):
        store.add(result(2, Tier.REFINED, seed=2), {"rgb": np.zeros((3, 4, 4), np.float32)})


def test_values_and_extremes() -> None:
    store = FrameStore()
    depth = np.array([[1.0, np.nan], [3.0, np.inf]], np.float32)
    store.add(result(1), {"depth": depth, **rgb(0.5)})
    assert store.value("depth", 0, 1) == (3.0,) and store.value("rgb", 1, 1) == (0.5, 0.5, 0.5)
    assert (
        store.value("depth", 1, 0) is None
        and store.value("depth", 2, 0) is None
        and store.value("beta", 0, 0) is None
    )
    assert store.extremes("depth") == (1.0, 3.0) and store.extremes("beta") == (0.0, 1.0)
    store.clear()
    assert store.result is None and store.arrays == {} and store.error is None


def test_further_channels_join_the_picture_and_its_mean_and_those_of_another_view_are_dropped() -> None:
    store, there = FrameStore(), np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    store.add(result(1), rgb(0.0))
    store.add(result(2, Tier.REFINED, seed=1), rgb(1.0))
    assert store.add(result(3, Tier.BESIDE), {"beta": there, "rgb": np.ones((3, 2, 2), np.float32)})
    np.testing.assert_array_equal(store.arrays["beta"], there)
    assert (store.arrays["rgb"] == 0.5).all() and store.averaged_in("rgb") == 1
    assert store.base is not None and store.base.channels == ("rgb", "beta")
    assert store.result is not None and store.result.generation == 3
    assert store.result.request is not None and store.result.request.tier is Tier.REFINED
    store.add(result(4, Tier.REFINED, seed=1), {"beta": there + 2.0})
    np.testing.assert_allclose(store.arrays["beta"], there + 1.0)
    assert not store.add(result(5, Tier.BESIDE, yaw=0.3), {"depth": there}) and "depth" not in store.arrays
