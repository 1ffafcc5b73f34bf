"""The real render session in the worker process, on a sphere with a known answer."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
import psutil
import pytest

from core_model.schema.latent import LatentSpec
from core_model.schema.question import LatentQuestion, PictureQuestion
from core_model.schema.render import RenderRequest, Tier
from core_model.schema.sampler import SamplerSpec
from viewer.render_client.client import RenderClient
from viewer.render_client.events import (
    Answered,
    AnswerFailed,
    Event,
    FrameReady,
    Inspected,
    Opened,
    OpenFailed,
)
from viewer.render_client.messages import SessionOptions
from viewer.state.document import Document
from viewer.state.scheduler import Scheduler


def until(client: RenderClient, kind: type[Event], timeout_s: float = 60.0) -> Event:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        for event in client.poll():
            if isinstance(event, kind):
                return event
            if isinstance(event, FrameReady):
                assert event.result.error is None, event.result.error
        time.sleep(0.002)
    raise AssertionError(f"no {kind.__name__} within {timeout_s} s: {client.status}")


@pytest.fixture(scope="module")
def client() -> Iterator[RenderClient]:
    client = RenderClient(options=SessionOptions(cache_bytes=32 << 20))
    client.start()
    yield client
    client.stop()


def test_sphere_has_its_depth_in_the_middle(client: RenderClient) -> None:
    client.open("analytic:sphere")
    opened = until(client, Opened)
    assert isinstance(opened, Opened) and {"rgb", "depth"} <= {c.name for c in opened.info.channels}
    doc = Document.defaults_from(opened.info)
    channels = tuple(c.name for c in opened.info.channels if not c.needs_proposal or opened.info.has_proposal)
    request = RenderRequest(
        checkpoint=doc.checkpoint, latent=doc.latent, camera=doc.camera, width=64, height=64,
        sampler=doc.sampler, channels=channels, tier=Tier.FULL,
    )  # fmt: skip
    client.submit(request)
    frame = until(client, FrameReady)
    assert isinstance(frame, FrameReady) and frame.result.error is None, frame.result.error
    assert frame.result.request == request and set(channels) <= set(frame.arrays)
    rgb, depth = frame.arrays["rgb"], frame.arrays["depth"]
    assert rgb.shape == (3, 64, 64) and np.isfinite(rgb).all() and rgb.min() >= 0 and rgb.max() <= 1
    middle, corner = float(depth[32, 32]), frame.arrays["depth"][0, 0]
    assert 0 < middle < doc.camera.radius, "the sphere's near side is nearer than its centre"
    assert not np.isfinite(corner) or corner > middle
    assert client.status.memory_bytes > 50e6 and client.status.device


def test_tiers_end_in_silence(client: RenderClient) -> None:
    client.open("analytic:sphere")
    opened = until(client, Opened)
    assert isinstance(opened, Opened)
    doc = Document.defaults_from(opened.info)
    doc = doc.replace(quality=doc.quality.replace(refine_frames=2, floor_size=32))
    scheduler, last, tiers, quiet_since = Scheduler(), None, [], time.monotonic()
    end = time.monotonic() + 60
    while time.monotonic() - quiet_since < 1.0 and time.monotonic() < end:
        for event in client.poll():
            if isinstance(event, FrameReady):
                assert event.result.error is None, event.result.error
                last = event.result
        request = scheduler.step(doc, (96, 96), opened.info, time.monotonic(), last)
        if request is not None:
            tiers.append(request.tier)
            client.submit(request)
        if request is not None or client.status.busy:
            quiet_since = time.monotonic()
        time.sleep(0.005)
    assert tiers[0] is Tier.MOVING and Tier.FULL in tiers and Tier.REFINED in tiers
    assert tiers[-1] in (Tier.REFINED, Tier.BESIDE), tiers
    assert tiers.count(Tier.REFINED) == 2


def test_ray_report_of_the_middle(client: RenderClient) -> None:
    client.inspect(RenderRequest(checkpoint="analytic:sphere", width=64, height=64), 32, 32)
    done = until(client, Inspected)
    assert isinstance(done, Inspected) and done.report.hit_box and len(done.report.t) > 1
    assert all(a < b for a, b in zip(done.report.t, done.report.t[1:]))
    assert math.isclose(math.hypot(*done.report.direction), 1.0, rel_tol=1e-5)


def test_file_that_is_no_checkpoint(client: RenderClient, tmp_path: object) -> None:
    client.open(f"{tmp_path}/missing.safetensors")
    failed = until(client, OpenFailed)
    assert (
        isinstance(failed, OpenFailed)
        and failed.error.kind == "input"
        and "missing.safetensors" in failed.error.message
    )
    client.submit(RenderRequest(checkpoint="analytic:sphere", width=32, height=32))
    frame = until(client, FrameReady)
    assert isinstance(frame, FrameReady) and frame.result.error is None


def test_memory_of_the_worker_stays_flat_over_an_orbit(client: RenderClient) -> None:
    client.open("analytic:sphere")
    opened = until(client, Opened)
    assert isinstance(opened, Opened)
    doc = Document.defaults_from(opened.info)

    def turn(steps: int) -> int:
        for i in range(steps):
            camera = doc.camera.replace(yaw=0.01 * i)
            request = RenderRequest(checkpoint=doc.checkpoint, camera=camera, width=48, height=48)
            client.submit(request.replace(sampler=SamplerSpec(name="uniform", spp=16)))
            until(client, FrameReady)
        return psutil.Process(client.status.pid).memory_info().rss

    before = turn(15)
    assert turn(45) - before < 48 << 20, "the stage cache was given 32 MiB"


def test_questions_are_answered_beside_pictures(client: RenderClient) -> None:
    request = RenderRequest(
        checkpoint="analytic:sphere", width=24, height=24, sampler=SamplerSpec(name="uniform", spp=16)
    )
    numbers = [client.ask(PictureQuestion(checkpoint="analytic:sphere", request=request))]
    client.submit(request.replace(width=64, height=64))
    answered = until(client, Answered)
    assert isinstance(answered, Answered) and answered.number == numbers[0]
    assert answered.arrays["rgb"].shape == (3, 24, 24)
    number = client.ask(LatentQuestion(checkpoint="analytic:sphere", latent=LatentSpec()))
    failed = until(client, AnswerFailed)
    assert isinstance(failed, AnswerFailed) and failed.number == number and "latent" in failed.error.message
