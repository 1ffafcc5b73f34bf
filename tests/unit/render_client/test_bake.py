"""Baked volumes on their way from the worker to the window: shared memory, pipe, newest wish, crashes (fake_session.py)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import numpy as np
import psutil
import pytest

from core_model.schema.latent import LatentSpec
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import Tier
from tests.unit.render_client.fake_session import KILLED, RAISES, TILE_S, WIDE
from tests.unit.render_client.test_lifecycle import (
    frame_of,
    request,
    shared_blocks,
    started,
    until,
    worker_of,
)
from viewer.render_client import client as client_module
from viewer.render_client.client import RenderClient
from viewer.render_client.events import BakedReady, BakeFailed, Event, FrameReady, WorkerDied, WorkerStarted


@pytest.fixture
def client() -> Iterator[RenderClient]:
    before = shared_blocks()
    client = started()
    yield client
    client.stop()
    assert shared_blocks() == before


def wish(seed: int = 1, level: int = 16) -> BakeQuestion:
    return BakeQuestion(checkpoint="fake:a", latent=LatentSpec.of_seed(seed), level=level)


def is_volume(event: Event) -> bool:
    return isinstance(event, BakedReady | BakeFailed)


def volume_of(client: RenderClient, number: int) -> BakedReady:
    event, _ = until(client, is_volume)
    assert isinstance(event, BakedReady) and event.number == number
    return event


def test_volume_comes_back_whole_and_read_only(client: RenderClient) -> None:
    made = volume_of(client, client.bake(wish(7, 64)))
    assert made.spec.level == 64 and made.spec.latent == LatentSpec.of_seed(7)
    arrays = made.arrays
    assert (
        (arrays.value == 7).all() and (arrays.colour == 7).all() and (arrays.clear == np.float16(0.5)).all()
    )
    assert arrays.index.shape == (8, 8, 8, 4) and not arrays.index.any()
    assert not any(a.flags.writeable for a in (arrays.index, arrays.clear, arrays.value, arrays.colour))
    again = volume_of(client, client.bake(wish(9, 64)))
    assert (arrays.value == 7).all() and (again.arrays.value == 9).all(), (
        "the first one's memory was used again"
    )


def test_volumes_take_one_block_of_shared_memory(client: RenderClient) -> None:
    frame_of(client, client.submit(request()))
    before = shared_blocks()
    for seed in range(4):
        volume_of(client, client.bake(wish(seed)))
    assert len(shared_blocks() - before) == 1


def test_a_volume_larger_than_usual_goes_through_the_pipe_once(
    client: RenderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "usual_bytes", lambda level: 1024)
    first = volume_of(client, client.bake(wish(WIDE)))
    names = shared_blocks()
    second = volume_of(client, client.bake(wish(WIDE)))
    assert (first.arrays.value == WIDE).all() and (second.arrays.value == WIDE).all()
    assert shared_blocks() != names, "the next block was not made large enough for it"


def test_without_shared_memory_volumes_go_through_the_pipe(
    client: RenderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.render_client.shared_block.room", lambda: 0)
    assert (volume_of(client, client.bake(wish(3))).arrays.value == 3).all()


def test_the_newest_wish_wins(client: RenderClient) -> None:
    until(client, lambda e: isinstance(e, WorkerStarted))
    client.bake(wish(1, 512))
    time.sleep(10 * TILE_S)
    begun = time.monotonic()
    made = volume_of(client, client.bake(wish(2)))
    assert made.spec.level == 16 and time.monotonic() - begun < 1.0
    client.bake(wish(1, 512))
    client.bake(None)
    time.sleep(20 * TILE_S)
    assert not client.poll() and not client.status.busy, "a wish that was taken back is worked on"


def test_moving_pictures_keep_coming_while_a_volume_is_made(client: RenderClient) -> None:
    until(client, lambda e: isinstance(e, WorkerStarted))
    client.bake(wish(1, 128))
    frames, volumes, end, seed = 0, 0, time.monotonic() + 12.0, 0
    while not volumes and time.monotonic() < end:
        seed += 1
        client.submit(request(seed=seed % 10, tiles=4, tier=Tier.MOVING))
        for event in client.poll():
            frames, volumes = frames + isinstance(event, FrameReady), volumes + isinstance(event, BakedReady)
        time.sleep(0.004)
    assert volumes == 1 and frames >= 1, f"{frames} frames while {128 * TILE_S:.1f} s of volume were made"


def test_a_fine_volume_is_made_in_idle_time_only(client: RenderClient) -> None:
    until(client, lambda e: isinstance(e, WorkerStarted))
    number = client.bake(wish(1, 256))
    time.sleep(10 * TILE_S)
    begun = time.monotonic()
    frame_of(client, client.submit(request(seed=5, tier=Tier.FULL)))
    assert time.monotonic() - begun < 0.5
    volume_of(client, number)


def test_an_exception_is_an_event(client: RenderClient) -> None:
    client.bake(wish(RAISES))
    failed, _ = until(client, is_volume)
    assert isinstance(failed, BakeFailed) and failed.error.message == "ValueError: the volume went wrong"
    assert client.status.restarts == 0


def test_a_volume_that_kills_the_worker_is_given_up(client: RenderClient) -> None:
    client.bake(wish(KILLED))
    failed, _ = until(client, is_volume)
    assert isinstance(failed, BakeFailed) and "baked a volume" in failed.error.message
    volume_of(client, client.bake(wish(2)))
    assert client.status.restarts == 1


def test_a_killed_worker_leaves_no_shared_memory_and_goes_on(client: RenderClient) -> None:
    volume_of(client, client.bake(wish(1)))
    worker = client.status.pid
    number = client.bake(wish(4, 64))
    while client.status.kind != "bake":
        time.sleep(0.001)
    blocks = shared_blocks()
    client.submit(request(seed=3))
    os.kill(worker, signal.SIGKILL)
    event, seen = until(client, lambda e: is_volume(e) and getattr(e, "number", 0) == number)
    assert any(isinstance(e, WorkerDied) for e in seen)
    assert isinstance(event, BakeFailed), "what ended the worker is not tried again"
    volume_of(client, client.bake(wish(4, 64)))
    assert not blocks & shared_blocks(), "the dead worker's shared memory is still there"


def test_a_stream_of_volumes_leaves_memory_flat(client: RenderClient) -> None:
    worker = worker_of(client)

    def stream() -> None:
        for seed in range(100, 140):
            volume_of(client, client.bake(wish(seed, 16)))

    stream()
    here = psutil.Process()
    before = here.memory_info().rss, worker.memory_info().rss
    stream()
    stream()
    grown = here.memory_info().rss - before[0], worker.memory_info().rss - before[1]
    assert max(grown) < 4 << 20, f"grown by {grown[0] >> 10} KB here and {grown[1] >> 10} KB in the worker"
