"""A refined picture never looks worse than the full one.

The requests of the scheduler, rendered on the demo, averaged by the store.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from core_model.ops.pixel_noise import PixelNoise, frame_shift
from core_model.schema.assets import demo_checkpoint
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest, Tier
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession
from viewer.state.document import Document
from viewer.state.frames import FrameStore
from viewer.state.requests import full_request, view_request

EDGE = 80
GLASSES = ((0, 0.0), (1, 0.3))
"""(seed, yaw) of heads with thin frames, which a few samples per ray miss."""


@pytest.fixture(scope="module")
def session() -> Iterator[RenderSession]:
    threads = torch.get_num_threads()
    yield RenderSession(device="cpu", threads=2)
    torch.set_num_threads(threads)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10.0 * np.log10(np.square(a.astype(np.float64) - b).mean()))


def requests(doc: Document, info: CheckpointInfo, frames: int) -> list[RenderRequest]:
    """What the scheduler asks for at rest: the full picture and its refined frames."""
    full = full_request(doc, info, EDGE)
    refined = [view_request(doc, info, EDGE, Tier.REFINED, seed=n + 1) for n in range(frames)]
    return [full, *refined]


@pytest.mark.parametrize(
    "sampler",
    [
        "learned",
        *(
            pytest.param(n, marks=pytest.mark.slow)
            for n in ("importance", "occupancy", "stratified", "uniform")
        ),
    ],
)
def test_each_refined_frame_is_at_least_as_good_as_the_full_picture(
    session: RenderSession, sampler: str
) -> None:
    path = demo_checkpoint()
    assert path is not None
    info = session.open(path)
    views = GLASSES if sampler == "learned" else GLASSES[:1]
    for seed, yaw in views:
        doc = Document.defaults_from(info)
        camera = doc.camera.replace(yaw=doc.camera.yaw + yaw)
        doc = doc.replace(latent=LatentSpec.of_seed(seed), camera=camera, sampler=SamplerSpec(name=sampler))
        truth_request = full_request(doc.replace(sampler=SamplerSpec(name="uniform", spp=384)), info, EDGE)
        truth = session.render(truth_request).arrays["rgb"]
        store, full = FrameStore(), None
        for number, request in enumerate(requests(doc, info, 4)):
            frame = session.render(request)
            store.add(frame.result.model_copy(update={"generation": number}), dict(frame.arrays))
            picture = store.arrays["rgb"]
            full = picture if full is None else full
            assert psnr(picture, truth) >= psnr(full, truth) - 0.05, f"frame {number} of seed {seed}"
            assert np.abs(picture - truth).max() <= np.abs(full - truth).max() + 0.05, (
                f"speckle in frame {number} of seed {seed}"
            )
        assert store.averaged == 4 and psnr(store.arrays["rgb"], truth) > psnr(full, truth) + 0.5


def test_frames_of_a_mean_stand_at_different_places_of_the_same_strata() -> None:
    shifts = [frame_shift(n) for n in range(8)]
    assert shifts[:4] == [0.5, 0.25, 0.75, 0.125], "the first is the unjittered frame"
    assert sorted(shifts[:7]) == [n / 8 for n in range(1, 8)]
    pixels = torch.arange(5)
    common = PixelNoise(3, pixels, common=frame_shift(3)).uniform(4)
    assert common.shape == (5, 4) and (common == 0.125).all()
